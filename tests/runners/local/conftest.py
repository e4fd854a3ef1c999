"""The local runner, with folders of its own for each test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from git_datmo.runners.local.runner import LocalRunner

pytest.register_assert_rewrite("tests.contracts.place")

from tests.contracts.place import Place  # noqa: E402 -- after its asserts are rewritten


@pytest.fixture
def local(tmp_path: Path) -> Iterator[Place]:
    settings = {"venvs": tmp_path / "venvs"}
    runner = LocalRunner(environ=dict(os.environ), settings=settings)
    place = Place("local", runner, tmp_path, settings=settings, inherits=True)
    yield place
    place.end()
