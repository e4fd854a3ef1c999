"""The implementations that each suite is run with."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from git_datmo.runners import registry

pytest.register_assert_rewrite("tests.contracts.place")

from tests.contracts.place import Place  # noqa: E402 -- after its asserts are rewritten


@pytest.fixture
def local_place(tmp_path: Path) -> Place:
    settings = {"venvs": tmp_path / "venvs"}
    runner = registry.make("local", environ=dict(os.environ), settings=settings)
    return Place("local", runner, tmp_path, settings=settings, inherits=True)


@pytest.fixture(params=["local"])
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    """A runner, by the fixture `<name>_place`."""
    made: Place = request.getfixturevalue(f"{request.param}_place")
    yield made
    made.end()
