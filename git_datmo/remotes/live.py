"""What is known of a run under way, as a commit at a git server.

    live.json        what the caller says of the run; `updated` is when, in milliseconds since 1970
    log.000000 …     what it printed, in pieces of 256 KiB: only the last one ever changes
    metrics.000000 … its points, in the order in which they were logged

The commit has no parents and lies in a scratch folder here; there it is replaced by the next one,
and goes when the run has been recorded.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from git_datmo.errors import Conflict, DamagedObject, InvalidDocument, NewerFormat, RemoteError
from git_datmo.model import document
from git_datmo.model.folder import Live
from git_datmo.records import layout
from git_datmo.records.project import Project
from git_datmo.remotes import folders
from git_datmo.remotes.gitwire import Change, Scratch, Wire
from git_datmo.storage import secrets

FACTS: Final = "live.json"
FORMAT: Final = 1
PIECE: Final = 256 * 1024
SEAM: Final = 512
"""How many bytes before a piece are looked at with it: a secret may lie across."""
MAX_FACTS: Final = 16 * 1024 * 1024
STREAMS: Final = ("log", "metrics")
_WORDS = {"log": "what the run printed", "metrics": "what the run logged"}
ROOM: Final = "live"
_REFUSED = re.compile("fsck error|index-pack|remote did not send all necessary objects")


class Feed:
    """The commits of one run under way. Costs nothing before the first; `close` it."""

    def __init__(self, project: Project, run_id: str) -> None:
        self._git, self._parent = project.repository.git, project.home / ROOM
        self._trusting = project.repository.config.boolean("datmo.allowSecrets", False)
        self._run_id = run_id
        self._scratch: Scratch | None = None
        # By stream: the ids of its full pieces, which are written once.
        self._full: dict[str, list[str]] = {name: [] for name in STREAMS}

    def commit(self, said: Mapping[str, Any], files: Mapping[str, Path]) -> str:
        """Write down what is known now: `files` are the streams as they lie on the disk.

        Raises Conflict where something of it looks like a secret, GitFailed, NoSpace.
        """
        scratch = self._open()
        facts = document.dumps({**said, "format": FORMAT, "run_id": self._run_id}) + b"\n"
        self._require_harmless("what it says of itself", facts)
        entries = {FACTS: scratch.blob(facts)}
        for name in STREAMS:
            for number, oid in enumerate(self._pieces(name, files.get(name))):
                entries[f"{name}.{number:06d}"] = oid
        lines = "".join(f"100644 blob {oid}\t{name}\n" for name, oid in sorted(entries.items()))
        tree = scratch.run("mktree", data=lines.encode()).decode().strip()
        message = layout.message(f"run {self._run_id[:12]} under way", {"Datmo-Live": self._run_id})
        return scratch.run("commit-tree", tree, data=message.encode()).decode().strip()

    def push(self, url: str, changes: Sequence[Change]) -> None:
        """Move refs at a server to what was committed. Raises Stale, RemoteError."""
        folders.move(self._git, url, changes, self._open().env)

    def close(self) -> None:
        """Let go of the objects."""
        if self._scratch is not None:
            self._scratch.close()
            self._scratch = None

    def _require_harmless(self, what: str, data: bytes) -> None:
        kind = None if self._trusting else secrets.in_content(data)
        if kind is not None:
            raise Conflict(
                f"{what} looks like a secret ({kind}), and is not sent",
                hint="if it is none: git config datmo.allowSecrets true",
            )

    def _open(self) -> Scratch:
        if self._scratch is None or not self._scratch.folder.is_dir():
            self._scratch = Scratch(self._git, self._parent)
            self._full = {name: [] for name in STREAMS}
        return self._scratch

    def _pieces(self, name: str, path: Path | None) -> Iterator[str]:
        full = self._full[name]
        yield from full
        if path is None or not path.is_file():
            return
        with path.open("rb") as file:
            before = min(SEAM, len(full) * PIECE)
            file.seek(len(full) * PIECE - before)
            seam = file.read(before)
            while data := file.read(PIECE):
                self._require_harmless(_WORDS[name], seam + data)
                seam = data[-SEAM:]
                oid = self._open().blob(data)
                if len(data) == PIECE:
                    full.append(oid)
                yield oid


def read(project: Project, url: str, oids: Sequence[str], *, streams: bool = False) -> list[Live]:
    """What is said of runs under way at a server, by their commits there; what is none is left
    out. With `streams` what they printed and logged comes along. Raises RemoteError.
    """
    if not oids:
        return []
    git, found = project.repository.git, []
    with Scratch(git, project.home / ROOM) as scratch:
        for oid in _brought(Wire(git, url), oids, scratch):
            try:
                found.append(_read(scratch, oid, streams))
            except (DamagedObject, InvalidDocument):
                continue
            except NewerFormat:
                if streams:
                    raise
    return found


def _brought(wire: Wire, oids: Sequence[str], scratch: Scratch) -> Sequence[str]:
    """Fetch them, and return those that git takes: one that it refuses to have is left out."""
    try:
        wire.fetch(oids, scratch)
    except RemoteError as error:
        if not _REFUSED.search(f"{error.message} {error.hint}"):
            raise
        half = len(oids) // 2
        if not half:
            return []
        first, rest = (_brought(wire, part, scratch) for part in (oids[:half], oids[half:]))
        return [*first, *rest]
    return oids


def parsed(oid: str, data: bytes | None) -> Live:
    """What a commit says of a run under way, from its `live.json`; without streams.

    Raises DamagedObject, InvalidDocument, NewerFormat.
    """
    if data is None:
        raise DamagedObject(f"{oid} says nothing of a run under way")
    try:
        said = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise DamagedObject(f"{FACTS} of {oid} is not JSON") from error
    number = said.get("format") if isinstance(said, dict) else None
    if type(number) is int and number > FORMAT:
        raise NewerFormat(f"{FACTS} is written in format {number}; this git-datmo knows {FORMAT}")
    if number != FORMAT or not layout.is_run_id(str(said.get("run_id"))):
        raise DamagedObject(f"{FACTS} of {oid} does not describe a run")
    return Live(oid, said["run_id"], document.decode(said))


def _read(scratch: Scratch, oid: str, streams: bool) -> Live:
    found = parsed(oid, scratch.read(f"{oid}:{FACTS}", MAX_FACTS))
    if not streams:
        return found
    listed = os.fsdecode(scratch.run("ls-tree", "-z", "--name-only", oid)).split("\0")
    parts: dict[str, bytes] = {}
    for stream in STREAMS:
        names = sorted(name for name in listed if name.startswith(f"{stream}."))
        pieces = (scratch.read(f"{oid}:{name}", PIECE) for name in names)
        parts[stream] = b"".join(piece for piece in pieces if piece is not None)
    return replace(found, streams=parts)
