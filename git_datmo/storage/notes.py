"""A notes tree in git's layout with one level of fan-out: `ab/cdef…` → the note's blob.

Written by hand because a flat notes tree costs O(all notes) a write. One level keeps a write
at two trees, some 25 KiB at 100,000 notes. Entries in any other shape are foreign: they are
kept and reported, never read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from git_datmo.errors import Conflict, DamagedObject
from git_datmo.storage.objects import BLOB, EMPTY_TREE, TREE, Entry, Objects

# The notes of strangers are read into memory: none of ours comes near this many bytes.
MAX_NOTE = 64 * 1024 * 1024

_FOLDER = re.compile(rb"[0-9a-f]{2}")
_REST = re.compile(rb"[0-9a-f]{38}")


def get(objects: Objects, tree: str, target: str) -> str | None:
    """The blob that holds the note of `target`, or None."""
    for name, mode, oid in objects.tree(tree):
        if name == target[:2].encode() and mode == TREE:
            for rest, _, blob in objects.tree(oid):
                if rest == target[2:].encode():
                    return blob
    return None


def read(objects: Objects, blob: str) -> bytes:
    """The lines of a note. Raises DamagedObject, also for one beyond `MAX_NOTE`."""
    size = objects.size(blob)
    if size is not None and size > MAX_NOTE:
        raise DamagedObject(f"the note {blob} has {size} bytes, more than {MAX_NOTE}")
    return objects.blob(blob)


def append(objects: Objects, tree: str, lines: Mapping[str, bytes]) -> str:
    """The notes tree after each target's note got its lines (each ends with a newline).

    Raises Conflict for a note that would grow beyond `MAX_NOTE`.
    """
    changes: dict[bytes, tuple[int, str] | None] = {}
    root = {name: oid for name, mode, oid in objects.tree(tree) if mode == TREE}
    folders: dict[bytes, dict[bytes, str]] = {}
    for target, text in lines.items():
        head, rest = target[:2].encode(), target[2:].encode()
        if head not in folders:
            listed = objects.tree(root[head]) if head in root else []
            folders[head] = {name: oid for name, _, oid in listed}
        before = folders[head].get(rest)
        whole = (objects.blob(before) if before else b"") + text
        if len(whole) > MAX_NOTE:
            raise Conflict(
                f"the note of {target} would grow beyond {MAX_NOTE} bytes",
                hint="take another snapshot and go on with that one",
            )
        changes[head + b"/" + rest] = (BLOB, objects.write_blob(whole))
    return objects.patch_tree(tree, changes)


def noted(objects: Objects, tree: str, targets: Iterable[str]) -> set[str]:
    """Those of `targets` that a notes tree has a note on."""
    wanted: dict[str, set[str]] = {}
    for target in targets:
        wanted.setdefault(target[:2], set()).add(target)
    root = {
        name.decode(errors="replace"): oid for name, mode, oid in objects.tree(tree) if mode == TREE
    }
    found: set[str] = set()
    for head in wanted.keys() & root.keys():
        found |= wanted[head] & {
            head + rest.decode(errors="replace") for rest, _, _ in objects.tree(root[head])
        }
    return found


def without(objects: Objects, tree: str, targets: Iterable[str]) -> str:
    """The notes tree without the notes of some objects; not having one is fine."""
    gone = sorted(target.encode() for target in noted(objects, tree, targets))
    return objects.patch_tree(tree, {name[:2] + b"/" + name[2:]: None for name in gone})


def walk(objects: Objects, tree: str) -> Iterator[tuple[str, str]]:
    """Every (target, blob) of a notes tree."""
    for change in diff(objects, EMPTY_TREE, tree):
        target, _, blob = change
        if blob is not None:
            yield target, blob


def diff(objects: Objects, before: str, after: str) -> Iterator[tuple[str, str | None, str | None]]:
    """(target, blob before, blob after) for each note that differs between two trees."""
    if before == after:
        return
    for head, old, new in _changed(_folders(objects, before), _folders(objects, after)):
        for rest, a, b in _changed(_notes(objects, old), _notes(objects, new)):
            yield head + rest, a, b


def strays(objects: Objects, tree: str) -> Iterator[str]:
    """Paths in a notes tree that are not notes in our layout."""
    for name, mode, oid in objects.tree(tree):
        shown = name.decode(errors="backslashreplace")
        if mode != TREE or not _FOLDER.fullmatch(name):
            yield shown
            continue
        for rest, kind, _ in objects.tree(oid):
            if kind != BLOB or not _REST.fullmatch(rest):
                yield f"{shown}/{rest.decode(errors='backslashreplace')}"


def _folders(objects: Objects, tree: str) -> dict[str, str]:
    return _select(objects.tree(tree), _FOLDER, TREE)


def _notes(objects: Objects, tree: str | None) -> dict[str, str]:
    return _select(objects.tree(tree), _REST, BLOB) if tree else {}


def _select(entries: list[Entry], shape: re.Pattern[bytes], kind: int) -> dict[str, str]:
    return {n.decode(): oid for n, mode, oid in entries if mode == kind and shape.fullmatch(n)}


def _changed(
    before: Mapping[str, str], after: Mapping[str, str]
) -> Iterator[tuple[str, str | None, str | None]]:
    for key in sorted({*before, *after}):
        a, b = before.get(key), after.get(key)
        if a != b:
            yield key, a, b
