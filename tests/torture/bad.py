"""git-datmo with one bug planted: `python bad.py BUG WORDS…`. Controls must find each of them."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pygit2

from git_datmo.__main__ import main
from git_datmo.api import surroundings
from git_datmo.model.pointer import Pointer
from git_datmo.records import layout
from git_datmo.records.living import Living, Root
from git_datmo.storage import durability, refs
from git_datmo.storage.objects import Objects
from git_datmo.storage.reftransaction import Transaction
from git_datmo.storage.store import Store


def no_fsync() -> None:
    """Nothing is flushed."""
    os.fsync = lambda fd: None
    os.sync = lambda: None
    durability._libc = lambda: None  # type: ignore[assignment]


def content_last() -> None:
    """Stored content gets its name when all else is done: the ref is there before it."""
    adopt = Store._adopt

    def later(self: Store, temporary: str, pointer: Pointer, **how: Any) -> Path:
        atexit.register(adopt, self, temporary, pointer, **how)
        return self.candidates(pointer)[0]

    Store._adopt = later  # type: ignore[method-assign]


def says_first() -> None:
    """It says that it is done, and then moves the refs."""
    update = refs.update

    def saying(objects: Objects, home: Path, changes: Mapping[str, str | None], **how: Any) -> None:
        made = [oid for name, oid in changes.items() if name.startswith(layout.SNAPSHOTS) and oid]
        if made:
            sys.stdout.write(json.dumps({"id": made[0]}) + "\n")
            sys.stdout.flush()
        update(objects, home, changes, **how)

    refs.update = saying


def no_intent() -> None:
    """Locks are taken that nobody announced, and held for long."""
    from git_datmo.storage import locks

    lock = Transaction._lock

    def slowly(self: Transaction, name: str, path: str, data: bytes) -> None:
        lock(self, name, path, data)
        time.sleep(0.05)

    Transaction._lock = slowly  # type: ignore[method-assign]

    @contextlib.contextmanager
    def silent(home: Path, taken: object) -> Iterator[None]:
        yield

    locks.intent = silent  # type: ignore[assignment]


def careless() -> None:
    """A write that fails is taken for one that did not."""
    write = os.write

    def hoping(fd: int, data: Any) -> int:
        try:
            return write(fd, data)
        except OSError:
            return len(data)

    os.write = hoping


def greedy() -> None:
    """Nothing is taken to be living when content is freed."""

    def none(self: Living, root: Root, seen: set[bytes]) -> Iterator[Pointer]:
        yield from ()

    Living.pointers = none  # type: ignore[method-assign]


def _prune() -> None:
    subprocess.run(["git", "gc", "-q", "--prune=now"], check=True)


def pruned() -> None:
    """No bug: `git gc --prune=now` begins and ends when all is written and no ref is set yet."""
    secure = Objects.secure

    def late(self: Objects) -> bool:
        _prune()
        return secure(self)

    Objects.secure = late  # type: ignore[method-assign]


def trusting() -> None:
    """The same, and nobody looks whether something was taken away meanwhile."""

    def late(self: Objects) -> bool:
        _prune()
        return False

    Objects.secure = late  # type: ignore[method-assign]


def swept() -> None:
    """No bug: `git gc --prune=now` right after a capture, which another command's trees are in."""
    choose = surroundings.choose

    def late(*given: Any, **named: Any) -> Any:
        surroundings.choose = choose
        _prune()
        return choose(*given, **named)

    surroundings.choose = late


def create_note() -> None:
    """Notes by the library's own call, tried again when it says that it failed; no git-datmo."""
    git = pygit2.Repository(".")
    who = pygit2.Signature("n", "n@example.com")
    for number in range(25):
        blob = git.create_blob(f"{sys.argv[1]} {number}".encode())
        while True:
            try:
                git.create_note(str(number), who, who, str(blob), "refs/notes/torture")
                break
            except (pygit2.GitError, OSError):
                continue
        sys.stdout.write(f"{blob}\n")
    sys.exit()


BUGS = {
    bug.__name__.replace("_", "-"): bug
    for bug in (
        *(no_fsync, content_last, says_first, no_intent, careless, greedy, pruned, trusting),
        *(swept, create_note),
    )
}


def program(bug: str) -> list[str]:
    """The words that start it."""
    return [sys.executable, __file__, bug]


if __name__ == "__main__":
    BUGS[sys.argv.pop(1)]()
    main()
