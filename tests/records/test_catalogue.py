"""The index from the chains: the same from nothing, and deaf to what is no operation."""

from __future__ import annotations

import json

import pytest

from git_datmo.api import snapshot
from tests.e2e.team import snap, state, update
from tests.kit.checks import assert_clean
from tests.kit.git import Repo
from tests.kit.program import datmo
from tests.records.chains import TRAILERS, Someone
from tests.torture.world import opened

AT = 1_700_000_000_000 << 12


def told(repo: Repo) -> str:
    """What fsck says, which must be something."""
    done = datmo("fsck", "--json", cwd=repo.path, check=False)
    assert done.code == 5
    return " ".join(finding["message"] for finding in done.json()["findings"])


def test_the_same_listing_without_the_index(project: Repo) -> None:
    project.write("a", "1")
    first = snap(project, "one", "--label", "x", "--stats", '{"acc": 0.5}')
    project.write("a", "2")
    snap(project, "two", "--config", '{"n": {"deep": [1, null]}}')
    update(project, first, "--stats", '{"acc": 0.7}')
    before = state(project)
    (project.git_dir / "datmo" / "index.sqlite").unlink()
    assert state(project) == before
    (project.git_dir / "datmo" / "index.sqlite").write_bytes(b"no database at all")
    assert state(project) == before
    assert_clean(project)


def test_an_index_that_the_disk_takes_no_more_of_fails_nothing(project: Repo) -> None:
    project.write("a", "1")
    with opened(project) as found:
        snapshot.create(found, message="one")
        # As SQLite meets a full disk: not one page more.
        found.index._database.rows("PRAGMA max_page_count = 1")
        project.write("a", "2")
        made = snapshot.create(found, message="two", config={"long": "x" * 300_000})
        assert not found.index.lasting
        assert [one.message for one in snapshot.ls(found)] == ["two", "one"]
    assert state(project)[str(made.id)]["message"] == "two"
    assert_clean(project)


def test_lines_that_are_no_operations_are_passed_over_and_reported(project: Repo) -> None:
    other = Someone(project)
    oid = other.snapshot()
    good = other.line(AT, message="theirs", session="x")
    bad = b'{"at":1}\nnot json\n' + good.replace(b'"at":', b'"at": ') + b"\xff\xfe\n"
    other.tell({oid: bad + good})
    assert state(project)[oid]["message"] == "theirs"
    said = told(project)
    assert oid in said
    for number in (1, 2, 3, 4):
        assert f"line {number}:" in said


def test_a_newer_chain_is_reported_and_the_others_are_used(project: Repo) -> None:
    mine = snap(project, "mine")
    newer, other = Someone(project, "a" * 16), Someone(project, "b" * 16)
    newer.tell({newer.snapshot("n"): b"?"}, "git-datmo notes\n\nDatmo-Format: 2\n")
    oid = other.snapshot("o")
    other.tell({oid: other.line(AT, message="o")})
    assert set(state(project)) == {mine, oid}
    assert "format 2" in told(project)
    snap(project, "still works", "--stats", '{"n": 1}')


@pytest.mark.parametrize("name", TRAILERS)
@pytest.mark.parametrize("value", ["zz", "", "'; DROP TABLE notes; --", "A" * 40, "1" * 41])
def test_a_snapshot_with_damaged_trailers_hides_only_itself(
    project: Repo, name: str, value: str
) -> None:
    mine = snap(project, "mine")
    other = Someone(project)
    bad, good = other.snapshot("bad", {**TRAILERS, name: value}), other.snapshot("good")
    other.tell({oid: other.line(AT, message="m") for oid in (bad, good)})
    assert {mine, good} <= set(state(project))
    assert name == "Datmo-Id" or bad in told(project)
    assert datmo("snapshot", "inspect", good, cwd=project.path).code == 0


@pytest.mark.parametrize(
    "values",
    [
        {"label": 7, "message": {"a": 1}, "session": [], "visible": "no", "deleted": 0},
        {"config": [1], "stats": "x"},
        {"config": {"a\u2028\x1b[31m": "\x00"}, "stats": {"$float": "nan"}},
        {"deep": json.loads("[" * 60 + "]" * 60)},
        {"id": "x", "kind": "project", "ids": {"a": 1}},
    ],
)
def test_odd_values_are_values(project: Repo, values: dict[str, object]) -> None:
    mine = snap(project, "mine")
    other = Someone(project)
    oid = other.snapshot()
    other.tell({oid: other.line(AT, **values)})
    assert set(state(project)) == {mine, oid}
    for how in ("--json", "--jsonl"):
        datmo("snapshot", "ls", "--details", how, cwd=project.path)
    datmo("snapshot", "inspect", oid, cwd=project.path)
    datmo("snapshot", "ls", "--details", cwd=project.path)


@pytest.mark.parametrize(
    "ids", [{"a": "x", "b": 1}, {"a": None}, {"a": {"b": 1}}, [1], "x", {"a": -(2**62)}]
)
def test_an_odd_project_note(project: Repo, ids: object) -> None:
    mine = snap(project, "mine")
    other = Someone(project)
    project.git("hash-object", "-w", "--stdin", input="datmo project\n")
    blob = "9289b91add7e142503213819a235011c4f82d125"
    tree = other.objects.write_tree([(b"x", 0o100644, blob)])
    commit = other.commit("carrier", tree)
    other.tell({})
    from git_datmo.storage import notes

    lines = {blob: other.line(AT, ids=ids, name=["odd"])}
    tip = other.commit(
        "git-datmo notes\n\nDatmo-Format: 1\n",
        notes.append(other.objects, "4b825dc642cb6eb9a060e54bf8d69288fbee4904", lines),
        commit,
    )
    project.git("update-ref", other.ref, tip)
    assert set(state(project)) == {mine}
    datmo("status", cwd=project.path)


@pytest.mark.parametrize("text", ["", "garbage\n", "ref: refs/heads/main\n", "0" * 40 + "\n"])
def test_damaged_refs_are_reported_and_the_rest_is_used(project: Repo, text: str) -> None:
    mine = snap(project, "mine")
    name = "refs/datmo-remotes/away/notes/" + "c" * 16
    (project.git_dir / name).parent.mkdir(parents=True)
    (project.git_dir / name).write_text(text)
    assert set(state(project)) == {mine}
    assert name in told(project)
    snap(project, "goes on", "--stats", '{"n": 1}')


@pytest.mark.parametrize(
    "name", ["x", "snapshots/short", "notes/XYZ", "notes/" + "d" * 16 + "/below", "ünïcode", "a;b"]
)
def test_refs_that_are_not_of_the_format_are_put_aside(project: Repo, name: str) -> None:
    mine = snap(project, "mine")
    blob = project.git("hash-object", "-w", "--stdin", input="any")
    project.git("update-ref", f"refs/datmo/{name}", blob)
    assert set(state(project)) == {mine}
    assert f"refs/datmo/{name}" not in project.refs("refs/datmo")
    other = project.git("hash-object", "-w", "--stdin", input="other")
    project.git("update-ref", f"refs/datmo/{name}", other)
    assert set(state(project)) == {mine}
    assert {blob, other} <= set(project.refs("refs/datmo-remotes").values())
