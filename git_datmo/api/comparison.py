"""What differs between two snapshots."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from itertools import islice

from git_datmo.api import lookup
from git_datmo.errors import Conflict, DamagedObject, GitFailed
from git_datmo.model.diff import Change, FileChange, SnapshotDiff, Status, compare_documents
from git_datmo.records import snapshots
from git_datmo.records.pointers import pointer_at
from git_datmo.records.project import Project
from git_datmo.storage import treediff
from git_datmo.storage.index import Record
from git_datmo.storage.objects import BLOB, EMPTY_TREE, EXECUTABLE, GITLINK, TREE
from git_datmo.storage.treediff import Leaf

# What is compared for a page: strangers can make trees of any size out of a few objects.
MOST_PATHS, MOST_BYTES = 20_000, 32 << 20


def diff(project: Project, before_id: str, after_id: str, *, context: int = 3) -> SnapshotDiff:
    """Compare two snapshots: code (git's own patch), environment, files, config and stats.

    `context` is the number of lines around a change. Raises SnapshotNotFound, AmbiguousId.
    """
    return _compared(project, before_id, after_id, context, bounded=False)


def glance(project: Project, before_id: str, after_id: str) -> SnapshotDiff:
    """`diff` for whoever only looks, in bounded time and memory.

    Raises SnapshotNotFound, AmbiguousId, and Conflict where too much differs.
    """
    return _compared(project, before_id, after_id, 3, bounded=True)


def _compared(
    project: Project, before_id: str, after_id: str, context: int, *, bounded: bool
) -> SnapshotDiff:
    before, after = lookup.snapshot(project, before_id), lookup.snapshot(project, after_id)
    names = lookup.Names(project.index)
    a, b = lookup.facts(before, names), lookup.facts(after, names)
    found = states(
        project,
        (a.tree, a.environment_id),
        (b.tree, b.environment_id),
        (a.id, b.id),
        context=context,
        bounded=bounded,
    )
    return replace(
        found,
        before=a.id,
        after=b.id,
        config=compare_documents(a.config, b.config),
        stats=compare_documents(a.stats, b.stats),
        attributes=_attributes(before, after, names),
    )


def states(
    project: Project,
    before: tuple[str, str],
    after: tuple[str, str],
    ids: tuple[str | None, str | None],
    *,
    context: int = 3,
    bounded: bool = False,
) -> SnapshotDiff:
    """What differs between two states: each a git tree and the id of an environment (empty: none).
    `ids` are the snapshots that they are, which may name paths that count as files, and not as
    code, besides those whose content is stored. Raises Conflict where `bounded` and too much
    differs."""
    code: list[FileChange] = []
    kept: list[FileChange] = []
    stored: list[bytes] = []
    objects = project.repository.objects
    differing = treediff.diff(objects.tree, before[0], after[0])
    moved = list(islice(differing, MOST_PATHS + 1 if bounded else None))
    if bounded and len(moved) > MOST_PATHS:
        raise Conflict(f"more than {MOST_PATHS:,} paths differ", hint=_by_hand(before, after))
    leaves = [leaf for _, old, new in moved for leaf in (old, new) if leaf is not None]
    objects.bring(oid for mode, oid in leaves if mode not in (GITLINK, TREE))
    named = [_named(project, oid) for oid in ids]
    for path, old, new in moved:
        if _is_folder(old) and _is_folder(new):
            continue
        change = file_change(project, path, old, new)
        sides = zip((old, new), named, strict=True)
        is_file = any(_is_file(project, path, leaf, names) for leaf, names in sides)
        (kept if is_file else code).append(change)
        if is_file:
            stored.append(path)
    if bounded:
        sizes = (size or 0 for one in code for size in (one.before_size, one.after_size))
        if sum(sizes) > MOST_BYTES:
            raise Conflict(
                f"more than {MOST_BYTES >> 20} MiB of code differ", hint=_by_hand(before, after)
            )
    return SnapshotDiff(
        before=before[0],
        after=after[0],
        code=_sorted(code),
        code_patch=_patch(project, before[0], after[0], stored, context) if code else "",
        environment=_environment(project, before[1], after[1]),
        environment_ids=(before[1] or None, after[1] or None),
        files=_sorted(kept),
    )


def _named(project: Project, oid: str | None) -> frozenset[bytes]:
    """The paths that a snapshot names as files; of folders without the slash at the end."""
    if oid is None:
        return frozenset()
    paths = snapshots.file_paths(project.repository.objects.commit(oid))
    return frozenset(path.rstrip(b"/") for path in paths)


def _is_file(project: Project, path: bytes, leaf: Leaf | None, named: frozenset[bytes]) -> bool:
    if leaf is None or leaf[0] == TREE:
        return False
    if named and not named.isdisjoint((path, *treediff.parents(path))):
        return True
    return leaf[0] in (BLOB, EXECUTABLE) and pointer_at(project, leaf[1]) is not None


def _by_hand(before: tuple[str, str], after: tuple[str, str]) -> str:
    return f"git diff --stat {before[0][:12]} {after[0][:12]}"


def environment_patch(project: Project, diff: SnapshotDiff, *, context: int = 3) -> str:
    """git's patch between the definitions of two environments (packages, images); empty where
    one is not here, or larger than any definition."""
    before, after = (oid or EMPTY_TREE for oid in diff.environment_ids)
    sizes = (size or 0 for one in diff.environment for size in (one.before_size, one.after_size))
    if before == after or not diff.environment or sum(sizes) > MOST_BYTES:
        return ""
    try:
        return _patch(project, before, after, (), context)
    except (DamagedObject, GitFailed):
        return ""


def _attributes(before: Record, after: Record, names: lookup.Names) -> tuple[Change, ...]:
    def said(record: Record) -> dict[str, object]:
        known = {"label": record.label, "message": record.message}
        known["session"] = names.session(record.session)
        return {key: value for key, value in known.items() if value is not None}

    return compare_documents(said(before), said(after))


def _environment(project: Project, before: str, after: str) -> tuple[FileChange, ...]:
    read = project.repository.objects.tree
    try:
        differing = treediff.diff(read, before or EMPTY_TREE, after or EMPTY_TREE)
        found = list(islice(differing, MOST_PATHS + 1))
    except DamagedObject:
        found = []
    if not 0 < len(found) <= MOST_PATHS:
        # The ids say that they differ; which files do is not known here.
        return ()
    return _sorted(file_change(project, path, old, new) for path, old, new in found)


def file_change(project: Project, path: bytes, old: Leaf | None, new: Leaf | None) -> FileChange:
    status: Status = "M"
    if old is None:
        status = "A"
    elif new is None:
        status = "D"
    elif (old[0] & 0o170000) != (new[0] & 0o170000):
        status = "T"
    before_size, before_digest = _measure(project, old)
    after_size, after_digest = _measure(project, new)
    return FileChange(
        os.fsdecode(path) + ("/" if _is_folder(old) or _is_folder(new) else ""),
        status,
        before_size=before_size,
        after_size=after_size,
        before_digest=before_digest,
        after_digest=after_digest,
        before_mode=old[0] if old else None,
        after_mode=new[0] if new else None,
    )


def _measure(project: Project, leaf: Leaf | None) -> tuple[int | None, str | None]:
    if leaf is None or leaf[0] in (GITLINK, TREE):
        return None, leaf[1] if leaf else None
    pointer = pointer_at(project, leaf[1])
    if pointer is not None:
        return pointer.size, pointer.key
    return project.repository.objects.size(leaf[1]), leaf[1]


def _patch(project: Project, before: str, after: str, files: Iterable[bytes], context: int) -> str:
    """git's patch between two trees, without the paths that count as files."""
    left_out = [b":(exclude,top,literal)" + path for path in files]
    if len(left_out) > 500:
        before, after = (snapshots.without(project, tree, files) for tree in (before, after))
        left_out = []
    # Arguments, not a shell; the paths come after `--`.
    args = ["diff-tree", "-p", "-r", "-M", "--no-ext-diff", "--no-textconv", f"-U{context}"]
    specs = [os.fsdecode(spec) for spec in left_out]
    out = project.repository.git.run(*args, before, after, "--", ".", *specs)
    return out.decode("utf-8", "surrogateescape")


def _is_folder(leaf: Leaf | None) -> bool:
    return leaf is not None and leaf[0] == TREE


def _sorted(changes: Iterable[FileChange]) -> tuple[FileChange, ...]:
    return tuple(sorted(changes, key=lambda change: change.path))
