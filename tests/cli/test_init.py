"""`git datmo init`: where it works, what it asks, what it keeps."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kit.checks import assert_clean, untouched
from tests.kit.git import Repo
from tests.kit.program import datmo


def described(repo: Repo) -> tuple[str, str]:
    found = datmo("status", "--json", cwd=repo.path).json()["project"]
    return found["name"], found["description"]


def test_an_empty_folder_becomes_a_sha1_repository_and_is_told(tmp_path: Path):
    done = datmo("init", cwd=tmp_path, env={"GIT_DEFAULT_HASH": "sha256"})
    repo = Repo(tmp_path)
    assert "Made a git repository" in done.stdout
    assert repo.git("rev-parse", "--show-object-format") == "sha1"
    assert described(repo) == (tmp_path.name, "")
    assert_clean(repo)


def test_it_writes_below_git_only_and_makes_no_commit(repo: Repo):
    repo.write("code.py", "print(1)\n")
    with untouched(repo):
        datmo("init", cwd=repo.path)
    assert repo.refs("refs/heads") == {}
    assert set(repo.status().splitlines()) == {"? code.py"}
    assert_clean(repo)


def test_piped_answers_are_read_one_a_line(repo: Repo):
    datmo("init", cwd=repo.path, input="iris\nflowers by size\n")
    assert described(repo) == ("iris", "flowers by size")


def test_the_end_of_input_keeps_the_defaults(repo: Repo):
    datmo("init", cwd=repo.path, input="iris\n")
    assert described(repo) == ("iris", "")


def test_blank_answers_and_no_answers_keep_what_is_there(repo: Repo):
    datmo("init", "--name", "iris", "--description", "flowers", cwd=repo.path)
    for answers in ("\n\n", ""):
        done = datmo("init", cwd=repo.path, input=answers)
        assert "Updated project iris" in done.stdout
        assert described(repo) == ("iris", "flowers")
    assert_clean(repo)


@pytest.mark.parametrize("flag", ["--force", "-f", "--no-prompt"])
def test_force_asks_nothing(repo: Repo, flag: str):
    datmo("init", flag, cwd=repo.path, input="not read\n")
    assert described(repo)[0] == repo.path.name


def test_flags_win_and_change_only_what_they_name(repo: Repo):
    datmo("init", "--name", "iris", "--description", "flowers", cwd=repo.path)
    datmo("init", "--name", "setosa", cwd=repo.path)
    assert described(repo) == ("setosa", "flowers")
    datmo("init", "--description", "", cwd=repo.path)
    assert described(repo) == ("setosa", "")


def test_the_project_keeps_its_id(repo: Repo):
    datmo("init", cwd=repo.path)
    first = datmo("status", "--json", cwd=repo.path).json()["project"]["id"]
    datmo("init", "--name", "other", cwd=repo.path)
    assert datmo("status", "--json", cwd=repo.path).json()["project"]["id"] == first


def test_an_empty_name_is_refused_and_nothing_is_left(repo: Repo):
    done = datmo("init", "--name", " ", cwd=repo.path, check=False)
    assert (done.code, done.stderr.count("error:")) == (2, 1)
    assert datmo("status", cwd=repo.path, check=False).code == 3


def test_without_identity_nothing_is_made(tmp_path: Path, seal: Path):
    (seal / ".gitconfig").write_text("[user]\n\tuseConfigOnly = true\n")
    done = datmo("init", cwd=tmp_path, check=False)
    assert done.code == 4
    assert "user.email" in done.stderr
    assert done.stdout == ""
    assert list(tmp_path.iterdir()) == []


def test_without_identity_a_repository_stays_as_it_was(repo: Repo, seal: Path):
    (seal / ".gitconfig").write_text("[user]\n\tuseConfigOnly = true\n")
    before = {path: path.read_bytes() for path in repo.git_dir.rglob("*") if path.is_file()}
    assert datmo("init", cwd=repo.path, check=False).code == 4
    after = {path: path.read_bytes() for path in repo.git_dir.rglob("*") if path.is_file()}
    assert after == before


def test_from_a_subdirectory_a_work_tree_and_with_dash_c(repo: Repo, tmp_path: Path):
    repo.write("sub/file", "x")
    repo.commit()
    datmo("init", cwd=repo.path / "sub")
    linked = repo.worktree(tmp_path / "linked")
    datmo("init", cwd=linked.path)
    for done in (
        datmo("status", "--json", cwd=linked.path),
        datmo("-C", str(repo.path / "sub"), "status", "--json", cwd=tmp_path),
        datmo("status", "--json", cwd=tmp_path, env={"GIT_DIR": str(repo.git_dir)}),
    ):
        assert done.json()["project"]["name"] == "repo"
    assert_clean(repo)


def test_remotes_get_a_fetch_line_once(repo: Repo, tmp_path: Path):
    Repo.bare(tmp_path / "bare")
    repo.git("remote", "add", "origin", str(tmp_path / "bare"))
    for _ in range(2):
        datmo("init", cwd=repo.path)
    lines = repo.git("config", "--get-all", "remote.origin.fetch").splitlines()
    assert len([line for line in lines if "refs/datmo/" in line]) == 1
