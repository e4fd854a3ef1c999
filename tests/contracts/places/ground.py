"""One place for content as a test sees it: handles to it, and hands on the server's side."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from git_datmo.model.pointer import Pointer
from git_datmo.remotes.base import Place
from git_datmo.storage.store import Store


def nothing(count: int) -> None:
    """An `advance` that does not care."""


@dataclass
class Ground:
    """`make` gives a new handle to the same place. On the server's side: `damage` puts other
    bytes where content lies, `lose` takes it away, `litter` names what is there beside whole
    content. `unreachable` is a place of the same kind whose server does not answer."""

    name: str
    root: Path
    make: Callable[[], Place]
    damage: Callable[[Pointer, bytes], None]
    lose: Callable[[Pointer], None]
    litter: Callable[[], list[str]]
    unreachable: Callable[[], Place]

    def store(self, name: str) -> Store:
        """A store of this machine's."""
        return Store(self.root / name / "store")


def fill(store: Store, *contents: bytes) -> list[Pointer]:
    """Bring content into a store; its pointers."""
    made = []
    scratch = store.folder.parent
    scratch.mkdir(parents=True, exist_ok=True)
    for number, content in enumerate(contents):
        path = scratch / f"source-{number}"
        path.write_bytes(content)
        with path.open("rb") as file:
            made.append(store.ingest(file.fileno(), sync=False))
        path.unlink()
    return made


def some(seed: int, size: int) -> bytes:
    """Bytes that do not compress, the same for the same seed."""
    return random.Random(seed).randbytes(size)
