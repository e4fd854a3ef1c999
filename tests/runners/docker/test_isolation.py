"""The work tree in a container: an overlay, the tree itself, or a copy sent there and back."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path

import docker
import pytest

from git_datmo.errors import EngineError, FileAlreadyExistsError, ValidationFailed
from git_datmo.runners.base import Link, Mount
from git_datmo.runners.docker.ground import LONGEST_OPTIONS
from tests.contracts.place import Place, nothing_remains
from tests.kit import nobody
from tests.runners.docker.relay import Relay

pytestmark = pytest.mark.docker

Make = Callable[..., Place]
WAYS = ("overlay", "bind", "copy")
FILES = {"same": "same", "code": "old", "gone": "", "moved": "m", "d/in": "1", "d/deep/x": "x"}
WORK = (
    "echo new >code; rm gone; mv moved d/; mkdir -p e/f; echo z >e/f/z; rm -r d/deep; mkdir d/deep;"
    "echo y >d/deep/y; ln -s /etc/passwd link; chmod +x same; ln code twin; mkfifo fifo; mkdir none"
)


@pytest.mark.parametrize("way", WAYS)
def test_what_a_task_leaves(make_place: Make, way: str):
    place = make_place(isolation=way)
    job = place.job("sh", "-c", WORK, files=FILES)
    process = place.start(job)
    assert process.handle["ground"] == way
    end = process.wait(60)
    assert end is not None
    assert end.exit_code == 0
    upper = process.collect()
    assert (upper is None) == (way != "overlay")
    left = upper or job.tree
    assert (left / "link").is_symlink()
    assert stat.S_IMODE((left / "same").stat().st_mode) & 0o100
    assert (left / "twin").read_text() == "new\n"
    assert (left / "none").is_dir()
    for path in left.rglob("*"):
        assert path.lstat().st_uid == os.getuid()
        assert not path.lstat().st_mode & 0o7000 or way != "copy"
    process.close()


@pytest.mark.parametrize("way", ["bind", "copy"])
def test_the_tree_becomes_what_was_left(make_place: Make, way: str):
    done = make_place(isolation=way).shell(WORK, files=FILES)
    assert done.files == {
        "same": b"same",
        "code": b"new\n",
        "twin": b"new\n",
        "link": Path("/etc/passwd").read_bytes(),
        "d/moved": b"m",
        "d/in": b"1",
        "d/deep/y": b"y\n",
        "e/f/z": b"z\n",
    } or done.files == {
        "same": b"same",
        "code": b"new\n",
        "twin": b"new\n",
        "d/moved": b"m",
        "d/in": b"1",
        "d/deep/y": b"y\n",
        "e/f/z": b"z\n",
    }


def test_an_overlay_leaves_the_tree_alone(make_place: Make):
    place = make_place()
    job = place.job("sh", "-c", WORK, files=FILES)
    before = {path: path.lstat() for path in (job.tree, *job.tree.rglob("*"))}
    process = place.start(job)
    assert process.handle["ground"] == "overlay"
    place.finish(job, process)
    after = {path: path.lstat() for path in (job.tree, *job.tree.rglob("*"))}
    assert {p: s.st_ctime_ns for p, s in before.items()} == {
        p: s.st_ctime_ns for p, s in after.items()
    }
    assert not (job.room / "work").exists()


def test_nothing_is_left_that_only_root_can_remove(make_place: Make):
    # pytest's own folders are shut to everybody else.
    with (
        tempfile.TemporaryDirectory(prefix="datmo-") as open_to_all,
        Relay(Path(open_to_all, "relay")) as relay,
    ):
        Path(open_to_all).chmod(0o755)
        Path(open_to_all, "relay").chmod(0o666)
        place = make_place({"DOCKER_HOST": relay.address})

        def attempt(folder: Path) -> None:
            place.root, place.remains = folder, nothing_remains
            job = place.job("sh", "-c", WORK + "; id -u", files=FILES)
            process = place.start(job)
            assert process.handle["ground"] == "overlay"
            done = place.finish(job, process)
            assert done.text == f"{os.getuid()}\n"
            assert done.end.exit_code == 0
            assert sorted(path.name for path in job.room.iterdir()) == [
                "stderr",
                "stdout",
                "task",
                "upper",
            ]
            shutil.rmtree(job.room)

        nobody.run(attempt)


def test_a_folder_renamed_on_an_overlay_is_explained(make_place: Make):
    done = make_place(isolation="overlay").python(
        "import os; os.rename('d', 'other')", files={"d/f": "1"}
    )
    if done.end.exit_code:
        assert "datmo.docker.copy" in str(done.end.reason)
    assert make_place(isolation="copy").python(
        "import os; os.rename('d', 'other')", files={"d/f": "1"}
    ).files == {"other/f": b"1"}


@pytest.mark.parametrize("way", WAYS)
def test_the_task_folder_comes_back(make_place: Make, way: str):
    place = make_place(isolation=way)
    job = place.job("sh", "-c", "cat /task/given; cd /task; mkdir d; echo 1 >d/x; rm given")
    (job.task / "given").write_text("given")
    assert place.finish(job, place.start(job)).text == "given"
    assert [p.relative_to(job.task).as_posix() for p in sorted(job.task.rglob("*"))] == ["d", "d/x"]


def test_copied_data_cannot_be_written(make_place: Make, tmp_path: Path):
    source = tmp_path / "set"
    source.mkdir()
    (source / "f").write_text("kept")
    place = make_place(copy=True)
    done = place.shell(
        "cat /data/set/f /home/l/f; touch /data/set/x 2>&1 || echo no; rm -f l/f || echo no",
        mounts=(Mount(source, "set"),),
        links=(Link(source, "l"),),
        files={"own": "1"},
    )
    if os.getuid():
        assert done.text.count("no\n") == 2
    assert done.text.startswith("keptkept")
    assert [path.read_text() for path in source.iterdir()] == ["kept"]
    assert done.files == {"own": b"1"}
    assert not (done.job.tree / "l").exists()


@pytest.mark.parametrize("way", WAYS)
def test_a_link_would_hide_files(make_place: Make, tmp_path: Path, way: str):
    place = make_place(isolation=way)
    for dest, files in (("data", {"data/f": ""}), ("a/b", {"a": "a file"})):
        job = place.job("true", files=files, links=(Link(tmp_path, dest),))
        with pytest.raises(FileAlreadyExistsError):
            place.start(job)
        assert place.remains(job) == []


def test_an_engine_that_does_not_see_our_files(
    make_place: Make, docker_api: docker.APIClient, tmp_path: Path
):
    """One far away does not: here it is told of another root, through a proxy."""
    with Relay(tmp_path / "relay", hide=str(tmp_path)) as relay:
        place = make_place({"DOCKER_HOST": relay.address})
        for _ in range(2):
            job = place.job("sh", "-c", "cat code; echo new >made", files={"code": "sent"})
            process = place.start(job)
            assert process.handle["ground"] == "copy"
            done = place.finish(job, process)
            assert done.text == "sent"
            assert done.files == {"code": b"sent", "made": b"new\n"}
        # The second time it was known, also by another runner with the same memory.
        asked = len(relay.refused)
        other = make_place({"DOCKER_HOST": relay.address})
        job = other.job("true")
        other.finish(job, other.start(job))
        assert asked == len(relay.refused) > 0

        mine = place.job("true", in_place=True)
        with pytest.raises(EngineError, match="work tree") as error:
            place.start(mine)
        assert "--in-place" in str(error.value.hint)


def test_an_overlay_whose_options_are_too_long(make_place: Make):
    place = make_place()
    deep = place.root / ("x" * 200)
    while len(str(deep)) < LONGEST_OPTIONS // 3:
        deep = deep / ("y" * 200)
    place.root = deep
    job = place.job("sh", "-c", "echo 1 >made")
    process = place.start(job)
    assert process.handle["ground"] == "bind"
    assert place.finish(job, process).files == {"made": b"1\n"}


def test_a_way_that_there_is_not(make_place: Make):
    with pytest.raises(ValidationFailed, match="teleport"):
        make_place(isolation="teleport")


def test_podman_is_not_asked_for_an_overlay(make_place: Make, tmp_path: Path):
    """It would take the options of a volume for nothing, and give the task an empty folder."""
    with Relay(tmp_path / "relay", says=(b'"DefaultRuntime"', b'"BuildahVersion"')) as relay:
        place = make_place({"DOCKER_HOST": relay.address})
        job = place.job("sh", "-c", "cat code; echo new >made; rm code", files={"code": "old"})
        process = place.start(job)
        assert process.handle["ground"] == "bind"
        done = place.finish(job, process)
        assert done.text == "old"
        assert done.files == {"made": b"new\n"}
