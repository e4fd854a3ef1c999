"""Clones of one hub, each logged in; nobody stays logged in from one test to the next."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from git_datmo.compat.em import session
from tests.kit.git import Repo


@pytest.fixture(autouse=True)
def logged_out() -> Iterator[None]:
    session._session.logged_in, session._session.chosen = False, None
    yield
    session._session.logged_in, session._session.chosen = False, None


@pytest.fixture
def hub(tmp_path: Path) -> Repo:
    return Repo.bare(tmp_path / "hub.git")


@pytest.fixture
def go(hub: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Repo]:
    """Go to a clone of the hub, logged in there, with live runs sent every second."""

    def to(name: str) -> Repo:
        path = tmp_path / name
        repo = Repo(path) if path.exists() else hub.clone(path)
        repo.git("config", "user.email", f"{name}@example.com")
        repo.git("config", "datmo.autoUpload", "1")
        monkeypatch.chdir(path)
        session._session.logged_in, session._session.chosen = True, None
        return repo

    return to
