"""Which Git LFS server goes with a remote. Found as git-lfs finds it.

One difference: git-lfs believes a tracked `.lfsconfig` whatever it says. Whoever can commit could
so have everybody's content sent elsewhere; here it is believed about the remote's own host alone.
"""

from __future__ import annotations

from urllib.parse import quote, unquote, urlsplit, urlunsplit

from git_datmo.errors import RemoteError, UsageError
from git_datmo.model.frozen import frozen
from git_datmo.remotes.refusals import without_secrets
from git_datmo.remotes.sshaddress import SshAddress, ssh_address
from git_datmo.storage.config import Config
from git_datmo.storage.git import Git

DOWNLOAD = "download"
UPLOAD = "upload"


@frozen
class Endpoint:
    """Where the API is: `url` without user and password, those the address named, and the host
    to ask over ssh first, if any. `asked_as` is the address that git has credentials for."""

    url: str
    user: str | None
    password: str | None
    ssh: SshAddress | None
    asked_as: str


def find(git: Git, remote: str, url: str, operation: str) -> Endpoint:
    """The endpoint of a remote whose address is `url`, for UPLOAD or DOWNLOAD.

    Raises RemoteError when there is none, or when `.lfsconfig` names a host it must not.
    """
    config = Config(git, None)
    keys = [f"lfs.{kind}" for kind in _kinds(operation, "url", "pushurl")]
    keys += [f"remote.{remote}.{kind}" for kind in _kinds(operation, "lfsurl", "lfspushurl")]
    for key in keys:
        if named := config.get(key):
            return _named(named, key, url)
    for key, named in _tracked(git).items():
        if key in keys:
            try:
                endpoint = _named(named, f"{key} in .lfsconfig", url)
            except UsageError as error:
                raise RemoteError(f".lfsconfig: {error.message}") from error
            _of_one_host(endpoint, url, key, named)
            return endpoint
    guessed = _guessed(url)
    if guessed is None:
        raise RemoteError(
            f"{shown(url)} has no Git LFS server beside it",
            hint=f"name one: git config remote.{remote}.lfsurl https://host/path/info/lfs",
        )
    return guessed


def shown(url: str) -> str:
    """An address without its password or token."""
    return without_secrets(url)


def origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port. Raises ValueError for what is no http or https address."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("it is no http or https address")
    return parts.scheme, parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)


def _kinds(operation: str, both: str, push: str) -> list[str]:
    return [push, both] if operation == UPLOAD else [both]


def _named(named: str, key: str, remote_url: str) -> Endpoint:
    address = ssh_address(named)
    if address is not None:
        return _over_ssh(address, beside=False)
    try:
        ours = origin(named)
    except ValueError as error:
        raise RemoteError(
            f"{key} is '{shown(named)}', which names no Git LFS server: {error}",
            hint="it can be https://…, http://… or ssh://…; "
            "for a folder use git config datmo.<remote>.store",
        ) from error
    try:
        same = origin(remote_url) == ours
    except ValueError:
        same = False
    return _over_http(named.rstrip("/"), remote_url if same else named)


def _guessed(url: str) -> Endpoint | None:
    address = ssh_address(url)
    if address is not None:
        return _over_ssh(address, beside=True)
    if url.startswith("git://"):
        return _over_http(_beside("https" + url[3:]), "https" + url[3:])
    try:
        origin(url)
    except ValueError:
        return None
    return _over_http(_beside(url), url)


def _beside(url: str) -> str:
    parts = urlsplit(url)
    path = parts.path.rstrip("/")
    path += "/info/lfs" if path.endswith(".git") else ".git/info/lfs"
    return urlunsplit(parts._replace(path=path, query="", fragment=""))


def _over_ssh(address: SshAddress, *, beside: bool) -> Endpoint:
    host = f"[{address.host}]" if ":" in address.host else address.host
    there = f"https://{host}/{quote(address.path.lstrip('/'), safe='/~@:+')}"
    url = _beside(there) if beside else there
    return Endpoint(url, None, None, address, url)


def _over_http(url: str, asked_as: str) -> Endpoint:
    parts = urlsplit(url)
    if parts.username is None:
        parts = urlsplit(asked_as)
    user = unquote(parts.username) if parts.username else None
    password = unquote(parts.password) if parts.password else None
    bare = urlunsplit(urlsplit(url)._replace(netloc=_netloc(url)))
    return Endpoint(bare, user, password, None, asked_as)


def _netloc(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2]


def _tracked(git: Git) -> dict[str, str]:
    """What `.lfsconfig` at the top of the work tree says; nothing where it cannot be read."""
    if git.work_tree is None or not (file := git.work_tree / ".lfsconfig").is_file():
        return {}
    code, out, _ = git.attempt("config", "-z", "--list", "--no-includes", "--file", str(file))
    pairs = out.decode(errors="surrogateescape").split("\0") if code == 0 else []
    return {key: value for key, _, value in (pair.partition("\n") for pair in pairs)}


def _of_one_host(endpoint: Endpoint, remote_url: str, key: str, named: str) -> None:
    address = ssh_address(remote_url)
    host = address.host if address is not None else urlsplit(remote_url).hostname
    there = endpoint.ssh.host if endpoint.ssh else urlsplit(endpoint.url).hostname
    secure = endpoint.ssh is not None or endpoint.url.startswith("https:")
    if there is not None and there == host and (secure or remote_url.startswith("http:")):
        return
    raise RemoteError(
        f"the tracked file .lfsconfig says that {key} is {shown(named)}, which is not on the "
        f"host of {shown(remote_url)}; nothing is sent there because a file says so",
        hint=f"if that is right: git config {key} {shown(named)}",
    )
