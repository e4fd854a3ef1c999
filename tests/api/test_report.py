"""Reports as values: what is in them, what they are compared to, and what they say is missing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from git_datmo.api import location, standing
from git_datmo.api import run as runs
from git_datmo.api.report import report
from git_datmo.api.user import User
from git_datmo.errors import EntityNotFound, QuerySyntaxError, ValidationFailed
from git_datmo.model.revision import Revision
from git_datmo.model.run import Run
from git_datmo.model.snapshot import Snapshot
from git_datmo.records.project import Project
from tests.kit.git import Repo
from tests.kit.laboratory import Laboratory, decay

SCORED = {"score": 0.5}


@pytest.fixture
def lab(tmp_path: Path) -> Laboratory:
    """On main a run of just what is committed; then one of other code, and one that only set a
    setting otherwise."""
    lab = Laboratory.at(tmp_path / "lab")
    points = {"train": {"loss": decay(20, 3.0)}, "val": {"loss": decay(20, 2.0)}}
    lab.run("first", config={"lr": 0.1, "seed": 1}, stats={"score": 0.5}, points=points)
    lab.repo.git("switch", "--quiet", "--create", "faster")
    lab.repo.write("train.py", "print('training faster')\n")
    lab.repo.write("requirements.txt", "numpy\n")
    lab.repo.commit("faster")
    lab.run("second", config={"lr": 0.2, "seed": 1}, stats={"score": 0.75}, points=points)
    lab.run("third", config={"lr": 0.3, "seed": 1}, stats={"score": 0.7, "extra": True})
    return lab


def test_what_the_newest_runs_gave(lab: Laboratory):
    found = report(lab.project)
    assert [item.id for item in found.items] == [
        lab.runs[name].id for name in ("third", "second", "first")
    ]
    third, second, first = found.items
    assert (third.kind, third.status, third.config["lr"]) == ("run", "success", 0.3)
    assert third.results == {"score": 0.7, "extra": True}
    assert (found.title, found.project, found.base) == ("3 runs", "lab", None)
    assert {(curve.run_id, curve.type, curve.name, curve.total) for curve in found.curves} == {
        (item.id, kind, "loss", 20) for item in (first, second) for kind in ("train", "val")
    }
    # Without a base the first one listed is what they differ from, and the second does not.
    assert found.reference == third
    [difference] = found.differences
    assert difference.items == (first.id,)
    assert {change.path for change in difference.diff.code} == {"train.py", "requirements.txt"}
    assert "-print('training faster')" in difference.diff.code_patch
    assert found.notices == ()


def test_what_is_left_out_is_said(lab: Laboratory):
    every = report(lab.project, metric="loss")
    assert every.notices == ()
    assert {curve.name for curve in every.curves} == {"loss"}
    few = report(lab.project, limit=2, metric=["train/loss", "los"])
    assert few.notices == (
        f"the newest 2 of {len(every.items)} runs: --limit takes more",
        "none of these has points of 'los'",
    )
    assert "the first 1 of" in report(lab.project, limit=1, sort="created").notices[0]
    assert report(lab.project, ids=[few.items[0].id], limit=1).notices == ()


def test_chosen_ones(lab: Laboratory):
    where = report(lab.project, where="stats.score > 0.6", sort="stats.score", limit=1)
    assert [item.id for item in where.items] == [lab.runs["third"].id]
    assert report(lab.project, metric=["val/loss"], ids=[lab.runs["first"].id]).curves[0].type == (
        "val"
    )
    made = lab.snapshot("kept", label="kept", stats={"score": 1})
    mixed = report(lab.project, ids=["kept", lab.runs["first"].id], title="Both")
    assert [(item.kind, item.title) for item in mixed.items] == [
        ("snapshot", "kept"),
        ("run", "first"),
    ]
    assert (mixed.title, mixed.items[0].results) == ("Both", {"score": 1})
    listed = report(lab.project, snapshots=True)
    assert made in [item.id for item in listed.items]
    assert {item.kind for item in listed.items} == {"snapshot"}


def test_a_branch_is_the_run_that_began_with_its_code(lab: Laboratory):
    second, third, first = (lab.runs[name].id for name in ("second", "third", "first"))
    found = report(lab.project, base="main")
    assert found.base is not None
    assert (found.base.id, found.base_name) == (first, "main")
    assert first not in [item.id for item in found.items], "it is not compared to itself"
    assert [difference.items for difference in found.differences] == [(third, second)]
    assert found.notices == (
        f"main is run {first[:12]}, on {lab.repo.git('rev-parse', 'main')[:12]}",
    )
    # Of one branch's runs a named one is compared to another, not to itself.
    named = report(lab.project, ids=[third], base="faster")
    assert named.base is not None
    assert named.base.id == second
    assert named.differences == ()


def test_the_nearest_ancestor_of_a_branch_counts(lab: Laboratory):
    lab.repo.write("README.md", "later\n")
    tip = lab.repo.commit("later")
    found, said = standing.find(lab.project, "faster")
    assert isinstance(found, Run)
    assert found.id in (lab.runs["second"].id, lab.runs["third"].id)
    assert said is not None
    assert said.endswith("before faster")
    # A snapshot of just that code that says how good it is comes before runs of older code.
    made = lab.snapshot("scored", stats=SCORED)
    found, said = standing.find(lab.project, tip[:10])
    assert isinstance(found, Snapshot)
    assert (found.id, said) == (made, f"{tip[:12]} is snapshot {made[:12]}, on {tip[:12]}")


def test_where_nothing_was_recorded_code_is_compared(lab: Laboratory):
    lab.repo.git("switch", "--quiet", "--orphan", "alone")
    lab.repo.write("other.py", "1\n")
    lab.repo.commit("alone")
    found = report(lab.project, ids=[lab.runs["second"].id], base="alone")
    assert found.base is not None
    assert (found.base.kind, found.base.title, found.base.message) == ("commit", "alone", "alone\n")
    [difference] = found.differences
    assert {change.path for change in difference.diff.code} >= {"other.py", "train.py"}
    assert difference.diff.environment == ()
    assert "nothing was recorded on alone" in found.notices[0]
    named, said = standing.find(lab.project, "alone")
    assert isinstance(named, Revision)
    assert said == found.notices[0]


def test_environments_are_told_once(project: Repo):
    project.git("config", "datmo.runner", "local")
    project.git("config", "datmo.environment", "")
    project.write("requirements.txt", "")
    user = User(dict(os.environ), folder=project.path)
    found = location.find(project.path)
    one = runs.run(found, "echo acc: 0.5", user=user)
    two = runs.run(found, "echo acc: 0.6", user=user)
    told = report(location.find(project.path), ids=[one.id, two.id])
    [equipment] = told.equipment
    assert equipment.id == one.environment_id == two.environment_id
    assert equipment.items == (one.id, two.id)
    assert "requirements.txt" in [path for path, _ in equipment.files]
    assert told.items[1].results == {"acc": 0.6}
    assert told.items[0].platform["system"] == os.uname().sysname


def test_what_there_is_nothing_of(lab: Laboratory, project: Repo):
    empty = location.find(project.path)
    with pytest.raises(EntityNotFound, match="no run to report on"):
        report(empty)
    with pytest.raises(EntityNotFound, match="no run is like that"):
        report(lab.project, where="stats.score > 99")
    with pytest.raises(EntityNotFound, match="nobody"):
        report(lab.project, ids=["nobody"])
    with pytest.raises(EntityNotFound, match="no run, snapshot, branch or commit is called 'nob'"):
        report(lab.project, base="nob")
    with pytest.raises(QuerySyntaxError):
        report(lab.project, where="(")
    with pytest.raises(ValidationFailed):
        report(lab.project, limit=0)


def test_runs_under_way_are_reported_on(lab: Laboratory):
    going = lab.started("going", points={"train": {"loss": [3.0, 2.0, 1.0]}})
    found = report(lab.project, limit=1)
    assert (found.items[0].status, found.items[0].duration) == ("running", None)
    assert found.curves[0].y == (3.0, 2.0, 1.0)
    going.finish(0)


def test_content_that_is_not_here_is_named(lab: Laboratory):
    lab.repo.git("config", "datmo.largeFile", "1k")
    run = lab.run("large", points={"train": {"loss": decay(200, 1.0)}})
    stored = [path for path in (lab.repo.common_dir / "datmo").rglob("*") if path.is_file()]
    large = [path for path in stored if "store" in path.parts and path.stat().st_size > 1024]
    assert large, "the points lie in the store"
    for path in large:
        path.unlink()
    found = report(Project.open(lab.repo.path), ids=[run.id])
    assert found.curves == ()
    assert any(f"the curves of run {run.id[:12]} are not shown" in each for each in found.notices)


def test_a_snapshot_may_be_the_base(lab: Laboratory):
    second = lab.runs["second"]
    found = report(lab.project, ids=[second.id], base=second.before_id)
    assert found.base is not None
    assert (found.base.kind, found.base.id, found.notices) == ("snapshot", second.before_id, ())
    assert found.differences == (), "it is the state that the run began from"
