"""What is read from one slot and filled into another is the same on disk."""

from __future__ import annotations

import shutil

import pytest

from git_datmo.storage import pool
from git_datmo.storage.results import Results
from tests.kit.results import Left, mischief
from tests.kit.trees import on_disk


@pytest.mark.parametrize("seed", range(16))
def test_whatever_a_task_does(left: Left, seed: int) -> None:
    for turn in range(3):
        mischief(left.root, seed * 3 + turn)
        before = left.before
        found = left.read()
        again = left.slot.fill(left.repository.objects, left.store, found.tree)
        assert (again.written, again.removed) == (0, 0), "it holds what was read already"
        with pool.take(left.repository.home) as other:
            other.fill(left.repository.objects, left.store, found.tree)
            assert on_disk(other.tree) == on_disk(left.root)
        changed = found.changes.keys() | {path for path, _ in found.skipped}
        assert bool(changed) == (found.tree != before)
        left.before = found.tree
        assert left.read() == Results(found.tree)
        if seed % 2:
            mischief(left.root, seed + 1000)
            left.fill(before)
            left.fill(found.tree)
            with pool.take(left.repository.home) as other:
                assert on_disk(other.tree) == on_disk(left.root)
        if seed % 5 == 0:
            (left.slot.folder / "memory").unlink()
            left.slot.__dict__.pop("memory")
    shutil.rmtree(left.slot.tree)
    left.fill(left.before)
    assert left.read() == Results(left.before)
