"""Servers of pages, each for the tests of one file."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.kit.laboratory import Laboratory, furnished
from tests.kit.pages import Pages


@pytest.fixture(scope="module")
def lab(world: None, tmp_path_factory: pytest.TempPathFactory) -> Laboratory:
    """A project with something of everything. What tests add to it, the others see."""
    return furnished(tmp_path_factory.mktemp("lab") / "lab")


@pytest.fixture(scope="module")
def pages(lab: Laboratory) -> Iterator[Pages]:
    """Its pages; somebody came in."""
    with Pages(lab.repo.path) as found:
        found.enter()
        yield found
