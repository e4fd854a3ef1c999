"""`git datmo clone`: everything that was shared, in one command."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.team import Team, large, snap, state
from tests.kit.checks import assert_clean
from tests.kit.git import Repo
from tests.kit.program import datmo


@pytest.fixture
def team(tmp_path: Path) -> Team:
    made = Team(tmp_path)
    maker = made.clone("maker")
    maker.write("large.bin", large(1))
    snap(maker, "first", "--label", "first")
    datmo("push", cwd=maker.path)
    return made


def test_a_clone_has_it_all_and_is_ready(team: Team) -> None:
    done = datmo("clone", "origin.git", "mine", "--json", cwd=team.root).json()
    mine = Repo(team.root / "mine")
    assert done["directory"] == str(mine.path)
    assert done["initialized"]
    assert done["exchange"]["refs"] == 3
    assert done["exchange"]["content_files"] == 0
    assert state(mine) == state(Repo(team.root / "maker"))
    datmo("snapshot", "checkout", "first", cwd=mine.path)
    assert mine.read("large.bin") == large(1)
    mine.write("more.txt", "more")
    snap(mine, "mine")
    mine.git("push", "-q", "origin", "refs/datmo/*")
    assert_clean(mine)


def test_the_folder_is_named_as_git_names_it(team: Team) -> None:
    said = datmo("clone", "--content", str(team.origin.path), cwd=team.root).stdout
    mine = Repo(team.root / "origin")
    assert f"Cloned into {mine.path}" in said
    assert len(list((mine.git_dir / "datmo" / "store").glob("??/*"))) == 1


def test_the_project_is_the_one_that_was_shared(team: Team) -> None:
    datmo("init", "--name", "shared name", cwd=team.root / "maker")
    datmo("push", cwd=team.root / "maker")
    datmo("clone", "origin.git", "mine", cwd=team.root)
    shown = datmo("status", "--json", cwd=team.root / "mine").json()
    assert shown["project"]["name"] == "shared name"


@pytest.mark.parametrize("words", [["--depth", "1"], ["--origin", "hub"], ["--filter=blob:none"]])
def test_options_of_git_clone_go_through(team: Team, words: list[str]) -> None:
    datmo("clone", team.origin.path.as_uri(), "mine", "--", *words, cwd=team.root)
    mine = Repo(team.root / "mine")
    assert len(state(mine)) == 1
    if words[0] == "--origin":
        assert mine.git("remote") == "hub"
    if words[0] == "--depth":
        assert mine.git("rev-parse", "--is-shallow-repository") == "true"


def test_without_a_name_it_can_be_read(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    nobody = {
        **{
            f"GIT_{who}_{what}": None
            for who in ("AUTHOR", "COMMITTER")
            for what in ("NAME", "EMAIL")
        },
        "EMAIL": None,
        "GIT_CONFIG_GLOBAL": str(team.root / "gitconfig"),
    }
    (team.root / "gitconfig").write_text("[user]\n\tuseConfigOnly = true\n")
    done = datmo("clone", "origin.git", "mine", "--json", cwd=team.root, env=nobody)
    assert not done.json()["initialized"]
    assert "git datmo init" in done.stderr
    rows = datmo("snapshot", "ls", "--json", cwd=team.root / "mine", env=nobody).json()
    assert [row["label"] for row in rows] == ["first"]


def test_what_cannot_be_cloned(team: Team) -> None:
    done = datmo("clone", "nowhere.git", cwd=team.root, check=False)
    assert done.code == 7
    error, hint = done.stderr.strip().splitlines()
    assert "nowhere.git" in error
    assert hint.startswith("hint: check the address")
    (team.root / "full").mkdir()
    (team.root / "full" / "file").write_text("x")
    done = datmo("clone", "origin.git", "full", cwd=team.root, check=False)
    assert done.code == 7
    assert (team.root / "full" / "file").read_text() == "x"
    assert (
        "--upload-pack"
        in datmo("clone", "--", "--upload-pack=touch x", "y", cwd=team.root, check=False).stderr
    )
    assert not (team.root / "x").exists()


def test_a_repository_where_nothing_was_shared_yet(tmp_path: Path) -> None:
    origin = Repo.bare(tmp_path / "empty.git")
    done = datmo("clone", str(origin.path), "mine", "--json", cwd=tmp_path).json()
    assert done["exchange"]["refs"] == 0
    snap_made = Repo(tmp_path / "mine")
    snap_made.write("a", "a")
    snap(snap_made, "first")
    datmo("push", cwd=snap_made.path)


def test_from_python(team: Team) -> None:
    import git_datmo

    made = git_datmo.remote.clone("origin.git", "mine", home=team.root)
    assert made.directory == str(team.root / "mine")
    [shown] = git_datmo.remote.show(home=made.directory)
    assert (shown.name, shown.refs, shown.errors) == ("origin", 3, ())
    done = git_datmo.remote.pull("origin", ["first"], home=made.directory)
    assert done.content_files == 1
    assert git_datmo.remote.push(dry_run=True, home=made.directory).dry_run
