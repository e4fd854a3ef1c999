"""datmo's `Logger`, as its users know it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

import git_datmo
from git_datmo import errors
from git_datmo.logger import Logger
from tests.kit.git import Repo


def test_its_names():
    assert git_datmo.Logger is git_datmo.logger.Logger is Logger
    assert Logger().task_dir == "/task"


def test_it_merges_into_the_task_folder(tmp_path: Path):
    logger = Logger(task_dir=str(tmp_path / "task"))
    (tmp_path / "task").mkdir()
    assert logger.log_config({"a": 1}) == {"a": 1}
    assert logger.log_config({"b": {"c": 2}}) == {"a": 1, "b": {"c": 2}}
    assert logger.log_result({"acc": 0.5}) == {"acc": 0.5}
    assert logger.log_results({"acc": 0.6}) == {"acc": 0.6}
    assert json.loads((tmp_path / "task" / "config.json").read_text()) == {"a": 1, "b": {"c": 2}}
    assert json.loads((tmp_path / "task" / "stats.json").read_text()) == {"acc": 0.6}


def test_else_into_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    logger = Logger(tmp_path / "none")
    assert logger.log_config({"a": 1}) == {"a": 1}
    assert (tmp_path / "config.json").exists()
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path / "sub")
    assert logger.log_result({"b": 1}) == {"b": 1}
    assert (tmp_path / "sub" / "stats.json").exists()


def test_the_task_around_is_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "task").mkdir()
    (tmp_path / "own").mkdir()
    monkeypatch.setenv("DATMO_TASK_DIR", str(tmp_path / "task"))
    Logger().log_config({"a": 1})
    Logger(tmp_path / "own").log_config({"b": 1})
    assert json.loads((tmp_path / "task" / "config.json").read_text()) == {"a": 1}
    assert json.loads((tmp_path / "own" / "config.json").read_text()) == {"b": 1}


def test_from_inside_a_task_it_is_the_tasks_record(project: Repo):
    project.write(
        "train.py",
        "from git_datmo.logger import Logger\n"
        "Logger().log_config({'lr': 0.1})\n"
        "Logger().log_result({'acc': 0.5})\n"
        "Logger().log_results({'f1': 0.25})\n",
    )
    done = git_datmo.run([sys.executable, "train.py"], runner="local")
    assert (done.status, done.config, done.outputs) == ("success", {"lr": 0.1}, ())
    assert done.results == done.stats == {"acc": 0.5, "f1": 0.25}
    assert git_datmo.snapshot.inspect(done.after_id).stats == done.stats


@pytest.mark.parametrize("wrong", [None, 3, "text", [("a", 1)], {1}])
def test_anything_but_a_dictionary_is_refused(tmp_path: Path, wrong: object):
    with pytest.raises(errors.InvalidArgumentType, match="must be a dictionary"):
        Logger().log_config(wrong)  # type: ignore[arg-type]
    with pytest.raises(errors.InvalidArgumentType, match="must be a dictionary"):
        Logger().log_result(wrong)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_written_is_one_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    (tmp_path / "config.json").write_text("no JSON")
    logger = Logger(tmp_path)
    assert logger.log_config({"a": 1}) == {"a": 1}
    assert logger.log_config({"a": 2}) == {"a": 2}
    assert (tmp_path / "config.json").read_text() == "no JSON"
    assert len(caplog.records) == 1
