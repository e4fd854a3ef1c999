"""The files of an artifact on a disk: in a folder of the user's, or as a view that is made once."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from git_datmo.api import artifact_lookup, content
from git_datmo.api.user import NOBODY, User
from git_datmo.errors import (
    Conflict,
    DamagedObject,
    FileAlreadyExistsError,
    UnsafePath,
    ValidationFailed,
)
from git_datmo.model.artifact import Gotten
from git_datmo.records import artifacts
from git_datmo.records.pointers import pointer_at
from git_datmo.records.project import Project
from git_datmo.remotes.content import needed
from git_datmo.storage import links, restore, views
from git_datmo.storage.durability import disk_errors
from git_datmo.storage.index import Record
from git_datmo.storage.reader import blob_id
from git_datmo.storage.restore import Plan
from git_datmo.storage.treeplan import FOLDERS, GITLINK, LINK, Entry

SHOWN = 5
_FRESH_SECONDS = 86_400


def get(
    project: Project,
    *,
    artifact: str,
    into: str | os.PathLike[str] | None = None,
    path: str | None = None,
    force: bool = False,
    user: User = NOBODY,
    progress: Callable[[int], None] | None = None,
    expect: Callable[[int], None] | None = None,
) -> Gotten:
    """Put the files of an artifact into the folder `into`, made when it is missing; `path` only
    this file or folder of it. Without `into` they are in a view that nobody may change.

    Other files there stay; one that differs is overwritten with `force` alone, and each is whole
    or as it was. Content that is not here is fetched. Raises ArtifactNotFound, AmbiguousId,
    PathDoesNotExist, FileAlreadyExistsError, ContentMissing, UnsafeName, UnsafePath, NoSpace,
    ValidationFailed.
    """
    record = artifact_lookup.find(project, artifact)
    found = artifact_lookup.value(project, record)
    path = artifact_lookup.inside(project, record, path) if path is not None else None
    notices: tuple[str, ...] = ()
    if found.references:
        notices = (
            f"{found.references} of its objects are references, which are not fetched: "
            f"'git datmo artifact inspect {found.reference}' lists them",
        )
    if into is None:
        place = view(project, record, progress=progress, expect=expect)
        return Gotten(found, os.fspath(place / path if path else place), 0, notices)
    if not os.fspath(into):
        raise ValidationFailed("the folder to put it into has no name")
    target = Path(os.path.abspath((user.folder or Path("/")) / into))
    plan = _plan(project, record, path)
    source = _content(project, record, plan if path else None, progress, expect)
    if not os.path.lexists(target):
        with disk_errors(target.parent):
            target.parent.mkdir(parents=True, exist_ok=True)
        report = restore.write_into(plan, project.repository.objects, source, target)
        return Gotten(found, os.fspath(target), report.written, notices)
    same = _same(project, plan, target)
    differs = [] if force else _differing(plan, target, same)
    if differs:
        shown = ", ".join(os.fsdecode(name) for name in differs[:SHOWN])
        raise FileAlreadyExistsError(
            f"files in {target} differ from those of {found.reference}: {shown}"
            + (", …" if len(differs) > SHOWN else ""),
            hint="name another folder, or overwrite them with --force",
        )
    report = restore.apply(
        plan,
        project.repository.objects,
        source,
        target,
        remove=(),
        unchanged=lambda name, mode, oid: name in same,
    )
    return Gotten(found, os.fspath(target), report.written, notices)


def view(
    project: Project,
    record: Record,
    *,
    progress: Callable[[int], None] | None = None,
    expect: Callable[[int], None] | None = None,
) -> Path:
    """The folder with all files of a version, read-only, made when it is first asked for.

    It lies below the git directory and goes when nobody asked for it for a while and space is
    freed. Raises ContentMissing, UnsafeName, UnsafePath, NoSpace.
    """
    place = place_of(project, record.id)
    whole = place.parent
    if views.is_whole(project.home, record.id):
        with suppress(OSError):
            if time.time() - whole.stat().st_mtime > _FRESH_SECONDS:
                os.utime(whole)
        return place
    plan = _plan(project, record, None)
    source = _content(project, record, None, progress, expect)
    with disk_errors(project.home):
        fresh = whole.with_name(f".new-{os.urandom(8).hex()}")
        fresh.mkdir(parents=True)
        try:
            made = fresh / views.FILES
            restore.write_into(plan, project.repository.objects, source, made)
            for entry in plan.entries:
                if entry.mode not in (*FOLDERS, LINK):
                    full = os.path.join(os.fsencode(made), entry.path)
                    os.chmod(full, stat.S_IMODE(os.stat(full).st_mode) & ~0o222)
            (fresh / views.LOOK).write_text(views.seal(made), "ascii")
            os.rename(fresh, whole)
        except BaseException as error:
            views.discard_folder(fresh)
            # Another process made the same one meanwhile.
            if not (isinstance(error, OSError) and place.is_dir()):
                raise
    return place


def place_of(project: Project, oid: str) -> Path:
    """Where the view of a version lies, or will."""
    return project.home / views.ROOM / oid / views.FILES


def _plan(project: Project, record: Record, path: str | None) -> Plan:
    """What to write, with nothing in it that leads out of the folder.

    Raises UnsafePath, and DamagedObject for what is no file, link or folder."""
    tree = artifacts.files_tree(project, record.tree or "")
    chosen = None if path is None else [os.fsencode(path)]
    plan = restore.plan(project.repository.objects, tree, paths=chosen)
    strange = next((entry.path for entry in plan.entries if entry.mode == GITLINK), None)
    if strange is not None:
        raise DamagedObject(f"an artifact cannot hold what {os.fsdecode(strange)!r} is")
    targets = {
        entry.path: project.repository.objects.blob(entry.oid)
        for entry in plan.entries
        if entry.mode == LINK
    }
    for link in targets:
        if links.leads_out(link, targets):
            shown = link.decode(errors="backslashreplace")
            raise UnsafePath(f"the link {shown} of {record.doc.get('artifact')} leads out of it")
    return plan


def _content(
    project: Project,
    record: Record,
    plan: Plan | None,
    progress: Callable[[int], None] | None,
    expect: Callable[[int], None] | None,
) -> content.Content:
    """The content of a version brought here; with a plan only what that one writes."""
    source = content.Content(project, progress, [record.id], expect)
    wanted = needed(project, [record.id])
    if plan is not None:
        files = (entry for entry in plan.entries if entry.mode not in (*FOLDERS, LINK))
        chosen = {pointer_at(project, entry.oid) for entry in files}
        wanted = {pointer: name for pointer, name in wanted.items() if pointer in chosen}
    source.prepare(wanted)
    return source


def _same(project: Project, plan: Plan, target: Path) -> set[bytes]:
    """The paths where the folder already holds what the plan would write."""
    if not target.is_dir():
        raise Conflict(f"{target} is not a folder")
    top = os.fsencode(target)
    return {entry.path for entry in plan.entries if _is_same(project, entry, top)}


def _is_same(project: Project, entry: Entry, top: bytes) -> bool:
    full = os.path.join(top, entry.path)
    try:
        state = os.lstat(full)
        if entry.mode in FOLDERS:
            return stat.S_ISDIR(state.st_mode)
        if entry.mode == LINK:
            return os.readlink(full) == project.repository.objects.blob(entry.oid)
        if not stat.S_ISREG(state.st_mode):
            return False
        pointer = pointer_at(project, entry.oid)
        size = pointer.size if pointer is not None else project.repository.objects.size(entry.oid)
        if state.st_size != size or (entry.mode & 0o100 and not state.st_mode & 0o100):
            return False
        if pointer is not None:
            return project.store.measure(Path(os.fsdecode(full))) == pointer
        with open(full, "rb") as file:
            return blob_id(file.read()) == entry.oid
    except OSError:
        return False


def _differing(plan: Plan, target: Path, same: set[bytes]) -> list[bytes]:
    top = os.fsencode(target)
    return [
        entry.path
        for entry in plan.entries
        if entry.path not in same
        and entry.mode not in FOLDERS
        and os.path.lexists(os.path.join(top, entry.path))
    ]
