"""git datmo gc, undelete and the lists of what is deleted, as they are typed."""

from __future__ import annotations

import pytest

from tests.e2e.team import Team, large, snap
from tests.kit.content import age, at_once, stored
from tests.kit.git import Repo
from tests.kit.program import datmo


@pytest.fixture
def deleted(project: Repo) -> str:
    """A deleted snapshot with a large file."""
    project.write("large.bin", large(1))
    oid = snap(project, "gone", "--label", "old")
    datmo("snapshot", "delete", oid)
    return oid


def test_what_it_says(project: Repo, deleted: str):
    young = datmo("gc", "--dry-run")
    assert "Would free 0 files" in young.stdout
    assert "Kept 1 file" in young.stdout
    at_once(project)
    planned = datmo("gc", "-n")
    assert f"large.bin of {deleted[:12]}" in planned.stdout
    assert "Would free 1 file (1.0 MiB)" in planned.stdout
    assert len(stored(project)) == 1
    done = datmo("gc", "--json").json()
    assert (done["files"], done["size"], done["remote"]) == (1, len(large(1)), None)
    assert done["rows"][0]["path"] == "large.bin"
    assert stored(project) == {}
    back = datmo("snapshot", "undelete", "old")
    assert f"Restored snapshot {deleted}" in back.stdout
    assert "large.bin" in back.stderr


def test_lists_and_undelete(project: Repo, deleted: str):
    assert datmo("snapshot", "ls", "--json").json() == []
    [row] = datmo("snapshot", "ls", "--deleted", "--json").json()
    assert (row["id"], row["deleted"]) == (deleted, True)
    assert "old" in datmo("snapshot", "ls", "--deleted").stdout
    back = datmo("snapshot", "undelete", "--id", deleted[:8], "--json").json()
    assert (back["id"], back["deleted"], back["notices"]) == (deleted, False, [])
    assert datmo("snapshot", "ls", "--deleted", "--json").json() == []

    run = datmo("run", "--json", "--runner", "local", "--", "true").json()["id"]
    datmo("run", "delete", run)
    assert [r["id"] for r in datmo("run", "ls", "--deleted", "--json").json()] == [run]
    assert f"Restored run {run}" in datmo("task", "undelete", run).stdout

    datmo("session", "create", "tries")
    datmo("session", "delete", "tries", "--yes")
    assert "tries" in datmo("session", "ls", "--deleted").stdout
    assert "is there" in datmo("session", "undelete", "tries").stdout

    datmo("environment", "setup", "--name", "mine")
    datmo("environment", "delete", "mine")
    assert "mine" in datmo("environment", "ls", "--deleted").stdout
    assert "Restored environment 'mine'" in datmo("environment", "undelete", "mine").stdout


def test_it_asks_before_a_remote_or_a_policy(tmp_path):
    team = Team(tmp_path)
    repo = team.clone("ada")
    for number in (1, 2):
        repo.write("large.bin", large(number))
        snap(repo, str(number))
    datmo("push", cwd=repo.path)
    asked = datmo("gc", "--keep-last", "1", cwd=repo.path, check=False)
    assert asked.code == 4
    assert "Would free 1 file" in asked.stderr
    assert len(stored(repo)) == 2
    datmo("gc", "--keep-last", "1", cwd=repo.path, input="y\n")
    assert stored(repo).keys() == {large(2)}

    lost = stored(team.origin)[large(1)]
    (lost.parent / ("0" * 30)).write_bytes(b"nobody's")
    age(team.origin, 30)
    for words in (["--remote"], ["--remote", "origin"]):
        refused = datmo("gc", *words, cwd=repo.path, check=False)
        assert refused.code == 4
        assert "Free 1 file (8 B) on 'origin'?" in refused.stderr
    done = datmo("gc", "--remote", "--yes", "--json", cwd=repo.path).json()
    assert (done["remote"], done["size"]) == ("origin", 8)
    assert stored(team.origin).keys() == {large(1), large(2)}


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--older-than", "soon"], 2),
        (["--keep", "stats.a >"], 2),
        (["--remote", "--keep-last", "1"], 2),
        (["--remote", "nowhere"], 7),
        (["--remote"], 7),
    ],
)
def test_mistakes(project: Repo, deleted: str, words: list[str], code: int):
    done = datmo("gc", *words, check=False)
    assert done.code == code
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) <= 3


def test_before_init(repo: Repo):
    assert datmo("gc", check=False).code == 3
