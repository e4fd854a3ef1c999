"""Environments by name: kept, selected, listed, deleted, and the same in every clone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.kit.checks import assert_clean, untouched
from tests.kit.git import Repo
from tests.kit.program import Result, datmo

FIELDS = {"id", "name", "description", "kind", "files", "created_at", "current", "kept"}


def env(*args: str, **given: Any) -> Result:
    return datmo("environment", *args, **given)


def listed(*args: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = env("ls", "--json", *args).json()
    return found


def names() -> list[str | None]:
    return [row["name"] for row in listed()]


def make(project: Repo, name: str | None, text: str = "numpy==2.3\n") -> str:
    project.write("defs/requirements.txt", text)
    words = ["--name", name] if name else []
    return str(env("create", "--paths", "defs/requirements.txt", *words, "--json").json()["id"])


def test_create_keeps_files_under_a_name(project: Repo):
    project.write("images/Dockerfile", "FROM x\n")
    with untouched(project):
        done = env("create", "--paths", "images/Dockerfile", "-n", "slim", "-d", "for all")
    (row,) = listed()
    assert row.keys() == FIELDS
    assert done.stdout == f"Created environment 'slim' ({row['id'][:12]})\n"
    assert (row["name"], row["description"], row["kind"]) == ("slim", "for all", "docker")
    assert (row["files"], row["current"], row["kept"]) == (["Dockerfile"], False, True)
    assert project.refs("refs/datmo/environments").keys() == {
        f"refs/datmo/environments/{row['id']}"
    }
    shown = env("inspect", "slim", "--json").json()
    assert shown["contents"] == {"Dockerfile": "FROM x\n"}
    assert_clean(project)


def test_the_same_files_are_the_same_environment(project: Repo):
    first = make(project, "a")
    done = env("create", "--paths", "defs/requirements.txt")
    assert done.stdout == f"Found environment 'a' ({first[:12]})\n"
    assert done.stderr == ""
    done = env("create", "--paths", "defs/requirements.txt", "--name", "b", "--description", "new")
    assert "called 'a' before" in done.stderr
    (row,) = listed()
    assert (row["id"], row["name"], row["description"]) == (first, "b", "new")


def test_what_looks_like_a_secret_is_no_part_of_one(project: Repo):
    project.write("defs/requirements.txt", "numpy==2.3\n")
    project.write("defs/key.pem", "x\n")
    project.write("token.txt", "--extra-index-url https://ghp_" + "a1B2" * 9 + "@example.org\n")
    before = project.refs()
    token = "token.txt looks like a secret: it holds a github token"
    for words, text in (
        (("environment", "create", "--paths", "defs"), "key.pem looks like a secret: its name"),
        (("environment", "create", "--paths", "token.txt>r.txt"), token),
        (("snapshot", "-m", "x", "--environment-def", "token.txt"), token),
    ):
        done = datmo(*words, check=False)
        assert (done.code, done.stdout) == (4, "")
        assert text in done.stderr
    assert project.refs() == before
    project.git("config", "datmo.allowSecrets", "true")
    assert env("create", "--paths", "defs", "--json").json()["files"] == [
        *("key.pem", "requirements.txt"),
    ]


def test_a_folder_of_data_is_not_read_for_one(project: Repo):
    project.write("data/a.txt", "1\n")
    with (project.path / "data" / "huge.bin").open("wb") as file:
        file.truncate(2**40)
    done = env("create", "--paths", "data", check=False)
    assert (done.code, done.stdout) == (4, "")
    assert "more than 256 MiB" in done.stderr
    assert listed() == []


def test_without_options_it_is_what_a_snapshot_would_have(project: Repo):
    project.write("requirements.txt", "numpy==2.3\n")
    made = env("create", "--json").json()
    taken = datmo("snapshot", "-m", "x", "--json").json()
    assert made["id"] == taken["environment_id"]


def test_of_the_interpreter_and_of_imports(project: Repo):
    project.write("train.py", "import click, nowhere_at_all\n")
    whole = env("create", "--interpreter", "--json").json()
    done = env("create", "--imports", "--json")
    imported = env("inspect", done.json()["id"], "--json").json()["contents"]["requirements.txt"]
    lines = (
        env("inspect", whole["id"], "--json").json()["contents"]["requirements.txt"].splitlines()
    )
    assert any(line.startswith("click==") for line in imported.splitlines())
    assert set(imported.splitlines()) < set(lines)
    assert "nowhere_at_all (train.py)" in done.json()["notices"][0]
    assert "nowhere_at_all" in env("create", "--imports").stderr
    assert not (project.path / "requirements.txt").exists()


def test_a_selected_environment_is_that_of_snapshots(project: Repo):
    project.write("Dockerfile", "FROM found\n")
    chosen = make(project, "mine")
    found = datmo("snapshot", "-m", "1", "--json").json()["environment_id"]
    assert found != chosen
    assert env("select", "mine").stdout == f"Selected environment 'mine' ({chosen[:12]})\n"
    assert datmo("snapshot", "-m", "2", "--json").json()["environment_id"] == chosen
    assert [row["current"] for row in listed()] == [True]
    assert "Current  -> True" in env("inspect").stdout
    assert datmo("status", "--json").json()["clean"] is True
    env("select", "--none")
    assert datmo("snapshot", "-m", "3", "--json").json()["environment_id"] == found
    assert env("inspect", check=False).code == 2
    assert_clean(project)


def test_a_selection_survives_a_new_name(project: Repo):
    chosen = make(project, "mine")
    env("select", "mine")
    env("update", "mine", "--name", "yours")
    assert datmo("snapshot", "-m", "1", "--json").json()["environment_id"] == chosen


def test_a_tracked_file_may_select_and_none_wins_over_it(project: Repo):
    chosen = make(project, "mine")
    project.git("config", "--file", ".datmoconfig", "datmo.environment", "mine")
    assert datmo("snapshot", "-m", "1", "--json").json()["environment_id"] == chosen
    env("select", "--none")
    assert datmo("snapshot", "-m", "2", "--json").json()["environment_id"] != chosen


def test_a_selection_that_is_not_here_is_an_error_and_status_goes_on(project: Repo):
    project.git("config", "datmo.environment", "gone")
    done = datmo("snapshot", "-m", "1", check=False)
    assert done.code == 3
    assert "datmo.environment is 'gone'" in done.stderr
    assert "select --none" in done.stderr
    (warning,) = datmo("status", "--json").json()["warnings"]
    assert warning == "datmo.environment is 'gone', and there is no such environment here"
    env("ls")


@pytest.mark.parametrize("text", ["name", "whole", "short", "upper"])
def test_a_snapshot_takes_a_name_or_an_id(project: Repo, text: str):
    oid = make(project, "mine")
    named = {"name": "mine", "whole": oid, "short": oid[:4], "upper": oid[:12].upper()}[text]
    made = datmo("snapshot", "-m", "x", "--environment-id", named, "--json").json()
    assert made["environment_id"] == oid


def test_delete_hides_it_frees_its_name_and_takes_nothing_from_snapshots(project: Repo):
    oid = make(project, "mine")
    taken = datmo("snapshot", "-m", "x", "--environment-id", "mine", "--json").json()["id"]
    env("select", "mine")
    with untouched(project):
        assert env("rm", "mine").stdout == f"Deleted environment 'mine' ({oid[:12]})\n"
    assert listed() == []
    assert listed("--all") == []
    assert project.try_git("config", "datmo.environment").stdout == ""
    for name in ("mine", oid[:12]):
        assert env("inspect", name, check=False).code == 3
    assert env("inspect", oid, "--json").json()["kept"] is False
    assert datmo("snapshot", "inspect", taken, "--json").json()["environment_id"] == oid
    make(project, "mine", "other\n")
    assert env("delete", oid, check=False).code == 3
    assert_clean(project)


def test_what_was_deleted_can_be_made_again_and_starts_anew(project: Repo):
    oid = make(project, "mine")
    env("delete", "mine")
    make(project, "mine", "other\n")
    assert make(project, None) == oid
    assert sorted(map(str, names())) == ["None", "mine"]
    assert_clean(project)


def test_update_changes_what_it_names_and_empty_text_takes_away(project: Repo):
    make(project, "mine")
    env("update", "mine", "-d", "text")
    env("update", "mine", "-n", "yours")
    assert [(row["name"], row["description"]) for row in listed()] == [("yours", "text")]
    env("update", "yours", "-n", "", "-d", "")
    assert [(row["name"], row["description"]) for row in listed()] == [(None, None)]


def test_those_that_snapshots_brought_are_listed_with_all_and_can_be_kept(project: Repo):
    project.write("requirements.txt", "numpy==2.3\n")
    oid = datmo("snapshot", "-m", "x", "--json").json()["environment_id"]
    assert listed() == []
    (row,) = listed("--all")
    assert (row["id"], row["kept"], row["created_at"], row["kind"]) == (oid, False, None, "python")
    env("update", oid[:10], "--name", "kept")
    assert [row["name"] for row in listed()] == ["kept"]
    assert len(listed("--all")) == 1
    assert_clean(project)


def test_another_clone_has_it_by_name(project: Repo, tmp_path: Path):
    oid = make(project, "mine")
    bare = Repo.bare(tmp_path / "remote.git")
    project.git("remote", "add", "origin", str(bare.path))
    datmo("push")
    other = bare.clone(tmp_path / "other")
    datmo("init", "--force", cwd=other.path)
    datmo("fetch", cwd=other.path)
    shown = env("inspect", "mine", "--json", cwd=other.path).json()
    assert (shown["id"], shown["current"]) == (oid, False)
    other.write("a", "1")
    made = datmo("snapshot", "-m", "x", "--environment-id", "mine", "--json", cwd=other.path).json()
    assert made["environment_id"] == oid
    env("update", "mine", "--name", "ours", cwd=other.path)
    datmo("push", cwd=other.path)
    datmo("fetch")
    assert names() == ["ours"]
    assert_clean(project)
    assert_clean(other)


def test_two_clones_that_make_the_same_have_one(project: Repo, tmp_path: Path):
    other = Repo.init(tmp_path / "other")
    datmo("init", "--force", cwd=other.path)
    for repo in (project, other):
        repo.write("r.txt", "numpy\n")
        env("create", "--paths", "r.txt", "--name", repo.path.name, cwd=repo.path)
    assert project.refs("refs/datmo/environments") == other.refs("refs/datmo/environments")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("inspect nope", 3),
        ("inspect 0000", 3),
        ("select nope", 3),
        ("select", 2),
        ("select taken --none", 2),
        ("update nope --name x", 3),
        ("update taken", 2),
        ("update other --name taken", 4),
        ("delete nope", 3),
        ("create --paths nowhere", 3),
        ("create --paths defs --imports", 2),
        ("create --interpreter --imports", 2),
        ("create --imports --name taken", 4),
        ("setup --framework nope", 2),
        ("setup --type gpu --framework r-base", 2),
        ("setup --name taken", 4),
    ],
)
def test_what_is_refused(project: Repo, words: str, code: int):
    make(project, "taken")
    make(project, "other", "x\n")
    before = listed()
    done = env(*words.split(" "), check=False)
    assert (done.code, done.stdout, done.stderr.count("error:")) == (code, "", 1)
    assert listed() == before
    assert_clean(project)


@pytest.mark.parametrize("name", [" ", "a\nb", "\x1b[31m", "x" * 201, "a" * 40])
def test_names_nobody_can_use_are_refused(project: Repo, name: str):
    assert env("create", "--interpreter", "--name", name, check=False).code == 2
    assert listed() == []


def test_a_name_that_two_clones_gave_is_refused_with_both_ids(project: Repo, tmp_path: Path):
    bare = Repo.bare(tmp_path / "remote.git")
    project.git("remote", "add", "origin", str(bare.path))
    ids = {make(project, "mine")}
    datmo("push")
    other = bare.clone(tmp_path / "other")
    datmo("init", "--force", cwd=other.path)
    other.write("r.txt", "other\n")
    made = env("create", "--paths", "r.txt", "-n", "mine", "--json", cwd=other.path)
    ids.add(made.json()["id"])
    datmo("fetch", cwd=other.path)
    done = env("inspect", "mine", cwd=other.path, check=False)
    assert done.code == 3
    assert all(oid[:12] in done.stderr for oid in ids)
    env("update", made.json()["id"][:12], "-n", "theirs", cwd=other.path)
    env("inspect", "mine", cwd=other.path)


def test_forms_and_aliases(project: Repo):
    make(project, "mine")
    assert env("ls", "--format", "csv").stdout.startswith("id,name,kind,description,created at,")
    assert len(env("ls", "--jsonl").jsonl()) == 1
    assert env("list").stdout == env("ls").stdout
    assert env("show", "mine").stdout == env("inspect", "mine").stdout


def test_cleanup_takes_the_selection_back(project: Repo):
    make(project, "mine")
    env("select", "mine")
    datmo("cleanup", "--yes")
    assert project.try_git("config", "--get-regexp", "datmo").stdout == ""


def test_a_repository_that_is_no_project(repo: Repo):
    for words in (["ls"], ["create", "--interpreter"], ["setup"], ["select", "x"], ["delete", "x"]):
        assert env(*words, check=False).code == 3
    assert repo.refs("refs/datmo") == {}
