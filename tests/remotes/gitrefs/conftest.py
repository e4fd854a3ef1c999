"""Two stores, and a wire to the web server that counts and can be cut."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from git_datmo.storage.store import Store
from tests.kit.webgit import WebGit
from tests.kit.wire import Wire, wire


@pytest.fixture
def here(tmp_path: Path) -> Store:
    """The store of whoever sends."""
    return Store(tmp_path / "here" / "store")


@pytest.fixture
def elsewhere(tmp_path: Path) -> Store:
    """The store of whoever fetches."""
    return Store(tmp_path / "elsewhere" / "store")


@pytest.fixture
def line(webgit: WebGit) -> Iterator[Wire]:
    """A wire to the web server."""
    with wire(webgit.port) as made:
        yield made
