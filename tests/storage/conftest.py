from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit.git import Repo
from tests.kit.results import Left, start
from tests.kit.trees import Trees, no_descriptors_left


@pytest.fixture
def trees(tmp_path: Path) -> Iterator[Trees]:
    """Objects and a store to restore from; fails a test that leaves a descriptor open."""
    made = Trees(tmp_path / "objects.git")
    made.pointer(b"from here on the stamps of the store stay open")
    with no_descriptors_left():
        yield made
        made.source.forget()  # the conversation with git


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """A place that does not exist yet."""
    return tmp_path / "target"


@pytest.fixture
def left(repo: Repo, tmp_path: Path) -> Iterator[Left]:
    """A small project in a slot, about to be changed by a task."""
    repo.write("code.py", "print(1)\n")
    repo.write("bin/tool", "#!/bin/sh\n", mode=0o755)
    repo.write("data/a", "a")
    repo.write("data/deep/b", "b")
    (repo.path / "link").symlink_to("data/a")
    repo.write(".gitignore", "out/\n*.log\n")
    repo.commit()
    made = start(repo, tmp_path / "task")
    with made.slot:
        yield made
