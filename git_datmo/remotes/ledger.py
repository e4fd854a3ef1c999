"""What lies at a place that cannot be asked by our own names: one list per writer, in git refs.

`refs/datmo-store/<writer>/list` is a commit without parents whose tree holds one file, `list`:
JSON lines `{"key": …, "blake3": …, "size": …, "at": …, …}`, `at` in seconds. The rest of a line
is the place's own. Each writer replaces only its own list, with a lease. Lists come from
strangers: what does not parse strictly is passed over.

    ledger = Ledger(Wire(git, url), home / "ledgers" / "<place and address>")
    for line in ledger.lines().get(pointer, []): …line.rest["sha256"]…
    ledger.add([Line(pointer, now(), {"sha256": …})])
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from git_datmo.errors import Corrupt, RemoteError
from git_datmo.model.frozen import frozen
from git_datmo.model.pointer import Pointer
from git_datmo.remotes.gitwire import Change, Scratch, Wire
from git_datmo.remotes.refusals import Cut, Stale, Unadvertised
from git_datmo.storage.durability import disk_errors

ROOT = "refs/datmo-store/"
# Longer lists, and longer lines, are nobody's honest work; both in bytes.
MAX_LIST = 64 * 1024**2
MAX_LINE = 1024**2
MAX_TIME = 2**53
TRIES = 8

_REF = re.compile(r"refs/datmo-store/([0-9a-f]{16,64})/(list|data)\Z")
_ID = re.compile(r"[0-9a-f]{16,64}\Z")
_NAMED = frozenset({"key", "blake3", "size", "at"})


@frozen
class Line:
    """One content that somebody brought there: what it is, when it was last relied on (seconds
    since 1970), and what the place needs to find it."""

    pointer: Pointer
    at: int
    rest: Mapping[str, Any]

    def encode(self) -> bytes:
        """The line as it stands in a list, with its end."""
        pointer = {"key": self.pointer.key, "blake3": self.pointer.blake3}
        document = {**pointer, "size": self.pointer.size, "at": self.at, **self.rest}
        return orjson.dumps(document, option=orjson.OPT_SORT_KEYS) + b"\n"


Lines = dict[Pointer, Line]


@dataclass
class Writer:
    """One writer's refs at the server, None for one that is not there, and what its list says."""

    name: str
    list: str | None = None
    data: str | None = None
    lines: Lines = field(default_factory=dict)


def now() -> int:
    """The time for `Line.at`."""
    return int(time.time())


def parse(data: bytes) -> Lines:
    """The lines of a list; what is no line is passed over, of two for one content the newer
    counts."""
    found: Lines = {}
    for text in data.split(b"\n"):
        line = _line(text)
        if line is not None:
            known = found.get(line.pointer)
            if known is None or known.at <= line.at:
                found[line.pointer] = line
    return found


def _line(text: bytes) -> Line | None:
    if not text or len(text) > MAX_LINE:
        return None
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(document, dict):
        return None
    at, size = document.get("at"), document.get("size")
    key, digest = document.get("key"), document.get("blake3")
    if type(at) is not int or type(size) is not int or not 0 <= at <= MAX_TIME:
        return None
    if not isinstance(key, str) or not isinstance(digest, str):
        return None
    try:
        pointer = Pointer(key, digest, size)
    except Corrupt:
        return None
    return Line(pointer, at, {k: v for k, v in document.items() if k not in _NAMED})


def format_list(lines: Lines) -> bytes:
    """A list of these lines: the same bytes for the same lines."""
    return b"".join(sorted(line.encode() for line in lines.values()))


class Ledger:
    """The lists at one server. `folder` keeps what was read, and who we are as a writer.

    A folder that is lost or copied does no harm: a lost one makes a new writer, two copies take
    turns on one list.
    """

    def __init__(self, wire: Wire, folder: Path) -> None:
        self.wire, self.folder = wire, folder

    def lines(self) -> dict[Pointer, list[Line]]:
        """All that anybody lists there, the newest first. Raises RemoteError."""
        found: dict[Pointer, list[Line]] = {}
        for writer in self.read().values():
            for pointer, line in writer.lines.items():
                found.setdefault(pointer, []).append(line)
        for listed in found.values():
            listed.sort(key=lambda line: -line.at)
        return found

    def add(self, lines: Iterable[Line]) -> None:
        """Set these lines in our own list, at once and durably there. Raises RemoteError."""
        added = {line.pointer: line for line in lines}
        self.change_own(lambda own: {**own, **added})

    def drop(self, pointers: Iterable[Pointer]) -> None:
        """Take lines out of our own list. Raises RemoteError."""
        gone = set(pointers)
        self.change_own(lambda own: {p: line for p, line in own.items() if p not in gone})

    def change_own(self, edit: Callable[[Lines], Lines]) -> None:
        """Replace our own list by what `edit` makes of it; again when somebody was faster."""
        with self.holding():
            for attempt in range(TRIES):
                own = self.own(self.read())
                edited = edit(own.lines)
                if edited == own.lines:
                    return
                with self.scratch() as scratch:
                    try:
                        self.wire.push([self.change(scratch, own, edited)], scratch)
                        return
                    except Stale:
                        if attempt == TRIES - 1:
                            raise

    @contextmanager
    def holding(self) -> Iterator[None]:
        """Be the only process of this clone that writes there; waits for another to end."""
        with disk_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            fd = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield
        finally:
            os.close(fd)

    def scratch(self) -> Scratch:
        """A folder for objects on their way."""
        return Scratch(self.wire.git, self.folder)

    def own(self, writers: Mapping[str, Writer]) -> Writer:
        """Our own writer among those that were read. Only while `holding`."""
        path = self.folder / "writer"
        try:
            name = path.read_text("ascii").strip()
        except (FileNotFoundError, UnicodeDecodeError):
            name = ""
        if not _ID.match(name):
            name = self.begin()
        return writers.get(name) or Writer(name)

    def begin(self) -> str:
        """Become a new writer; its name. Only while `holding`."""
        name = secrets.token_hex(8)
        self._keep(self.folder / "writer", name.encode())
        return name

    def change(self, scratch: Scratch, writer: Writer, lines: Lines) -> Change:
        """What to push so that a writer's list says `lines`; an empty list has no ref.

        Raises RemoteError when the list would be longer than anybody reads.
        """
        ref = f"{ROOT}{writer.name}/list"
        if not lines:
            return Change(ref, writer.list, None)
        data = format_list(lines)
        if len(data) > MAX_LIST:
            raise RemoteError(
                f"the list of what lies at {self.wire.name} has grown to {len(data)} bytes",
                hint="keep the content elsewhere: 'git config datmo.<remote>.store s3://…'",
            )
        return Change(ref, writer.list, scratch.commit({"list": data}))

    def read(self) -> dict[str, Writer]:
        """Every writer there, with its list, which is fetched when it changed."""
        for _ in range(TRIES):
            writers: dict[str, Writer] = {}
            for ref, oid in self.wire.refs(ROOT + "*").items():
                if match := _REF.match(ref):
                    writer = writers.setdefault(match[1], Writer(match[1]))
                    setattr(writer, match[2], oid)
            try:
                kept = self._lists({w.list for w in writers.values() if w.list})
            except (Unadvertised, FileNotFoundError):
                continue
            for writer in writers.values():
                writer.lines = kept.get(writer.list or "", {})
            return writers
        raise RemoteError(
            f"the lists at {self.wire.name} change faster than they can be read", hint="try again"
        )

    def _lists(self, oids: set[str]) -> dict[str, Lines]:
        folder = self.folder / "lists"
        with disk_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
            known = {path.name for path in folder.iterdir()}
        missing = sorted(oids - known)
        if missing:
            with self.scratch() as scratch:
                came = self._fetched(missing, scratch)
                for oid in came:
                    data = scratch.read(f"{oid}:list", MAX_LIST)
                    self._keep(folder / oid, data or b"")
            oids = oids - (set(missing) - set(came))
        found = {oid: parse((folder / oid).read_bytes()) for oid in oids}
        for name in known - oids:
            (folder / name).unlink(missing_ok=True)
        return found

    def _fetched(self, oids: list[str], scratch: Scratch) -> list[str]:
        """Fetch lists; one that git refuses does not keep the others from coming."""
        try:
            self.wire.fetch(oids, scratch)
            return oids
        except (Cut, Unadvertised):
            raise
        except RemoteError:
            if len(oids) == 1:
                raise
        came = []
        refused: RemoteError | None = None
        for oid in oids:
            try:
                came += self._fetched([oid], scratch)
            except (Cut, Unadvertised):
                raise
            except RemoteError as error:
                refused = error
        if refused is not None and not came:
            raise refused
        return came

    def _keep(self, path: Path, data: bytes) -> None:
        temporary = self.folder / f"new-{secrets.token_hex(4)}"
        with disk_errors(path):
            temporary.write_bytes(data)
            os.replace(temporary, path)
