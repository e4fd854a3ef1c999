"""A capture as a test sees it, and what it must be: a walk that remembers nothing."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from pathlib import Path
from typing import Any

import blake3
import xxhash

from git_datmo.storage.repository import discover
from git_datmo.storage.store import Store
from git_datmo.storage.worktree import Capture, Options, capture
from tests.kit.git import Repo

THRESHOLD = 4096
EMPTY = ("40000", "4b825dc642cb6eb9a060e54bf8d69288fbee4904")

Flat = dict[bytes, tuple[str, str]]


def take(repo: Repo, **options: Any) -> Capture:
    """Capture the work tree with a small threshold."""
    found = discover(repo.path)
    return capture(
        found, Store(found.home / "store"), Options(**{"threshold": THRESHOLD, **options})
    )


def forget(repo: Repo) -> None:
    """Delete everything that captures remember."""
    shutil.rmtree(repo.git_dir / "datmo")


def flat(repo: Repo, tree: str) -> Flat:
    """Path -> (mode, id) of files, links, gitlinks and empty folders, as git reads them."""
    listed = repo.git("ls-tree", "-r", "-t", "-z", "--full-tree", tree)
    found = {}
    for entry in listed.split("\0")[:-1]:
        facts, path = entry.split("\t", 1)
        mode, kind, oid = facts.split(" ")
        if kind != "tree" or oid == EMPTY[1]:
            found[os.fsencode(path)] = (mode.lstrip("0"), oid)
    return found


def contents(repo: Repo, captured: Capture) -> dict[bytes, bytes]:
    """Path -> the bytes a restore would give, for files and links; pointers are followed."""
    found = {}
    store = Store(discover(repo.path).home / "store")
    objects = discover(repo.path).objects
    for path, (mode, oid) in flat(repo, captured.tree).items():
        if mode in ("40000", "160000"):
            continue
        found[path] = objects.blob(oid)
        if path in captured.pointers:
            with open(store.open(captured.pointers[path]), "rb") as file:
                found[path] = file.read()
    return found


def expected(repo: Repo) -> Flat:
    """What a capture of the work tree must hold. Knows no submodules and no secrets."""
    listed = repo.git("ls-files", "-z", "--cached", "--others", "--exclude-standard")
    tracked = {os.fsencode(path) for path in listed.split("\0") if path}
    found = {}
    for path in tracked:
        entry = _entry(repo, path)
        if entry is not None:
            found[path] = entry
    return found | _empty_folders(repo, found)


def _entry(repo: Repo, path: bytes) -> tuple[str, str] | None:
    full = os.fsencode(repo.path) + b"/" + path
    try:
        state = os.lstat(full)
    except (FileNotFoundError, NotADirectoryError):
        return None
    if stat.S_ISLNK(state.st_mode):
        return "120000", _blob(os.readlink(full))
    if not stat.S_ISREG(state.st_mode):
        return None
    data = Path(os.fsdecode(full)).read_bytes()
    if _in_store(repo, path, data):
        data = pointer(data)
    return ("100755" if state.st_mode & 0o100 else "100644"), _blob(data)


def _in_store(repo: Repo, path: bytes, data: bytes) -> bool:
    if len(data) <= 512 and data.startswith(b"git-datmo pointer 1\n"):
        return True
    asked = repo.git("check-attr", "-z", "datmo", "--", os.fsdecode(path))
    said = asked.split("\0")[2]
    return said == "set" or (len(data) >= THRESHOLD and said != "unset")


def pointer(data: bytes) -> bytes:
    """The pointer of some content, written down by hand."""
    return (
        f"git-datmo pointer 1\nxxh3-128 {xxhash.xxh3_128_hexdigest(data)}\n"
        f"blake3 {blake3.blake3(data).hexdigest()}\nsize {len(data)}\n"
    ).encode()


def _empty_folders(repo: Repo, found: Flat) -> Flat:
    """Folders that are not ignored and hold nothing that is captured."""
    holding = {path.rpartition(b"/")[0] for path in found}
    for path in list(holding):
        while path:
            path = path.rpartition(b"/")[0]
            holding.add(path)
    root = os.fsencode(repo.path)
    empty: set[bytes] = set()
    for folder, folders, _ in os.walk(root):
        folders[:] = [name for name in folders if name != b".git"]
        path = os.path.relpath(folder, root)
        if path == b"." or path in holding:
            continue
        if repo.try_git("check-ignore", "-q", "--no-index", os.fsdecode(path) + "/").returncode:
            empty.add(path)
        else:
            folders.clear()
    deepest = {path for path in empty if not any(o.startswith(path + b"/") for o in empty)}
    return dict.fromkeys(deepest, EMPTY)


def _blob(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
