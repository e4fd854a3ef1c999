"""Reading all that a tree holds as it lies on this disk, and computing every digest anew.

No remote is asked, nothing is mended or moved, and what was checked before is not believed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

from git_datmo.errors import Corrupt, DamagedObject
from git_datmo.model.pointer import MAX_SIZE, Pointer, looks_like_pointer
from git_datmo.model.verification import COMPLETE, DAMAGED, MISSING, Problem
from git_datmo.storage.gitformat import EMPTY_TREE, GITLINK, TREE, Commit, parse_commit, parse_tree
from git_datmo.storage.objects import Objects
from git_datmo.storage.store import Store


class Audit:
    """What was read, each object once: `objects` counts those of git, `files` and `size` (bytes)
    stored content. `advance` is told the bytes of content as they are read."""

    def __init__(
        self, objects: Objects, store: Store, advance: Callable[[int], None] | None = None
    ) -> None:
        self._objects, self._store, self._advance = objects, store, advance
        self._sound: set[str] = set()
        self._content: dict[Pointer, str] = {}
        self.objects = self.files = self.size = 0

    def commit(self, oid: str) -> tuple[Commit | None, bytes, list[Problem]]:
        """A commit with its bytes; None with what is wrong with it."""
        data, problems = self._object(oid, "commit", oid)
        try:
            return (None if data is None else parse_commit(oid, data)), data or b"", problems
        except DamagedObject as error:
            return None, b"", [Problem(DAMAGED, oid, error.message)]

    def tree(self, root: str) -> list[Problem]:
        """What is wrong with anything below a tree: its objects, and the content of pointers."""
        problems: list[Problem] = []
        met: set[str] = set()
        bad: set[str] = set()
        stack = [(b"", root)]
        while stack:
            path, oid = stack.pop()
            if oid in self._sound or oid in met or oid == EMPTY_TREE:
                continue
            met.add(oid)
            data, found = self._object(oid, "tree", os.fsdecode(path) or oid)
            problems += found
            if data is None:
                continue
            try:
                entries = parse_tree(data, oid)
            except DamagedObject as error:
                problems.append(Problem(DAMAGED, os.fsdecode(path) or oid, error.message))
                continue
            for name, mode, child in entries:
                below = path + b"/" + name if path else name
                if mode == TREE:
                    stack.append((below, child))
                elif (
                    mode != GITLINK
                    and child not in self._sound
                    and (child in bad or child not in met)
                ):
                    met.add(child)
                    wrong = list(self._file(os.fsdecode(below), child))
                    problems += wrong
                    bad |= {child} if wrong else set()
        if not problems:
            self._sound |= met
        return problems

    def _file(self, path: str, oid: str) -> Iterator[Problem]:
        data, problems = self._object(oid, "blob", path)
        yield from problems
        if data is None or len(data) > MAX_SIZE or not looks_like_pointer(data):
            return
        try:
            pointer = Pointer.parse(data)
        except Corrupt as error:
            yield Problem(DAMAGED, path, f"{path}: {error.message}")
            return
        state = self._content.get(pointer)
        if state is None:
            state = self._content[pointer] = self._judge(pointer)
        if state == MISSING:
            yield Problem(state, path, f"the content of {path} ({pointer.size} bytes) is not here")
        elif state == DAMAGED:
            yield Problem(state, path, f"the stored content of {path} is damaged ({pointer.key})")

    def _judge(self, pointer: Pointer) -> str:
        """COMPLETE, MISSING or DAMAGED. A sound file of the same key may hold other content."""
        state = MISSING
        for place in self._store.candidates(pointer):
            if not os.path.lexists(place):
                continue
            found = self._store.measure(place, advance=self._advance)
            if found == pointer:
                self.files += 1
                self.size += pointer.size
                return COMPLETE
            if found is None or found.key != pointer.key:
                state = DAMAGED
        return state

    def _object(self, oid: str, kind: str, subject: str) -> tuple[bytes | None, list[Problem]]:
        """An object's bytes once they are what its id says, else what is wrong with it."""
        try:
            found = self._objects.here(oid)
        except DamagedObject as error:
            return None, [Problem(DAMAGED, subject, error.message)]
        if found is None:
            return None, [Problem(MISSING, subject, f"the git {kind} {oid} is not here")]
        if found[0] != kind:
            wrong = f"the git object {oid} is a {found[0]}, not a {kind}"
            return None, [Problem(DAMAGED, subject, wrong)]
        self.objects += 1
        return found[1], []
