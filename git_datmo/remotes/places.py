"""Where a remote is, and where its content lies."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
from pathlib import Path
from urllib.parse import unquote, urlsplit

from git_datmo.errors import RemoteError, UsageError
from git_datmo.records.project import Project
from git_datmo.remotes import renames
from git_datmo.remotes.base import Place
from git_datmo.remotes.directory import Directory
from git_datmo.remotes.refusals import without_secrets
from git_datmo.remotes.sshaddress import SshAddress, ssh_address
from git_datmo.storage.git import environment

OBJECT_STORES = frozenset({"s3", "gs", "gcs", "az", "azure", "abfs", "abfss"})
# Hosts bound a repository to a few GiB; what lies in git refs counts there.
DEFAULT_GIT_LIMIT = 1024**3


def remotes(project: Project) -> list[str]:
    """The names of the configured remotes."""
    return project.repository.config.sections("remote")


def room(project: Project, remote: str) -> str:
    """The name below refs/datmo-remotes/ where a remote's refs are kept.

    A remote's own name; an address that is no configured remote gets one made from it.
    """
    if remote in remotes(project):
        return remote
    return "_url-" + hashlib.sha1(os.fsencode(remote)).hexdigest()[:12]


def urls_of(project: Project, remote: str, *, push: bool) -> list[str]:
    """The addresses git would push to, or fetch from. Raises RemoteError when there is none."""
    options = ["--push", "--all"] if push else []
    git = project.repository.git
    code, out, err = git.attempt("remote", "get-url", *options, "--", remote)
    if code == 0:
        return os.fsdecode(out).splitlines()
    address = "/" in remote or ":" in remote or os.path.isdir(remote)
    if address and remote not in remotes(project):
        return [remote]
    said = err.decode(errors="replace").strip()
    raise RemoteError(
        f"there is no remote '{remote}': {said}", hint="git remote add origin <path or address>"
    )


def place_of(project: Project, remote: str, url: str) -> Place | None:
    """Where a remote's content lies, from `datmo.<remote>.store` or from the kind of its address.

    A path remote keeps it in its own git folder, one over ssh the same where the host lets it,
    any other in git refs of its own. None for a path that is no repository (a bundle).
    Raises UsageError for a setting that names no place.
    """
    named = setting(project, remote)
    if named is not None:
        return _named(project, remote, url, named)
    base = project.repository.work_tree or project.repository.git_dir
    path = local_path(url, base)
    if path is not None:
        git_dir = _git_dir(path)
        return Directory(git_dir / "datmo" / "store") if git_dir is not None else None
    address = ssh_address(url)
    if address is not None:
        return _over_ssh(project, remote, url, address)
    return _in_refs(project, remote, url)


def setting(project: Project, remote: str) -> str | None:
    """What `datmo.<remote>.store` says, if anything."""
    config = project.repository.config
    names = [remote, *renames.former(project, remote)]
    return next((said for remote in names if (said := config.get(f"datmo.{remote}.store"))), None)


def _named(project: Project, remote: str, url: str, named: str) -> Place:
    if named.lower() == "git":
        return _in_refs(project, remote, url)
    if named.lower() == "lfs":
        from git_datmo.remotes.lfs.place import Lfs

        return Lfs(project.repository.git, project.home, remote, url)
    scheme = named.partition("://")[0].lower() if "://" in named else ""
    if scheme in OBJECT_STORES:
        from git_datmo.remotes.objectstore.place import ObjectStore

        return ObjectStore(named)
    base = project.repository.work_tree or project.repository.git_dir
    path = local_path(named, base)
    # A bare word is a slip more often than a folder of the work tree's own.
    if path is not None and ("/" in named or path.is_dir()):
        return Directory(path)
    address = ssh_address(named)
    if address is not None:
        from git_datmo.remotes.ssh.place import Ssh

        return Ssh(address, project.repository.git, repository=False)
    raise UsageError(
        f"datmo.{remote}.store is '{without_secrets(named)}', which names no place for content",
        hint="it can be a folder, ssh://host/folder, s3://bucket/prefix, gs://, az://, git or lfs",
    )


def _over_ssh(project: Project, remote: str, url: str, address: SshAddress) -> Place:
    from git_datmo.remotes.ssh.fallback import Fallback
    from git_datmo.remotes.ssh.place import Ssh

    first = Ssh(address, project.repository.git, repository=True)
    return Fallback(first, lambda: _in_refs(project, remote, url), project.home / "hosts.json")


def _in_refs(project: Project, remote: str, url: str) -> Place:
    from git_datmo.remotes.gitrefs.place import GitRefs

    limit = project.repository.config.number("datmo.gitStoreLimit", DEFAULT_GIT_LIMIT)
    return GitRefs(project.repository.git, project.home, remote, url, limit)


def places(project: Project, only: str | None = None) -> list[tuple[str, Place]]:
    """The places that content can be fetched from, of all remotes or of one, once each, with
    the remote's name."""
    found: dict[str, tuple[str, Place]] = {}
    for remote in [only] if only else remotes(project):
        for push in (False, True):
            try:
                urls = urls_of(project, remote, push=push)
            except RemoteError:
                continue
            for url in urls:
                place = place_of(project, remote, url)
                if place is not None:
                    found.setdefault(place.name, (remote, place))
    return list(found.values())


def local_path(url: str, base: Path) -> Path | None:
    """The folder an address names, or None when it is not on this machine."""
    if url.startswith("file://"):
        return Path(unquote(urlsplit(url).path, errors="surrogateescape"))
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", url):
        return None
    colon, slash = url.find(":"), url.find("/")
    if colon >= 0 and (slash < 0 or colon < slash):
        return None
    # As the shell does: without such a user it is a name like any other.
    return (base / os.path.expanduser(url)).absolute()


def _git_dir(path: Path) -> Path | None:
    for candidate in (path, path.with_name(path.name + ".git")):
        if not candidate.is_dir():
            continue
        # The remote is named by the user; a bare repository is what it should be.
        done = subprocess.run(
            ["git", "rev-parse", "--path-format=absolute", "--git-common-dir"],
            cwd=candidate,
            env=environment(),
            capture_output=True,
            check=False,
        )
        if done.returncode == 0:
            return Path(os.fsdecode(done.stdout.removesuffix(b"\n")))
    return None
