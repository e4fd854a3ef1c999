"""Where a remote is, and where its content lies."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
from pathlib import Path
from urllib.parse import unquote, urlsplit

from git_datmo.errors import RemoteError
from git_datmo.records.project import Project
from git_datmo.remotes.directory import Directory
from git_datmo.storage.git import environment


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
    if remote not in remotes(project) and ("/" in remote or os.path.isdir(remote)):
        return [remote]
    said = err.decode(errors="replace").strip()
    raise RemoteError(
        f"there is no remote '{remote}': {said}", hint="git remote add origin <path or address>"
    )


def place_of(project: Project, remote: str, url: str) -> Directory | None:
    """Where a remote's content lies; None when this version knows no place for its kind.

    `datmo.<remote>.store` names a folder; else a path remote keeps it in its own git folder.
    """
    named = project.repository.config.get(f"datmo.{remote}.store")
    base = project.repository.work_tree or project.repository.git_dir
    if named is not None:
        return Directory((base / Path(named).expanduser()).absolute())
    path = local_path(url, base)
    if path is None:
        return None
    git_dir = _git_dir(path)
    return Directory(git_dir / "datmo" / "store") if git_dir is not None else None


def places(project: Project, only: str | None = None) -> list[Directory]:
    """The places of all remotes (or of one) that content can be fetched from, once each."""
    found: dict[Path, Directory] = {}
    for remote in [only] if only else remotes(project):
        for push in (False, True):
            try:
                urls = urls_of(project, remote, push=push)
            except RemoteError:
                continue
            for url in urls:
                place = place_of(project, remote, url)
                if place is not None:
                    found.setdefault(place.folder, place)
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
    return (base / Path(url).expanduser()).absolute()


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
