"""What a push would give away: each change of a file is read once, however often it is held."""

from __future__ import annotations

from pathlib import Path

import pytest

from git_datmo.records.project import Project
from git_datmo.remotes import disclosure
from tests.e2e.team import Team, snap
from tests.kit.git import Repo
from tests.kit.program import datmo

KEY = "AKIA" + "Q" * 16
OTHER = "AKIA" + "R" * 16


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Team(tmp_path).clone("maker")


def refused(repo: Repo) -> str:
    done = datmo("push", cwd=repo.path, check=False)
    assert done.code == 4, done.stderr
    return done.stderr


def test_a_secret_in_many_snapshots_is_told_once(repo: Repo) -> None:
    repo.write("train.py", f"print('hello')\nkey = '{KEY}'\n")
    for number in range(5):
        repo.write("note.txt", f"{number}\n")
        snap(repo, f"number {number}")
    said = refused(repo)
    assert "1 place that" in said
    assert "train.py:2 in " in said


def test_a_line_that_was_shared_before_is_not_told(repo: Repo) -> None:
    repo.write("train.py", f"key = '{KEY}'\n")
    repo.commit("a key, pushed by mistake")
    repo.git("push", "-q", "origin", "main")
    repo.write("train.py", f"# moved down\n\nkey = '{KEY}'\n")
    snap(repo, "moved")
    datmo("push", cwd=repo.path)
    repo.write("train.py", f"# moved down\n\nkey = '{KEY}'\nmore = '{OTHER}'\n")
    snap(repo, "another key")
    said = refused(repo)
    assert "train.py:4 in " in said
    assert "train.py:3" not in said


def test_a_secret_in_a_commit_that_goes_along(repo: Repo) -> None:
    repo.write("settings.py", f"KEY = '{KEY}'\n")
    repo.commit("with a key")
    repo.write("settings.py", "KEY = None\n")
    repo.commit("without")
    snap(repo, "on both")
    assert "settings.py:1 in " in refused(repo)
    datmo("push", cwd=repo.path, env={"GIT_CONFIG_PARAMETERS": "'datmo.allowSecrets=true'"})


def test_a_secret_in_what_notes_say(repo: Repo) -> None:
    repo.write("train.py", "print('hello')\n")
    oid = snap(repo, "nothing to hide")
    datmo("push", cwd=repo.path)
    datmo("snapshot", "update", oid, "--label", KEY, cwd=repo.path)
    datmo("artifact", "create", "words", "train.py", "-m", f"made with {OTHER}", cwd=repo.path)
    said = refused(repo)
    assert "2 places" in said
    assert f"the note of {oid[:10]}:" in said
    assert KEY not in said
    artifact = datmo("artifact", "ls", "--format", "csv", cwd=repo.path).stdout.split(",")
    purged = next(word for word in artifact if len(word) == 40)
    datmo("purge", oid, purged, "--yes", cwd=repo.path)
    datmo("push", cwd=repo.path)


def test_what_is_binary_or_too_much_is_not_read(
    repo: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo.write("data.bin", b"\0\1\2" + KEY.encode())
    oid = snap(repo, "binary")
    datmo("push", "--dry-run", cwd=repo.path)
    repo.write("large.txt", "x\n" * 3000)
    repo.write("small.txt", f"{KEY}\n")
    oid = snap(repo, "text", "--include-secrets")
    project = Project.open(repo.path)
    monkeypatch.setattr(disclosure, "MAX_BYTES", 1000)
    found = disclosure.look(project, f"{oid}\n".encode(), ["--not", "--remotes"])
    assert [finding.path for finding in found.found] == ["small.txt"]
    assert found.unread == 6000


def test_odd_names_are_told_readably(repo: Repo) -> None:
    repo.write(b"d\xff\tir/n\xc3\xa4me.txt", f"{KEY}\n")
    snap(repo, "odd", "--include-secrets")
    said = refused(repo)
    assert "n\xe4me.txt" in said
    assert "\t" not in said
