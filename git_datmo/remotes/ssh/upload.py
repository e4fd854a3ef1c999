"""Sending content: small files in a stream, large ones so that they can be gone on with."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence

from git_datmo.errors import DamagedContent
from git_datmo.model.pointer import Pointer
from git_datmo.remotes.ssh.agent import BATCH
from git_datmo.remotes.ssh.lines import Line
from git_datmo.remotes.ssh.link import Link
from git_datmo.remotes.ssh.parcels import Tally, named
from git_datmo.storage.hashing import BLOCK
from git_datmo.storage.store import Store


def send_small(line: Line, source: Store, pointers: Sequence[Pointer], tally: Tally) -> None:
    """Send whole files one after the other; they are answered, and on the disk there, together.

    Raises RemoteError; ContentMissing or DamagedContent when `source` cannot give one.
    """
    cut = False

    def once(link: Link) -> None:
        nonlocal cut
        left = list(pointers)
        if cut:
            there = ask_present(link, left)
            left = [pointer for pointer in left if pointer not in there]
        cut = True
        for pointer in left:
            fd = source.open(pointer)
            try:
                link.write(link.message(do="put", **named(pointer)))
                _stream(line, link, fd, pointer, 0, tally)
            finally:
                os.close(fd)
        link.ask(do="commit")
        for pointer in pointers:
            tally.reach(pointer, pointer.size)

    line.again(once)


def send_large(line: Line, source: Store, pointer: Pointer, nonce: str, tally: Tally) -> None:
    """Send one file; what an earlier try brought there is not sent again if its sha256 is right.

    Raises RemoteError; ContentMissing or DamagedContent when `source` cannot give it.
    """
    fd = source.open(pointer)

    def once(link: Link) -> None:
        said = link.ask(do="begin", nonce=nonce, **named(pointer))
        if said.get("there") is not True:
            offset = link.amount(said.get("offset"), pointer.size)
            if offset and _sha256(fd, offset) != said.get("sha256"):
                offset = 0
            link.write(link.message(do="data", size=pointer.size, offset=offset))
            _stream(line, link, fd, pointer, offset, tally)
            link.flush()
            link.answer()
        tally.reach(pointer, pointer.size)

    try:
        line.again(once)
    finally:
        os.close(fd)


def ask_present(link: Link, pointers: Sequence[Pointer]) -> set[Pointer]:
    """Those of `pointers` that are there whole. Raises Cut, RemoteError."""
    found: set[Pointer] = set()
    for start in range(0, len(pointers), BATCH):
        asked = pointers[start : start + BATCH]
        names = [(pointer.key, pointer.blake3, pointer.size) for pointer in asked]
        there = str(link.ask(do="present", names=names).get("there"))
        link.amount(abs(len(there) - len(asked)), 0)
        found.update(pointer for pointer, sign in zip(asked, there, strict=True) if sign == "1")
    return found


def _stream(line: Line, link: Link, fd: int, pointer: Pointer, offset: int, tally: Tally) -> None:
    os.lseek(fd, offset, os.SEEK_SET)
    while offset < pointer.size:
        data = os.read(fd, min(BLOCK, pointer.size - offset))
        if not data:
            raise DamagedContent(f"content {pointer.key} became shorter while it was sent")
        link.write(data)
        offset += len(data)
        line.moved += len(data)
        tally.reach(pointer, offset)


def _sha256(fd: int, count: int) -> str:
    os.lseek(fd, 0, os.SEEK_SET)
    digest = hashlib.sha256()
    while count and (data := os.read(fd, min(BLOCK, count))):
        digest.update(data)
        count -= len(data)
    return digest.hexdigest()
