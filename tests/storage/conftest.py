from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit.trees import Trees, no_descriptors_left


@pytest.fixture
def trees(tmp_path: Path) -> Iterator[Trees]:
    """Objects and a store to restore from; fails a test that leaves a descriptor open."""
    made = Trees(tmp_path / "objects.git")
    made.pointer(b"from here on the stamps of the store stay open")
    with no_descriptors_left():
        yield made


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """A place that does not exist yet."""
    return tmp_path / "target"
