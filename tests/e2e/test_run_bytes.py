"""Runs and bytes that are not UTF-8: recorded, or refused before anything runs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from git_datmo import start_run
from git_datmo.errors import ValidationFailed
from tests.e2e.task import leftovers, ran, runs
from tests.kit.checks import assert_clean
from tests.kit.git import Repo
from tests.kit.program import datmo

ODD = os.fsdecode(b"odd\xff")


@pytest.fixture
def local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repo:
    repo = Repo.init(tmp_path / "place")
    datmo("init", "--force", cwd=repo.path)
    repo.git("config", "datmo.runner", "local")
    monkeypatch.chdir(repo.path)
    return repo


def test_a_task_may_leave_such_names(local: Repo):
    row = ran(local, r"""f=$(printf 'odd\377'); echo 1 >"$f"; mkfifo "p$f"; echo 'acc: 1'""")
    assert row["outputs"] == [r"odd\xff"]
    assert row["skipped"] == [r"podd\xff: it is a named pipe"]
    assert (row["status"], row["results"]) == ("success", {"acc": 1})
    assert (local.path / ODD).read_text() == "1\n"
    assert leftovers(local) == []
    assert_clean(local)


@pytest.mark.parametrize(
    "words",
    [
        ["--", "echo", ODD],
        ["--label", ODD, "--", "touch", "done"],
        ["--message", ODD, "--", "touch", "done"],
        ["--env", f"A={ODD}", "--", "touch", "done"],
        ["--data", ODD, "--", "touch", "done"],
    ],
)
def test_a_request_that_cannot_be_recorded_is_refused_first(local: Repo, words: list[str]):
    (local.path / ODD).mkdir()
    done = datmo("run", *words, cwd=local.path, check=False)
    assert done.code == 2
    assert r"odd\xff" in done.stderr
    assert "UTF-8" in done.stderr
    assert not (local.path / "done").exists()
    assert (runs(local), leftovers(local)) == ([], [])


def test_a_folder_with_such_a_name_is_refused_first(local: Repo):
    (local.path / ODD).mkdir()
    done = datmo("run", "--", "touch", "done", cwd=local.path / ODD, check=False)
    assert done.code == 2
    assert "UTF-8" in done.stderr
    assert (runs(local), leftovers(local)) == ([], [])


def test_a_program_fails_with_such_words(local: Repo):
    with pytest.raises(OSError, match="gone"), start_run() as made:
        raise OSError(f"{ODD} is gone")
    assert made.run is not None
    assert made.run.reason == r"OSError: odd\xff is gone"
    with pytest.raises(ValidationFailed, match="UTF-8"):
        start_run(label=ODD)
    assert leftovers(local) == []
