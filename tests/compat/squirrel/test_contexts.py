"""The two contexts: a folder that becomes a version, a version in a folder for a while."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from git_datmo.compat.squirrel import DirectoryLogger, GitArtifactManager, TmpArtifact
from tests.kit.git import Repo


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary directories are made, to see what is left of them."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def manager(project: Repo) -> GitArtifactManager:
    return GitArtifactManager(collection="c")


def test_a_folder_becomes_a_version(manager: GitArtifactManager, scratch: Path) -> None:
    context = manager.log_folder("deep/name")
    assert isinstance(context, DirectoryLogger)
    assert list(scratch.iterdir()) == []  # nothing before it is entered
    for text in ("0", "1"):
        with context as folder:
            assert folder.parts[-2:] == ("deep", "name")
            assert list(folder.iterdir()) == []
            (folder / ".hidden").write_text(text)
            (folder / "empty").mkdir()
    assert list(scratch.iterdir()) == []
    source = manager.get_artifact_source("deep/name", version="v1")
    assert "status" not in source.metadata
    with TmpArtifact(manager, "c", "deep/name", "v1") as folder:
        assert (folder / ".hidden").read_text() == "1"
        assert (folder / "empty").is_dir()


def test_an_empty_folder_is_not_logged(manager: GitArtifactManager, scratch: Path) -> None:
    with manager.log_folder("x"):
        pass
    with manager.log_folder("x") as folder:
        folder.rmdir()
    assert not manager.exists("x")
    assert list(scratch.iterdir()) == []


def test_an_empty_subfolder_is_content(manager: GitArtifactManager) -> None:
    with manager.log_folder("x", "other") as folder:
        (folder / "sub").mkdir()
    assert manager.exists_in_collection("x", "other")


def test_what_a_body_left_when_it_raised_is_partial(
    manager: GitArtifactManager, scratch: Path
) -> None:
    with pytest.raises(KeyError, match="body"):
        with manager.log_folder("x") as folder:
            (folder / "half").write_text("half")
            raise KeyError("body")
    assert manager.get_artifact_source("x").metadata["status"] == "partial"
    with pytest.raises(KeyError, match="body"):
        with manager.log_folder("bad") as folder:
            (folder / ".git").mkdir()
            (folder / ".git" / "config").write_text("")
            raise KeyError("body")  # this is what the caller hears, not the refusal of .git
    assert not manager.exists("bad")
    assert list(scratch.iterdir()) == []


def test_a_version_for_a_while(
    manager: GitArtifactManager, scratch: Path, tmp_path: Path, project: Repo
) -> None:
    (tmp_path / "f").write_text("0")
    manager.log_files("x", tmp_path / "f")
    context = manager.download_artifact("x")
    assert isinstance(context, TmpArtifact)
    assert list(scratch.iterdir()) == []
    (tmp_path / "f").write_text("1")
    manager.log_files("x", tmp_path / "f")
    for _ in range(2):  # it means the version that was the latest then, and can be entered again
        with context as folder:
            assert folder.name == "x"
            (folder / "f").write_text("mine to change")
            with context as other:
                assert (other / "f").read_text() == "0"
        assert not folder.exists()
    assert list(scratch.iterdir()) == []
    with pytest.raises(ZeroDivisionError):
        with manager.download_artifact("x", version="v1") as folder:
            assert (folder / "f").read_text() == "1"
            _ = 1 / 0
    assert list(scratch.iterdir()) == []
