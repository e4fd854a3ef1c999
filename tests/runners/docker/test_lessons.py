"""Which ways into a container are tried, and what is remembered of an engine."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from git_datmo.errors import EngineError
from git_datmo.runners.base import Job
from git_datmo.runners.docker.engine import Ability
from git_datmo.runners.docker.lessons import FORGOTTEN_SECONDS, Lessons

NEAR = Ability("id:1/2", "20.10", cpus=2, rootless=False, shares_kernel=True, gpus=False)
FAR = replace(NEAR, id="far", shares_kernel=False)


@pytest.fixture
def job(tmp_path: Path) -> Job:
    room = tmp_path / "room"
    return Job("0" * 40, ("true",), tmp_path, "", room / "task", room, {}, {})


def test_the_best_comes_first(job: Job):
    lessons = Lessons(None, None)
    assert lessons.ways(job, NEAR) == ["overlay", "bind", "copy"]
    assert lessons.ways(job, FAR) == ["bind", "copy"]
    assert Lessons("copy", None).ways(job, NEAR) == ["copy"]


def test_in_place_there_is_one_way(job: Job):
    mine = replace(job, in_place=True)
    assert Lessons("copy", None).ways(mine, NEAR) == ["own"]
    with pytest.raises(EngineError, match="maps users") as error:
        Lessons(None, None).ways(mine, replace(NEAR, remaps=True))
    assert "--in-place" in str(error.value.hint)


def test_other_users_get_a_copy(job: Job):
    assert Lessons(None, None).ways(job, replace(NEAR, remaps=True)) == ["copy"]


def test_what_failed_is_remembered_for_this_engine(job: Job, tmp_path: Path):
    state = tmp_path / "not" / "there"
    Lessons(None, state).note(["overlay"], NEAR)
    Lessons(None, state).note(["bind"], NEAR)
    again = Lessons(None, state)
    assert again.ways(job, NEAR) == ["copy"]
    assert again.ways(job, replace(NEAR, version="24.0")) == ["overlay", "bind", "copy"]
    assert again.ways(job, FAR) == ["bind", "copy"]


def test_it_is_forgotten_after_a_while(job: Job, tmp_path: Path):
    Lessons(None, tmp_path / "state").note(["overlay", "bind"], NEAR)
    (file,) = (tmp_path / "state").iterdir()
    then = time.time() - FORGOTTEN_SECONDS - 1
    os.utime(file, (then, then))
    assert Lessons(None, tmp_path / "state").ways(job, NEAR)[0] == "overlay"


@pytest.mark.parametrize("text", [b"", b"\xff\xfe", b"everything copy own"])
def test_a_memory_that_says_nothing(job: Job, tmp_path: Path, text: bytes):
    lessons = Lessons(None, tmp_path / "state")
    lessons.note(["overlay"], NEAR)
    (file,) = (tmp_path / "state").iterdir()
    file.write_bytes(text)
    assert Lessons(None, tmp_path / "state").ways(job, NEAR) == ["overlay", "bind", "copy"]


def test_a_memory_that_cannot_be_kept_is_no_fault(job: Job, tmp_path: Path):
    (tmp_path / "file").touch()
    lessons = Lessons(None, tmp_path / "file" / "state")
    lessons.note(["overlay"], NEAR)
    assert lessons.ways(job, NEAR) == ["bind", "copy"]
