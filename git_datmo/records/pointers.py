"""Which pointers a tree holds."""

from __future__ import annotations

from collections.abc import Iterator

from git_datmo.errors import Corrupt, DamagedObject
from git_datmo.model.pointer import MAX_SIZE, Pointer, looks_like_pointer
from git_datmo.records import promises
from git_datmo.records.project import Project
from git_datmo.storage.objects import BLOB, EXECUTABLE, TREE

_SMALLEST = 100


def pointers_of(
    project: Project, tree: str, seen: set[str] | None = None
) -> Iterator[tuple[bytes, Pointer]]:
    """(path, pointer) for each pointer below `tree`; `seen` trees are passed over and noted.

    Raises InvalidPointer, DamagedObject; RemoteError where a partial clone cannot read on.
    """
    objects = project.repository.objects
    large = promises.larger(project, tree)
    noted = seen if seen is not None else set()
    stack = [(b"", tree)]
    while stack:
        prefix, oid = stack.pop()
        if seen is not None:
            if oid in noted:
                continue
            noted.add(oid)
        for name, mode, child in objects.tree(oid):
            if mode == TREE:
                stack.append((prefix + name + b"/", child))
            elif mode in (BLOB, EXECUTABLE) and child not in large:
                try:
                    pointer = pointer_at(project, child)
                except Corrupt as error:
                    shown = (prefix + name).decode(errors="backslashreplace")
                    raise type(error)(f"{shown}: {error.message}") from error
                if pointer is not None:
                    yield prefix + name, pointer


def pointer_at(project: Project, blob: str) -> Pointer | None:
    """The pointer that a blob is, or None. Raises Corrupt for a damaged one."""
    objects = project.repository.objects
    size = objects.size(blob)
    if size is None:
        raise DamagedObject(f"the git object {blob} is missing or damaged")
    if not _SMALLEST < size <= MAX_SIZE:
        return None
    data = objects.blob(blob)
    return Pointer.parse(data) if looks_like_pointer(data) else None
