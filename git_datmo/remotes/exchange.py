"""Refs over git's own transport, content to the place that belongs to a remote.

Content goes before the refs that name it. Only our own refs are ever pushed; what comes back
lands under `refs/datmo-remotes/<remote>/`.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from git_datmo.errors import ContentMissing, Corrupt, RemoteError
from git_datmo.model.pointer import Pointer
from git_datmo.records import catalogue, layout
from git_datmo.records.pointers import pointers_of
from git_datmo.records.project import Project
from git_datmo.remotes.directory import Directory
from git_datmo.storage import notes, refs
from git_datmo.storage.git import environment
from git_datmo.storage.objects import EMPTY_TREE

ZERO = "0" * 40
Progress = Callable[[int], None]


def remotes(project: Project) -> list[str]:
    """The names of the configured remotes."""
    return project.repository.config.sections("remote")


def url_of(project: Project, remote: str) -> str:
    """The address git would push to. Raises RemoteError for an unknown remote."""
    code, out, err = project.repository.git.attempt("remote", "get-url", "--push", "--", remote)
    if code == 0:
        return out.decode(errors="surrogateescape").strip()
    if "/" in remote or os.path.isdir(remote):
        return remote
    raise RemoteError(
        f"there is no remote '{remote}': {err.decode(errors='replace').strip()}",
        hint="git remote add origin <path or address>",
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


def local_path(url: str, base: Path) -> Path | None:
    """The folder an address names, or None when it is not on this machine."""
    if url.startswith("file://"):
        return Path(unquote(urlsplit(url).path))
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", url):
        return None
    colon, slash = url.find(":"), url.find("/")
    if colon >= 0 and (slash < 0 or colon < slash):
        return None
    return (base / url).absolute()


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
            return Path(os.fsdecode(done.stdout.rstrip(b"\n")))
    return None


def unsent(project: Project, tip: str | None, known: str | None) -> list[str]:
    """The snapshots that a chain gained between two of its tips, oldest first."""
    objects = project.repository.objects
    before = EMPTY_TREE
    if known and known != ZERO and objects.has(known):
        try:
            before = catalogue.notes_tree(project, known)
        except Corrupt:
            before = EMPTY_TREE
    if tip is None or tip == known:
        return []
    after = catalogue.notes_tree(project, tip)
    index = catalogue.refresh(project)
    found = []
    for target, old, new in notes.diff(objects, before, after):
        if old is None and new is not None:
            record = index.get(target)
            if record is not None and record.kind == "snapshot":
                found.append((record.created, target))
    return [target for _, target in sorted(found)]


def needed(project: Project, snapshots: Iterable[str]) -> dict[Pointer, str]:
    """The content that snapshots refer to, each with one path as its name."""
    seen: set[str] = set()
    wanted: dict[Pointer, str] = {}
    index = catalogue.refresh(project)
    for oid in snapshots:
        record = index.get(oid)
        if record is None or record.deleted:
            continue
        if record.doc.get("file_collection_id") == EMPTY_TREE:
            continue
        for path, pointer in pointers_of(project, record.tree or EMPTY_TREE, seen):
            wanted.setdefault(pointer, os.fsdecode(path))
    return wanted


def deliver(
    project: Project, place: Directory, wanted: dict[Pointer, str], progress: Progress | None = None
) -> tuple[int, int]:
    """Bring content to a place; returns (files, bytes) sent. Raises ContentMissing."""
    to_send = [pointer for pointer in wanted if not place.has(pointer)]
    lost = [pointer for pointer in to_send if not project.store.has(pointer)]
    if lost:
        raise ContentMissing(
            f"{len(lost)} files to be pushed are not in this clone's store, among them "
            f"{wanted[lost[0]]} ({lost[0].size} bytes, {lost[0].key})"
        )
    for pointer in to_send:
        place.put(project.store, pointer, progress)
    return len(to_send), sum(pointer.size for pointer in to_send)


def collect(
    project: Project,
    wanted: dict[Pointer, str],
    progress: Progress | None = None,
    only: str | None = None,
) -> tuple[int, int, list[Pointer]]:
    """Fetch content that is not here from the remotes that have it.

    Returns (files, bytes, what no remote had).
    """
    missing = project.store.missing(wanted)
    if not missing:
        return 0, 0, []
    places = []
    for remote in [only] if only else remotes(project):
        try:
            place = place_of(project, remote, url_of(project, remote))
        except RemoteError:
            continue
        if place is not None:
            places.append(place)
    files, size, lost = 0, 0, []
    for pointer in missing:
        for place in places:
            if place.has(pointer):
                place.get(project.store, pointer, progress)
                files, size = files + 1, size + pointer.size
                break
        else:
            lost.append(pointer)
    return files, size, lost


def own_refs(project: Project) -> dict[str, str]:
    """The refs below refs/datmo/ that this clone made."""
    return refs.read(project.repository.common_dir, layout.OWN).found


def push_refs(project: Project, remote: str, specs: Sequence[str]) -> list[str]:
    """Push refspecs, all or nothing; returns git's lines. Raises RemoteError."""
    out = _network(project, ["push", "--porcelain", "--atomic", "--no-verify", remote, *specs])
    return out.splitlines()


def fetch_refs(project: Project, remote: str) -> None:
    """Bring a remote's datmo refs, checked by git as they come. Raises RemoteError."""
    options = ["-c", "fetch.fsckObjects=true", "-c", "protocol.ext.allow=never"]
    args = ["fetch", "--no-tags", "--no-write-fetch-head", "--refmap="]
    _network(project, [*options, *args, remote, layout.fetch_line(remote)])


def _network(project: Project, args: Sequence[str]) -> str:
    env = {"GIT_DATMO_IN_HOOK": "1"}
    code, out, err = project.repository.git.attempt(*args, env=env)
    if code != 0:
        said = err.decode(errors="replace").strip()
        verb = "push" if "push" in args else "fetch"
        raise RemoteError(
            f"git {verb} failed: {said.splitlines()[-1] if said else code}", hint=said
        )
    return out.decode(errors="replace")
