"""Our own chain: healing, few refs, and what two clones make alike."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from git_datmo.errors import DamagedObject
from git_datmo.records import chain, clones, layout
from git_datmo.records.project import Project
from git_datmo.storage import refs
from tests.e2e.team import Team, snap, state
from tests.kit.checks import assert_clean
from tests.kit.git import Repo
from tests.kit.program import datmo


def opened(repo: Repo) -> Project:
    return Project.open(repo.path)


def own(repo: Repo) -> str:
    """Our clone's id."""
    clone = clones.read(opened(repo).home)
    assert clone is not None
    assert not clone.copied
    return clone.id


def test_a_kill_between_the_two_tips_heals_without_a_new_id(project: Repo) -> None:
    """The authoritative tip moves first; the public one is made to follow."""
    before, [(name, old)] = own(project), project.refs("refs/datmo/notes").items()
    oid = snap(project, "x", "--stats", '{"n": 1}')
    project.git("update-ref", name, old)
    assert chain.heal(opened(project))
    assert own(project) == before
    assert project.refs(name) == {name: project.git("rev-parse", layout.LOCAL_TIP)}
    assert oid in state(project)


def test_git_itself_shows_config_and_stats_as_notes(project: Repo) -> None:
    oid = snap(project, "x", "--config", "lr:0.1", "--stats", "acc:0.5")
    datmo("snapshot", "update", oid, "--stats", "f1:0.25", cwd=project.path)
    ours = ("-c", "notes.displayRef=refs/datmo/notes/*")
    shown = project.git(*ours, "log", "-1", "--format=%N", oid)
    first, second = (json.loads(line)["set"] for line in shown.splitlines() if line)
    assert (first["config"], first["stats"]) == ({"lr": 0.1}, {"acc": 0.5})
    assert second == {"stats": {"f1": 0.25}}
    assert project.git("log", "-1", "--format=%N", oid).strip() == "", "nobody sees it unasked"


def test_refs_are_locked_before_any_moves(project: Repo) -> None:
    snap(project, "x", "--stats", '{"n": 1}')
    before = project.refs("refs/datmo", "refs/datmo-local")
    [name] = project.refs("refs/datmo/notes")
    lock = project.git_dir / f"{name}.lock"
    lock.write_text("")
    done = datmo("snapshot", "update", "latest", "--label", "y", cwd=project.path, check=False)
    assert done.code == 4
    assert project.refs("refs/datmo", "refs/datmo-local") == before


@pytest.mark.parametrize("text", ["", "{", "[]", '{"id": "x"}', '{"id": 7}'])
def test_a_damaged_clone_file_is_a_new_id_with_the_old_chain(project: Repo, text: str) -> None:
    oid, before = snap(project, "x", "--stats", '{"n": 1}'), own(project)
    (project.git_dir / "datmo" / "clone").write_text(text)
    assert set(state(project)) == {oid}
    assert own(project) != before
    assert_clean(project)


def test_another_writer_of_our_id_makes_us_take_another(project: Repo) -> None:
    oid, before = snap(project, "x", "--stats", '{"n": 1}'), own(project)
    tree = project.git("rev-parse", f"{layout.LOCAL_TIP}^{{tree}}")
    theirs = project.git("commit-tree", "-m", layout.NOTES_MESSAGE, tree)
    project.git("update-ref", layout.notes_ref(before), theirs)
    assert set(state(project)) == {oid}
    assert own(project) != before
    kept = project.refs("refs/datmo-remotes/_plain")
    assert kept == {f"refs/datmo-remotes/_plain/notes/{before}": theirs}
    assert_clean(project)


def test_few_refs_and_all_is_listed_inspected_pushed(tmp_path: Path) -> None:
    team = Team(tmp_path)
    maker = team.clone("maker")
    maker.git("config", "datmo.maxRefs", "3")
    labelled = snap(maker, "kept", "--label", "kept", "--stats", '{"n": -1}')
    made = [labelled]
    for number in range(16):
        made.append(snap(maker, f"s{number}", "--stats", f'{{"n": {number}}}'))
        if number == 6:
            datmo("push", cwd=maker.path)
            assert len(team.origin.refs("refs/datmo/snapshots")) == 8
    held = maker.refs("refs/datmo/snapshots")
    assert len(held) < 14
    assert f"refs/datmo/snapshots/{labelled}" in held
    assert set(state(maker)) == set(made)
    assert datmo("snapshot", "inspect", made[1], cwd=maker.path).code == 0

    datmo("push", cwd=maker.path)

    assert team.origin.refs("refs/datmo/snapshots").keys() == held.keys()
    reader = team.clone("reader")
    reader.git("fetch", "-q")
    assert set(state(reader)) == set(made)
    datmo("snapshot", "checkout", made[1], cwd=reader.path)
    for repo in (maker, reader, team.origin):
        repo.git("gc", "-q", "--prune=now")
    assert set(state(reader)) >= set(made)
    assert_clean(maker)


def test_few_environment_refs(project: Repo) -> None:
    project.git("config", "datmo.maxRefs", "2")
    for number in range(16):
        project.write("requirements.txt", f"numpy==1.{number}\n")
        oid = snap(project, f"s{number}")
    held = project.refs("refs/datmo/environments")
    assert len(held) <= 14
    assert f"refs/datmo/environments/{state(project)[oid]['environment_id']}" in held
    project.git("gc", "-q", "--prune=now")
    for row in state(project).values():
        assert project.git("cat-file", "-t", row["environment_id"]) == "tree"
    assert_clean(project)


def test_two_clones_make_the_same_environment(tmp_path: Path) -> None:
    team = Team(tmp_path)
    found = []
    for name in ("a", "b"):
        repo = team.clone(name)
        repo.write("requirements.txt", "numpy==1.26\n")
        snap(repo, name)
        found.append(repo.refs("refs/datmo/environments"))
    assert found[0] == found[1]
    [(name, commit)] = found[0].items()
    assert name.endswith(repo.git("rev-parse", f"{commit}^{{tree}}"))


def test_nothing_is_written_when_the_block_fails(project: Repo) -> None:
    before = project.refs()
    with pytest.raises(ZeroDivisionError), chain.writing(opened(project)) as writer:
        writer.note(layout.PROJECT_ID, set={"description": "x"})
        _ = 1 / 0
    assert project.refs() == before


def test_a_copy_is_told_by_its_file(project: Repo, tmp_path: Path) -> None:
    home = opened(project).home
    shutil.copytree(home, tmp_path / "copied")
    there = clones.read(tmp_path / "copied")
    assert there is not None
    assert there.copied
    assert there.id == own(project)


@given(st.binary(max_size=300))
def test_packed_refs_never_break_a_listing(noise: bytes) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        good = b"1" * 40 + b" refs/datmo/notes/" + b"a" * 16 + b"\n"
        Path(folder, "packed-refs").write_bytes(noise + b"\n" + good)
        found = refs.read(Path(folder), layout.OWN).found
        assert found["refs/datmo/notes/" + "a" * 16] == "1" * 40
        try:
            refs.require(Path(folder), "refs/datmo/other")
        except DamagedObject:
            return
