"""What campaigns share: their figures, and a place in memory, for kills do not need a disk."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit.git import Repo
from tests.torture.campaign import FULL, Campaign

MEMORY = Path("/dev/shm")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What tries everything takes as long as it takes."""
    for item in items:
        if FULL and item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.timeout(0))


@pytest.fixture
def tmp_path(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where there is one: syncing a disk is most of the time otherwise."""
    if not os.access(MEMORY, os.W_OK):
        yield tmp_path
        return
    folder = Path(tempfile.mkdtemp(prefix="torture-", dir=MEMORY))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def project(project: Repo) -> Repo:
    """A project with one commit, small large files, and nothing that happens by itself."""
    for key, value in (("datmo.autoSnapshot", "false"), ("datmo.largeFile", "2k")):
        project.git("config", key, value)
    project.git("config", "gc.auto", "0")
    project.write("code.py", "print(1)\n")
    project.commit()
    return project


@pytest.fixture
def campaign(request: pytest.FixtureRequest) -> Iterator[Campaign]:
    """The figures of one test."""
    node = request.node
    made = Campaign(f"{node.path.name}::{node.name}")
    yield made
    made.report()
