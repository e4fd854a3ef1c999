"""A store here, one elsewhere, and a place between them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from git_datmo.remotes.objectstore.place import ObjectStore
from git_datmo.storage.store import Store
from tests.kit.seaweed import Shelf


@pytest.fixture
def here(tmp_path: Path) -> Store:
    """Where content comes from."""
    return Store(tmp_path / "here" / "store")


@pytest.fixture
def elsewhere(tmp_path: Path) -> Store:
    """Where content goes to."""
    return Store(tmp_path / "elsewhere" / "store")


@pytest.fixture
def shelved(shelf: Shelf) -> Iterator[ObjectStore]:
    """The test's place on the common server."""
    place = ObjectStore(shelf.url)
    yield place
    place.close()
