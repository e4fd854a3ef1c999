"""Where the engine is: `DOCKER_HOST`, the chosen docker context, or the usual sockets."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from git_datmo.errors import EngineError
from git_datmo.model.frozen import frozen

USUAL = "/var/run/docker.sock"
KINDS = ("unix", "tcp", "http", "https", "ssh")


@frozen
class Place:
    """An engine's address. `certificates` is the folder of ca.pem, cert.pem and key.pem where it
    speaks TLS; `verify` whether its certificate is checked; `source` who named it."""

    address: str
    source: str
    certificates: Path | None = None
    verify: bool = True

    @property
    def kind(self) -> str:
        """`unix`, `tcp` or `ssh`."""
        kind = urlsplit(self.address).scheme
        return "tcp" if kind in ("http", "https") else kind

    @property
    def socket(self) -> str:
        """The path of a `unix` address."""
        return self.address.removeprefix("unix://")

    @property
    def host(self) -> tuple[str, int]:
        """Name and port of a `tcp` address."""
        parts = urlsplit(self.address)
        return parts.hostname or "localhost", parts.port or (2376 if self.certificates else 2375)

    @property
    def shown(self) -> str:
        """The address for people, without a password it may hold."""
        parts = urlsplit(self.address)
        if parts.password is None:
            return self.address
        return self.address.replace(f":{parts.password}@", ":***@")


def locate(environ: Mapping[str, str]) -> Place:
    """The engine this environment means. Reads files, connects to nothing.

    Raises EngineError for an address or context that means nothing.
    """
    if host := environ.get("DOCKER_HOST"):
        folder = environ.get("DOCKER_CERT_PATH") or f"{_home(environ)}/.docker"
        tls = "DOCKER_TLS_VERIFY" in environ or "DOCKER_CERT_PATH" in environ
        verify = bool(environ.get("DOCKER_TLS_VERIFY"))
        certificates = Path(folder) if tls else None
        return _checked(Place(host, "DOCKER_HOST", certificates, verify))
    name = environ.get("DOCKER_CONTEXT") or _current_context(environ)
    if name and name != "default":
        return _checked(_context(name, environ))
    sockets = (
        USUAL,
        f"{environ['XDG_RUNTIME_DIR']}/docker.sock" if environ.get("XDG_RUNTIME_DIR") else USUAL,
        f"{_home(environ)}/.docker/run/docker.sock",
    )
    there = next((path for path in sockets if os.path.exists(path)), USUAL)
    return Place(f"unix://{there}", "the default")


def _checked(place: Place) -> Place:
    kind, mark, rest = place.address.partition("://")
    usable = kind in KINDS and mark and rest and (kind != "unix" or rest.startswith("/"))
    try:
        valid = usable and (place.kind != "tcp" or bool(place.host[1]))
    except ValueError:  # a port that is no number
        valid = False
    if not valid:
        raise EngineError(
            f"{place.source} is no address of a Docker engine: {place.shown}",
            hint="it looks like unix:///var/run/docker.sock, tcp://host:2375 or ssh://user@host",
        )
    return place


def _home(environ: Mapping[str, str]) -> str:
    return environ.get("HOME") or "/"


def _settings(environ: Mapping[str, str]) -> Path:
    return Path(environ.get("DOCKER_CONFIG") or f"{_home(environ)}/.docker")


def _current_context(environ: Mapping[str, str]) -> str | None:
    try:
        settings = json.loads((_settings(environ) / "config.json").read_bytes())
    except (OSError, ValueError):
        return None
    name = settings.get("currentContext") if isinstance(settings, dict) else None
    return name if isinstance(name, str) else None


def _context(name: str, environ: Mapping[str, str]) -> Place:
    # The docker command names a context's folder by the digest of its name.
    digest = hashlib.sha256(name.encode()).hexdigest()
    folder = _settings(environ) / "contexts"
    try:
        meta = json.loads((folder / "meta" / digest / "meta.json").read_bytes())
        endpoint = meta["Endpoints"]["docker"]
        address, unchecked = str(endpoint["Host"]), bool(endpoint.get("SkipTLSVerify"))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise EngineError(
            f"the docker context '{name}' is not there or cannot be read",
            hint="see 'docker context ls', or set DOCKER_HOST",
        ) from error
    keys = folder / "tls" / digest / "docker"
    certificates = keys if keys.is_dir() else None
    return Place(address, f"the docker context '{name}'", certificates, not unchecked)
