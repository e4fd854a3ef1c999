"""Secrets in what some commits add. Each change of a file is read once, however many commits of
a push hold it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from git_datmo.errors import Corrupt
from git_datmo.model.pointer import MAX_SIZE, Pointer, looks_like_pointer
from git_datmo.records.project import Project
from git_datmo.storage import secrets
from git_datmo.storage.objects import EMPTY_TREE

# Reading stops here: a scan must not make a push of large text files endless.
MAX_BYTES = 256 * 1024 * 1024
# Of what is stored beside git, larger texts are data sets more often than logs.
MAX_STORED = 32 * 1024 * 1024
# git itself takes a file for binary that has a zero byte so early.
_BINARY = 8000
_FILES = ("100644", "100755")

# Blobs before and after, with a commit and a path.
Changes = dict[tuple[str, str], tuple[str, str]]


class Finding(NamedTuple):
    """A line that looks like a secret: where, from which commit on, and what kind it is."""

    commit: str
    path: str
    line: int
    kind: str


class Findings(NamedTuple):
    """What was found; `unread` are bytes that were not looked at."""

    found: tuple[Finding, ...]
    unread: int


def look(project: Project, revisions: bytes, chosen: list[str]) -> Findings:
    """The secrets in lines that the commits which `git log` lists for `revisions` and `chosen`
    add, each once."""
    options = ["--raw", "--no-abbrev", "--no-renames", "--format=commit %H", "--stdin", *chosen]
    return _search(project, _changes(project.repository.git.run("log", *options, data=revisions)))


def look_at_notes(project: Project, chains: Iterable[tuple[str | None, str]]) -> Findings:
    """The secrets in what the notes of chains say: labels, messages, settings. `chains` are what a
    remote knows of each and what it is to know; nobody's history is walked for it."""
    changes: Changes = {}
    for known, ours in chains:
        before = known if known and project.repository.objects.has(known) else EMPTY_TREE
        options = ("-r", "--raw", "--no-abbrev", "--no-renames", before, ours)
        listed = _changes(project.repository.git.run("diff-tree", *options))
        for pair, (_, path) in listed.items():
            changes[pair] = ours, f"the note of {path.replace('/', '')[:10]}"
    return _search(project, changes)


def in_messages(messages: Iterable[tuple[str, str]]) -> Iterator[Finding]:
    """The secrets in the messages of commits, by their ids."""
    for oid, message in messages:
        for number, line in enumerate(message.splitlines(), 1):
            kind = secrets.in_content(line.encode("utf-8", "replace"))
            if kind is not None:
                yield Finding(oid, "message", number, kind)


def _search(project: Project, changes: Changes) -> Findings:
    objects = project.repository.objects
    objects.bring(oid for pair in changes for oid in pair if oid.strip("0"))
    found: dict[tuple[str, int, str], Finding] = {}
    read = unread = 0
    for (old, new), (commit, path) in changes.items():
        size = objects.size(new) or 0
        if read + size > MAX_BYTES:
            unread += size
            continue
        read += size
        data = objects.blob(new)
        data, left = _text(project, data, MAX_BYTES - read)
        read, unread = read + max(0, len(data) - size), unread + left
        if b"\0" in data[:_BINARY] or secrets.in_content(data) is None:
            continue
        known = set(objects.blob(old).splitlines()) if old.strip("0") else set()
        for number, line in enumerate(data.splitlines(), 1):
            kind = secrets.in_content(line)
            if kind is not None and line not in known:
                found.setdefault((path, number, kind), Finding(commit, path, number, kind))
    return Findings(tuple(found.values()), unread)


def _text(project: Project, data: bytes, room: int) -> tuple[bytes, int]:
    """What there is to look through in a blob: its bytes, or for a pointer those that it stands
    for, if they are text and no more than `room`; and how many bytes of text are left out."""
    if len(data) > MAX_SIZE or not looks_like_pointer(data):
        return data, 0
    try:
        pointer = Pointer.parse(data)
        with open(project.store.open(pointer), "rb") as file:
            head = file.read(_BINARY)
            if b"\0" in head:
                return b"", 0
            if pointer.size > min(room, MAX_STORED):
                return b"", pointer.size
            return head + file.read(), 0
    except Corrupt:
        return b"", 0  # Whether it can be delivered is said by the push itself.


def _changes(listed: bytes) -> Changes:
    """Each pair of blobs before and after that a file went through, with one commit and path."""
    changes: Changes = {}
    commit = ""
    for line in os.fsdecode(listed).split("\n"):
        if line.startswith("commit "):
            commit = line.removeprefix("commit ")
        elif line.startswith(":"):
            facts, _, path = line.partition("\t")
            _, mode, old, new, _ = facts.split(" ")
            if mode in _FILES:
                shown = os.fsencode(path).decode(errors="replace")
                changes[old, new] = commit, shown
    return changes
