"""The engine, through the docker SDK: clients, what it can do, and its errors in one sentence."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from http.client import HTTPException
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from git_datmo.errors import EngineError
from git_datmo.model.frozen import frozen
from git_datmo.runners.docker.place import Place, locate
from git_datmo.runners.docker.probe import ELSEWHERE, ping

if TYPE_CHECKING:
    from docker import APIClient

OLDEST = (1, 40)  # Docker 19.03: the first that grants GPUs
ANSWER_SECONDS = 120.0


@frozen
class Ability:
    """What an engine says of itself. `shares_kernel`: it runs on this very kernel, so a mount it
    makes is made where our files are. `rootless`: its root is the user who started it. `remaps`:
    its users are others outside. `keeps_logs`: it has the log driver that keeps them small.
    `overlays`: it mounts an overlay that is asked for (Podman gives an empty folder instead)."""

    id: str
    version: str
    cpus: int
    rootless: bool
    shares_kernel: bool
    gpus: bool
    remaps: bool = False
    keeps_logs: bool = True
    overlays: bool = True


class Engine:
    """One engine, found through the user's environment when it is first needed."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    @cached_property
    def place(self) -> Place:
        """Where it is. Raises EngineError for a wrong address."""
        return locate(self._environ)

    @cached_property
    def api_version(self) -> str | None:
        """The version of its API; None when the SDK is to ask. Raises EngineError when it does
        not answer or is too old."""
        if self.place.kind == "ssh":
            return None
        version = ping(self.place)
        numbers = tuple(int(part) for part in version.split(".") if part.isdigit())
        if numbers < OLDEST:
            raise EngineError(
                f"Docker at {self.place.shown} is too old: it speaks API {version}, "
                f"{'.'.join(map(str, OLDEST))} is needed",
                hint=f"upgrade it to 19.03 or later, {ELSEWHERE}",
            )
        return version

    def client(self, seconds: float | None = ANSWER_SECONDS) -> APIClient:
        """A client of its own connections, that waits `seconds` for each answer (None: for ever).

        Raises EngineError when the engine does not answer.
        """
        version = self.api_version or "auto"
        if self.place.kind == "ssh" and find_spec("paramiko") is None:
            raise EngineError(
                f"Docker at {self.place.shown} is behind ssh, and the Python package for that is "
                "not installed",
                hint="install paramiko beside git-datmo ('pip install paramiko')",
            )
        with self.asking("be reached"):
            from docker import APIClient
            from docker.tls import TLSConfig

            tls: TLSConfig | bool = False
            if (folder := self.place.certificates) is not None:
                pair = (str(folder / "cert.pem"), str(folder / "key.pem"))
                ca = str(folder / "ca.pem") if self.place.verify else None
                tls = TLSConfig(client_cert=pair, ca_cert=ca, verify=self.place.verify)
            return APIClient(
                base_url=self.place.address,
                version=version,
                timeout=seconds,  # type: ignore[arg-type]  # None is for ever
                tls=tls,
                use_ssh_client=True,
            )

    @cached_property
    def ability(self) -> Ability:
        """What it can do. Raises EngineError when it does not answer."""
        with self.asking("say what it can do"):
            told = self.client().info()
        same = sys.platform == "linux" and told.get("KernelVersion") == platform.release()
        desktop = "Docker Desktop" in str(told.get("OperatingSystem"))
        security = " ".join(told.get("SecurityOptions") or ())
        runtimes = told.get("Runtimes") or {}
        drivers = (told.get("Plugins") or {}).get("Log")
        return Ability(
            id=str(told.get("ID") or self.place.address),
            version=str(told.get("ServerVersion") or "unknown"),
            cpus=int(told.get("NCPU") or os.cpu_count() or 1),
            # The second is Podman's word for it.
            rootless="name=rootless" in security or bool(told.get("Rootless")),
            shares_kernel=same and not desktop and self.place.kind == "unix",
            gpus="nvidia" in runtimes,
            remaps="name=userns" in security,
            keeps_logs=not drivers or "local" in drivers,
            overlays="BuildahVersion" not in told,
        )

    @contextmanager
    def asking(self, what: str) -> Iterator[None]:
        """Turn what the SDK raises into EngineError: `Docker could not <what>: <why>`."""
        try:
            yield
        except foreign_errors() as error:
            raise self.explained(what, error) from error

    def explained(self, what: str, error: BaseException) -> EngineError:
        """What the SDK raised, as `Docker could not <what>: <why>`."""
        text = said(error)
        hint = f"it is the engine at {self.place.shown}"
        if "no space left on device" in text:
            hint = "free space on the engine's disk: 'docker system df' shows what it keeps"
        return EngineError(f"Docker could not {what}: {text}", hint=hint)


def foreign_errors() -> tuple[type[BaseException], ...]:
    """Whatever the SDK lets through: its own errors, those of requests (which are OSError) and
    of urllib3, whose base is reached through the SDK because it is no dependency of ours."""
    # As a whole first: a part of it, asked for while another thread loads the rest, fails in both.
    import docker
    from docker.transport import unixconn

    urllib3: Any = unixconn.__dict__["urllib3"]
    return (docker.errors.DockerException, OSError, HTTPException, urllib3.exceptions.HTTPError)


def is_gone(error: BaseException) -> bool:
    """Whether the engine answered that there is no such thing."""
    return getattr(getattr(error, "response", None), "status_code", None) == 404


def said(error: BaseException) -> str:
    """What an error of the SDK says, on one line."""
    text = getattr(error, "explanation", None) or str(error)
    return " ".join(str(text).split()).rstrip(".") or type(error).__name__
