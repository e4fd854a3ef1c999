"""Data and shared folders: what is linked, what is refused, and that links are not followed."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from git_datmo.errors import FileAlreadyExistsError, InvalidDestinationName, UnsafePath
from git_datmo.runners.base import Link, Mount
from git_datmo.runners.local import folders
from tests.contracts.place import Place


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    folder = tmp_path / "shared"
    folder.mkdir()
    (folder / "file").write_text("shared")
    return folder


def names(root: Path) -> set[str]:
    return {
        os.path.relpath(os.path.join(folder, name), root)
        for folder, inner, files in os.walk(root)
        for name in (*inner, *files)
    }


def test_links_come_and_go(local: Place, shared: Path):
    links = (Link(shared, "a/b/c"), Link(shared, "a/d"), Link(shared, "top"))
    job = local.job("true", files={"own": ""}, links=links)
    folders.make(job)
    assert (job.tree / "a/b/c/file").read_text() == (job.tree / "top/file").read_text() == "shared"
    folders.remove(job)
    folders.remove(job)
    assert names(job.tree) == {"own"}
    assert names(job.room) == {"task"}
    assert names(shared) == {"file"}


def test_a_folder_that_was_there_stays(local: Place, shared: Path):
    job = local.job("true", links=(Link(shared, "data/raw"),))
    (job.tree / "data").mkdir()
    folders.make(job)
    folders.remove(job)
    assert names(job.tree) == {"data"}


def test_a_link_that_the_task_replaced_is_the_tasks(local: Place, shared: Path):
    text = "rm top; echo mine >top; rm d/e; ln -s /elsewhere d/e"
    done = local.shell(text, links=(Link(shared, "top"), Link(shared, "d/e")))
    assert done.files["top"] == b"mine\n"
    assert os.readlink(done.job.tree / "d/e") == "/elsewhere"
    assert names(shared) == {"file"}


@pytest.mark.parametrize("own", ["data/file", "data"])
def test_what_the_snapshot_has_itself_is_not_covered(local: Place, shared: Path, own: str):
    job = local.job("true", files={own: "own"}, links=(Link(shared, "new"), Link(shared, "data")))
    with pytest.raises(FileAlreadyExistsError, match="data"):
        local.start(job)
    assert not (job.tree / "new").is_symlink(), "nothing is left of what was begun"
    assert (job.tree / own).read_text() == "own"


def test_a_link_of_the_snapshot_is_not_followed(local: Place, shared: Path, tmp_path: Path):
    outside = tmp_path / "outside"
    outside.mkdir()
    job = local.job("true", links=(Link(shared, "trap/data"),))
    (job.tree / "trap").symlink_to(outside)
    with pytest.raises(UnsafePath, match="trap"):
        local.start(job)
    assert names(outside) == set()


def test_in_place_the_folder_itself_is_there(local: Place):
    job = local.job("cat", "data/file", files={"data/file": "own"}, in_place=True)
    job = replace(job, links=(Link(job.tree / "data", "data"),))
    assert local.finish(job, local.start(job)).text == "own"
    assert (job.tree / "data/file").read_text() == "own"


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "/a", "a\0b"])
def test_names_that_data_cannot_have(local: Place, shared: Path, name: str):
    with pytest.raises(InvalidDestinationName):
        local.prepare(local.job("true", mounts=(Mount(shared, name),)))


def test_two_of_one_name(local: Place, shared: Path):
    with pytest.raises(FileAlreadyExistsError, match="set"):
        local.prepare(
            local.job("true", mounts=(Mount(shared, "set"), Mount(shared / "file", "set")))
        )


@pytest.mark.parametrize("dest", ["", ".", "/abs", "../out", "a/../../out"])
def test_places_that_a_link_cannot_have(local: Place, shared: Path, dest: str):
    with pytest.raises(InvalidDestinationName):
        local.prepare(local.job("true", links=(Link(shared, dest),)))


def test_links_of_a_job_whose_command_does_not_exist_go_too(local: Place, shared: Path):
    done = local.run("datmo-no-such", links=(Link(shared, "d"),), mounts=(Mount(shared, "m"),))
    assert done.end.exit_code == 127
    assert names(done.job.tree) == set()
    assert names(done.job.room) == {"task", "stdout", "stderr"}


def test_links_of_a_job_that_is_gone_go_with_it(local: Place, shared: Path):
    job = local.job("true", links=(Link(shared, "d"),), mounts=(Mount(shared, "m"),))
    folders.make(job)
    assert local.adopt(job, {"pid": 2**22 + 1, "started": "1", "boot": "another"}) is None
    assert names(job.tree) == set()
