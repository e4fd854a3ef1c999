"""Refs: read straight from their files, written through one transaction.

Reading needs no library, so that a listing costs no more than a few file reads. A loose ref
that is empty, garbage or symbolic is reported, never silently left out.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from git_datmo.errors import DamagedObject, RepositoryBusy

if TYPE_CHECKING:
    from git_datmo.storage.objects import Objects

_OID = re.compile(rb"[0-9a-f]{40}")
_NO_NAME = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/\.|\.$|\.lock(/|$)|^[./]|/$")
PATIENCE_SECONDS = 5.0


@dataclass
class Refs:
    """The refs below one prefix: `found` maps full names to object ids, `bad` to a reason."""

    found: dict[str, str] = field(default_factory=dict)
    bad: dict[str, str] = field(default_factory=dict)


def read(common_dir: Path, prefix: str, *, skip: frozenset[str] = frozenset()) -> Refs:
    """Every ref whose name starts with `prefix`, which ends with a slash.

    Folders whose name is in `skip` are not looked into.
    """
    refs = Refs()
    _packed(common_dir, prefix, skip, refs)
    _loose(os.path.join(common_dir, prefix.rstrip("/")), prefix, skip, refs)
    return refs


def read_one(common_dir: Path, name: str) -> str | None:
    """The object id that `name` holds; None when there is no such ref, or it is unreadable."""
    try:
        with open(os.path.join(common_dir, name), "rb") as file:
            text = file.read(64).strip()
        return text.decode() if _OID.fullmatch(text) else None
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        refs = Refs()
        _packed(common_dir, name, frozenset(), refs)
        return refs.found.get(name)


def is_name(name: str) -> bool:
    """Whether git takes this for the name of a ref (`git check-ref-format`)."""
    return _NO_NAME.search(name) is None and "/" in name


def signature(common_dir: Path, prefix: str) -> str:
    """A cheap stamp that changes whenever a ref below `prefix` is added or removed."""
    parts = []
    base = os.path.join(common_dir, prefix.rstrip("/"))
    folders, unread = [base], [base]
    while unread:
        try:
            with os.scandir(unread.pop()) as entries:
                inner = [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
        except OSError:
            continue
        folders += inner
        unread += inner
    for path in [*sorted(folders), os.path.join(common_dir, "packed-refs")]:
        try:
            state = os.stat(path)
        except OSError:
            continue
        parts.append(f"{os.path.relpath(path, base)}:{state.st_mtime_ns}:{state.st_ino}")
    return " ".join(parts)


def _packed(common_dir: Path, prefix: str, skip: frozenset[str], refs: Refs) -> None:
    try:
        with open(os.path.join(common_dir, "packed-refs"), "rb") as file:
            data = file.read()
    except FileNotFoundError:
        return
    wanted = b" " + os.fsencode(prefix)
    at = data.find(wanted)
    while at >= 0:
        end = data.find(b"\n", at)
        end = len(data) if end < 0 else end
        oid = data[at - 40 : at] if at >= 40 else b""
        name = os.fsdecode(data[at + 1 : end])
        if skip and not skip.isdisjoint(name.split("/")[:-1]):
            pass
        elif _OID.fullmatch(oid):
            refs.found[name] = oid.decode()
        else:
            refs.bad[name] = "unreadable line in packed-refs"
        at = data.find(wanted, end)


def _loose(base: str, prefix: str, skip: frozenset[str], refs: Refs) -> None:
    stack = [(base, prefix.rstrip("/"))]
    while stack:
        folder, name = stack.pop()
        try:
            entries = list(os.scandir(folder))
        except (FileNotFoundError, NotADirectoryError):
            continue
        for entry in entries:
            full = f"{name}/{entry.name}"
            if entry.is_dir(follow_symlinks=False):
                if entry.name not in skip:
                    stack.append((entry.path, full))
            elif not entry.name.endswith(".lock"):
                _read_loose(entry, full, refs)


def _read_loose(entry: os.DirEntry[str], name: str, refs: Refs) -> None:
    try:
        with open(entry.path, "rb") as file:
            text = file.read(256).strip()
    except FileNotFoundError:
        return
    except OSError as error:
        refs.bad[name] = str(error.strerror)
        return
    if _OID.fullmatch(text):
        refs.found[name] = text.decode()
        return
    refs.found.pop(name, None)
    refs.bad[name] = (
        "a symbolic ref"
        if text.startswith(b"ref:")
        else "empty"
        if not text
        else "not an object id"
    )


def update(
    objects: Objects,
    home: Path,
    changes: Mapping[str, str | None],
    *,
    durable: bool = True,
    first: str | None = None,
) -> None:
    """Set each ref to its new object id, or delete it (None); all are locked before any moves.

    `first` moves before the others: a kill in between leaves it ahead. The caller holds the
    mutex and has read the old values under it. Waits up to five seconds for a lock of git's
    own; then raises RepositoryBusy, with nothing changed.
    """
    from git_datmo.storage.durability import explain
    from git_datmo.storage.locks import intent
    from git_datmo.storage.reftransaction import NEW, Transaction, packed_refs

    if not changes:
        return
    common = objects.common_dir
    locks = [common / f"{name}.lock" for name in changes]
    if None in changes.values():
        packed = packed_refs(common)
        locks += [Path(f"{packed}.lock"), Path(f"{packed}{NEW}")]
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            with intent(home, locks):
                _drop_damaged(common, changes)
                with Transaction(common, durable=durable) as transaction:
                    transaction.move(changes, first)
            return
        except BlockingIOError as error:
            if time.monotonic() > deadline:
                raise _busy(locks, error) from error
            time.sleep(0.01 + os.urandom(1)[0] / 6400)
        except OSError as error:
            raise explain(error, home) from error


def _drop_damaged(common: Path, names: Iterable[str]) -> None:
    """Remove loose refs that hold no object id: the library refuses to set or delete them."""
    for name in names:
        try:
            if _OID.fullmatch((common / name).read_bytes().strip()) is None:
                (common / name).unlink()
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            continue


def _busy(locks: list[Path], error: BlockingIOError) -> RepositoryBusy:
    for lock in locks:
        if lock.exists():
            age = time.time() - lock.stat().st_mtime
            return RepositoryBusy(
                f"{lock} has been there for {age:.0f} s: another git command holds it, or one died",
                hint=f"'git datmo doctor' removes it when nobody holds it; by hand: rm '{lock}'",
            )
    return RepositoryBusy(f"a ref is locked by another git command: {error}")


def require(common_dir: Path, name: str) -> str:
    """The object id of a ref that must exist. Raises DamagedObject."""
    oid = read_one(common_dir, name)
    if oid is None:
        raise DamagedObject(f"the ref {name} is missing or unreadable")
    return oid
