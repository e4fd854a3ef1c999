"""What a slot of the pool holds: its tree, and how each file looked when its content was known.

Disposable. A stamp that still fits proves what a file holds, whatever became of the others, so an
interrupted fill leaves a memory that is old but not wrong.
"""

from __future__ import annotations

import marshal
import os
import sys
import time
import zlib
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from git_datmo.storage.treewalk import Stamp

# A path's stamp (None: content must be looked at again), git mode and object id.
Held = tuple[Stamp | None, int, str]

_VERSION = f"1 {sys.version_info[0]}.{sys.version_info[1]}"
_BOOT = Path("/proc/sys/kernel/random/boot_id")
# Kernels write dirty pages back within half a minute; what a power cut took was younger.
_FLUSHED_NS = 120_000_000_000


@dataclass
class Memory:
    """`held` has every path of `tree`: files, links, gitlinks and empty folders."""

    tree: str = ""
    held: dict[bytes, Held] = field(default_factory=dict)


def load(path: Path) -> Memory:
    """Read a memory; an absent, damaged or foreign one is an empty one."""
    try:
        data = path.read_bytes()
    except OSError:
        return Memory()
    head, _, body = data.partition(b"\n")
    fields = head.decode("ascii", "replace").split(" ")
    if len(fields) != 6 or " ".join(fields[:2]) != _VERSION or fields[5] != _check(body):
        return Memory()
    try:
        held: dict[bytes, Held] = marshal.loads(body)
    except (ValueError, EOFError, TypeError):
        return Memory()
    if fields[3] != _boot():
        before = int(fields[4]) - _FLUSHED_NS
        for name, (stamp, mode, oid) in held.items():
            if stamp is not None and stamp[3] > before:
                held[name] = (None, mode, oid)
    return Memory(fields[2], held)


def save(path: Path, memory: Memory) -> None:
    """Write a memory by way of a temporary file; a failure only costs time later."""
    body = marshal.dumps(memory.held)
    head = f"{_VERSION} {memory.tree} {_boot()} {time.time_ns()} {_check(body)}\n"
    temporary = path.with_name(path.name + ".new")
    try:
        temporary.write_bytes(head.encode() + body)
        os.replace(temporary, path)
    except OSError:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def tree_of(path: Path) -> str:
    """The tree that a memory is of, without reading the rest; empty when there is none."""
    try:
        with path.open("rb") as file:
            fields = file.readline(256).decode("ascii", "replace").split(" ")
    except OSError:
        return ""
    return fields[2] if len(fields) == 6 and " ".join(fields[:2]) == _VERSION else ""


def _check(body: bytes) -> str:
    return f"{zlib.crc32(body):08x}"


def _boot() -> str:
    try:
        return _BOOT.read_text("ascii").strip()
    except OSError:
        return "unknown"
