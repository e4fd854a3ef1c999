"""`git datmo snapshot create`: every flag alone and together, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit.checks import assert_clean, untouched
from tests.kit.git import Repo
from tests.kit.program import Result, datmo


@pytest.fixture(autouse=True)
def sound(project: Repo) -> Iterator[None]:
    """Whatever a test did, the repository is sound after it."""
    yield
    assert_clean(project)


def create(repo: Repo, *flags: str, cwd: Path | None = None) -> dict[str, object]:
    done = datmo("snapshot", "create", "--json", *flags, cwd=cwd or repo.path)
    shown: dict[str, object] = done.json()
    return shown


def refused(repo: Repo, *flags: str) -> Result:
    """The snapshot is refused in one sentence and nothing is recorded."""
    before = repo.refs()
    with untouched(repo):
        done = datmo("snapshot", "create", "-m", "x", *flags, cwd=repo.path, check=False)
    assert repo.refs() == before
    assert done.stdout == ""
    assert done.stderr.count("error:") == 1
    return done


def count(repo: Repo) -> int:
    return len(datmo("snapshot", "ls", "--all", "--json", cwd=repo.path).json())


def test_message_and_label(project: Repo):
    project.write("a", "1")
    with untouched(project):
        made = create(project, "--message", "one\n\nmore", "--label", "first")
    assert (made["message"], made["label"], made["new"]) == ("one\n\nmore", "first", True)
    assert (made["config"], made["stats"], made["task_id"]) == ({}, {}, None)


def test_the_short_form(project: Repo):
    project.write("a", "1")
    done = datmo("snapshot", "-m", "short", "-l", "s", "-c", "lr:1", "-s", "acc:.5")
    assert done.stdout.startswith("Created snapshot with id: ")
    (row,) = datmo("snapshot", "ls", "--json").json()
    assert (row["label"], row["config"], row["stats"]) == ("s", {"lr": 1}, {"acc": 0.5})


def test_without_a_message_it_is_refused(project: Repo):
    done = datmo("snapshot", "create", "--label", "x", check=False)
    assert (done.code, "needs a message" in done.stderr) == (2, True)
    assert count(project) == 0


def test_unchanged_state_is_the_same_snapshot_and_takes_what_was_typed(project: Repo):
    project.write("a", "1")
    first = create(project, "-m", "one", "-c", "lr:1")
    done = datmo("snapshot", "-m", "two", "-l", "best", "-c", "lr:1")
    assert "new message, new label" in done.stdout
    same = create(project, "-m", "two", "-l", "best", "-c", "lr:1")
    assert (same["id"], same["new"]) == (first["id"], False)
    assert (same["message"], same["label"]) == ("two", "best")
    assert "it is as it was" in datmo("snapshot", "-m", "two", "-c", "lr:1").stdout
    assert count(project) == 1
    other = create(project, "-m", "two", "-c", "lr:2")
    assert other["id"] != first["id"], "another config is another state"


def test_a_rename_and_a_swap_are_changes(project: Repo):
    project.write("a", "1")
    project.write("b", "2")
    ids = {create(project, "-m", "as it was")["id"]}
    (project.path / "a").rename(project.path / "c")
    ids.add(create(project, "-m", "renamed")["id"])
    project.write("c", "2")
    project.write("b", "1")
    ids.add(create(project, "-m", "swapped")["id"])
    assert len(ids) == 3


def test_an_automatic_snapshot_becomes_visible(project: Repo):
    project.write("a", "1")
    first = create(project, "-m", "one")
    project.write("a", "2")
    datmo("snapshot", "checkout", str(first["id"]))
    datmo("snapshot", "checkout", "@{-1}")
    assert project.read("a") == b"2"
    done = datmo("snapshot", "-m", "mine now")
    assert "shown again" in done.stdout
    assert [r["message"] for r in datmo("snapshot", "ls", "--json").json()] == ["mine now", "one"]


def test_what_is_typed_keeps_its_meaning(project: Repo):
    flags = ["url:http://h:80/x", "n:1", "f:1e-3", "t:true", "z:null", "id:007", "u:1_0", "e:"]
    made = create(project, "-m", "x", *(word for flag in flags for word in ("-c", flag)))
    expected = {"url": "http://h:80/x", "n": 1, "f": 0.001, "t": True, "z": None}
    assert made["config"] == expected | {"id": "007", "u": "1_0", "e": ""}


def test_dictionaries_and_bare_words(project: Repo):
    made = create(project, "-m", "x", "--config", "{'a': 'b'}", "--stats", '{"m": {"acc": 1}}')
    assert (made["config"], made["stats"]) == ({"a": "b"}, {"m": {"acc": 1}})
    assert create(project, "-m", "x", "--stats", "good")["stats"] == {"stats": "good"}


@pytest.mark.parametrize("kind", ["config", "stats"])
@pytest.mark.parametrize(
    ("name", "text"),
    [("x.json", '{"a": 1}'), ("x.yaml", "a: 1\n"), ("x.yml", "a: 1\n"), ("x.toml", "a = 1\n")],
)
def test_from_a_file_name_a_path_and_by_itself(project: Repo, kind: str, name: str, text: str):
    project.write(f"deep/{name}", text)
    assert create(project, "-m", "x", f"--{kind}-filename", name)[kind] == {"a": 1}
    assert create(project, "-m", "y", f"--{kind}-filepath", f"deep/{name}")[kind] == {"a": 1}
    project.write(f"{kind}{Path(name).suffix}", text)
    assert create(project, "-m", "z")[kind] == {"a": 1}


def test_paths_start_from_the_folder_the_command_starts_in(project: Repo, tmp_path: Path):
    project.write("sub/c.json", '{"a": 1}')
    project.write("sub/data.txt", "data")
    (tmp_path / "out.txt").write_text("outside")
    flags = ["--config-filepath", "c.json", "--paths", "data.txt>q/d.txt", "--paths"]
    made = create(project, "-m", "x", *flags, "../../out.txt", cwd=project.path / "sub")
    assert made["config"] == {"a": 1}
    datmo("snapshot", "checkout", str(made["id"]), "--into", str(tmp_path / "there"))
    assert (tmp_path / "there/q/d.txt").read_text() == "data"
    assert (tmp_path / "there/out.txt").read_text() == "outside"


def test_filepaths_is_the_older_name(project: Repo, tmp_path: Path):
    (tmp_path / "out.txt").write_text("outside")
    made = create(project, "-m", "x", "--filepaths", str(tmp_path / "out.txt"))
    shown = datmo("snapshot", "inspect", str(made["id"]), "--json").json()
    assert [file["path"] for file in shown["files"]] == ["out.txt"]


def test_code_of_a_commit_or_another_snapshot(project: Repo):
    project.write("a", "1")
    commit = project.commit()
    first = create(project, "-m", "first")
    project.write("a", "2")
    by_commit = create(project, "-m", "old code", "--commit-id", commit[:10], "-s", "s:1")
    by_code = create(project, "-m", "code", "--code-id", str(first["code_id"]), "-s", "s:2")
    assert by_commit["code_id"] == by_code["code_id"] == first["code_id"]
    assert project.read("a") == b"2"


def test_parts_of_other_snapshots(project: Repo):
    project.write("data", "1")
    first = create(project, "-m", "first")
    project.write("data", "2")
    flags = ["--file-collection-id", str(first["file_collection_id"])]
    again = create(project, "-m", "x", *flags, "--environment-id", str(first["environment_id"]))
    assert again["file_collection_id"] == first["file_collection_id"]
    assert again["environment_id"] == first["environment_id"]


def test_environment_from_a_file(project: Repo):
    project.write("env/needs.txt", "numpy==1.0\n")
    by_def = create(project, "-m", "x", "--environment-def", "env/needs.txt")
    by_path = create(project, "-m", "y", "--environment-paths", "env/needs.txt")
    assert by_def["environment_id"] == by_path["environment_id"]


def test_into_a_session(project: Repo):
    datmo("session", "create", "other", "--no-current")
    assert create(project, "-m", "x", "--session-id", "other")["session"] == "other"
    assert create(project, "-m", "y", "-c", "a:1")["session"] == "default"


EXCLUSIVE = [
    ("--code-id a", "--commit-id b"),
    ("--environment-id a", "--environment-def b"),
    ("--environment-id a", "--environment-paths b"),
    ("--environment-def a", "--environment-paths b"),
    ("--file-collection-id a", "--paths b"),
    ("--filepaths a", "--paths b"),
    ("--config a:1", "--config-filename b"),
    ("--config a:1", "--config-filepath b"),
    ("--config-filename a", "--config-filepath b"),
    ("--stats a:1", "--stats-filename b"),
    ("--stats-filename a", "--stats-filepath b"),
]


@pytest.mark.parametrize(("one", "other"), EXCLUSIVE)
def test_exclusive_flags(project: Repo, one: str, other: str):
    done = refused(project, *one.split(" "), *other.split(" "))
    assert done.code == 2
    assert "exclude each other" in done.stderr or "are one thing" in done.stderr


@pytest.mark.parametrize(
    ("flags", "code", "named"),
    [
        ("--session-id nope", 3, "nope"),
        ("--code-id nope", 3, "nope"),
        ("--commit-id nope", 3, "nope"),
        ("--environment-id nope", 3, "nope"),
        ("--file-collection-id nope", 3, "nope"),
        ("--environment-def nope", 3, "nope"),
        ("--paths nope", 3, "nope"),
        ("--paths a>b>c", 2, "a>b>c"),
        ("--paths a>/b", 2, "absolute"),
        ("--paths a>../b", 2, ".."),
        ("--config-filepath nope", 3, "nope"),
        ("--stats-filename nope", 3, "nope"),
        ("--config :b", 2, ":b"),
        ('--stats {"a":1', 2, "--stats"),
        ("--config-filepath bad.json", 2, "bad.json, line 2"),
        ("--config-filepath bad.yaml", 2, "bad.yaml, line 2"),
        ("--config-filepath bad.toml", 2, "bad.toml"),
        ("--config-filepath list.json", 2, "list"),
    ],
)
def test_bad_input_is_named(project: Repo, flags: str, code: int, named: str):
    project.write("a", "1")
    project.write("bad.json", '{"a": 1,\n "b": }')
    project.write("bad.yaml", "a: [1\nb: 2\n")
    project.write("bad.toml", "a = \n")
    project.write("list.json", json.dumps([1]))
    done = refused(project, *flags.split(" "))
    assert done.code == code
    assert named in done.stderr
