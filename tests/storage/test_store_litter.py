"""What killed processes left half copied does not stay for ever, and what is under way does."""

from __future__ import annotations

import os
import time
from pathlib import Path

from git_datmo.storage.litter import LITTER_SECONDS
from git_datmo.storage.store import Store


def test_old_temporary_files_are_swept_and_young_ones_kept(tmp_path: Path):
    store = Store(tmp_path / "store")
    store.folder.mkdir()
    old, young = store.folder / "tmp-old", store.folder / "tmp-young"
    for path in (old, young):
        path.write_bytes(b"half")
    long_ago = time.time() - LITTER_SECONDS - 60
    os.utime(old, (long_ago, long_ago))
    source = tmp_path / "source"
    source.write_bytes(b"whole")
    with source.open("rb") as file:
        pointer = store.ingest(file.fileno(), sync=False)
    assert not old.exists()
    assert young.exists()
    assert store.has(pointer)
