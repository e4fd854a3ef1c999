"""Listings that were narrowed and cut: by label, status and remote, by page, to newest versions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from git_datmo.api import artifact, labels, remote, run, session, snapshot
from git_datmo.errors import EntityNotFound, QuerySyntaxError
from tests.kit.git import run_git
from tests.kit.laboratory import Laboratory, furnished


@pytest.fixture(scope="module")
def lab(world: None, tmp_path_factory: pytest.TempPathFactory) -> Laboratory:
    return furnished(tmp_path_factory.mktemp("choices") / "lab")


def names(found: list[Any]) -> list[str]:
    return [one.message for one in found]


def test_runs_by_label_status_and_what_is_under_way(lab: Laboratory) -> None:
    project = lab.project
    assert names(run.ls(project, label="baseline")) == ["cnn-0.1"]
    assert names(run.ls(project, status="failed")) == ["broken"]
    assert run.count(project, status="failed") == 1
    assert run.ls(project, label="base") == []
    going = lab.started("going", config={"lr": 7.0})
    try:
        found = run.ls(project, where="config.lr > 5")
        assert [one.message for one in found] == ["going", "broken"]
        assert run.count(project, where="config.lr > 5") == 2
        assert names(run.ls(project, status="running")) == ["going"]
        assert names(run.ls(project, where="config.lr > 5", offset=1)) == ["broken"]
        assert names(run.ls(project, sort="-config.lr", limit=2)) == ["going", "broken"]
        assert run.ls(project, where="config.lr > 50") == []
        assert run.count(project, where="config.lr > 50") == 0
    finally:
        going.finish(0)


@pytest.mark.parametrize("sort", [None, "-stats.acc", "message", "-config.lr,created"])
@pytest.mark.parametrize(
    ("listed", "counted"), [(snapshot.ls, snapshot.count), (artifact.ls, artifact.count)]
)
def test_pages_make_up_the_whole(
    lab: Laboratory, listed: Callable[..., Any], counted: Callable[..., int], sort: str | None
) -> None:
    whole = listed(lab.project, all=True, sort=sort)
    paged = [
        one
        for offset in range(0, len(whole) + 2, 2)
        for one in listed(lab.project, all=True, sort=sort, limit=2, offset=offset)
    ]
    assert paged == whole
    assert counted(lab.project, all=True) == len(whole) > 2


def test_the_newest_version_alone_is_listed(lab: Laboratory) -> None:
    project = lab.project
    shown = artifact.ls(project)
    assert [one.reference for one in shown] == ["default/elsewhere:v0", "default/weights:v1"]
    assert all(one.latest for one in shown)
    assert artifact.count(project) == 2
    assert artifact.tally(project) == {"default": 3}
    newest = artifact.inspect(project, artifact="weights")
    artifact.delete(project, artifact=newest.id)
    assert [one.reference for one in artifact.ls(project, name="weights")] == ["default/weights:v0"]
    assert artifact.count(project, deleted=True) == 1
    artifact.undelete(project, artifact=newest.id)
    every = artifact.ls(project, all=True, name="weights")
    assert [(one.version, one.latest) for one in every] == [(1, True), (0, False)]


def test_what_a_remote_has_and_what_is_only_here(lab: Laboratory, tmp_path: Path) -> None:
    project = lab.project
    run_git("init", "--bare", "-q", "there.git", cwd=tmp_path)
    lab.repo.git("remote", "add", "origin", str(tmp_path / "there.git"))
    everything = len(snapshot.ls(project, all=True))
    assert snapshot.count(project, all=True, remote=".") == everything
    assert snapshot.ls(project, all=True, remote="origin") == []
    remote.push(project, remote="origin")
    project = lab.project
    assert snapshot.count(project, all=True, remote="origin") == everything
    assert run.ls(project, remote=".") == []
    assert artifact.count(project, remote="origin") == 2
    lab.repo.write("more.txt", "more\n")
    new = lab.snapshot("only here")
    assert [one.id for one in snapshot.ls(lab.project, remote=".")] == [new]
    assert remote.having(lab.project, new) == []
    assert remote.having(lab.project, lab.snapshots["the end"]) == ["origin"]
    assert remote.names(lab.project) == ["origin"]
    with pytest.raises(EntityNotFound, match="no remote 'elsewhere'"):
        run.ls(project, remote="elsewhere")


def test_what_there_is_to_choose_from(lab: Laboratory) -> None:
    assert labels.labels(lab.project, kind="snapshot") == ["best"]
    assert labels.labels(lab.project, kind="artifact") == []
    assert list(session.names(lab.project).values()) == ["second", "default"]
    with pytest.raises(QuerySyntaxError):
        snapshot.count(lab.project, where="acc >")


def test_a_choice_that_there_is_not_is_refused(lab: Laboratory) -> None:
    with pytest.raises(TypeError, match="labl"):
        run.count(lab.project, labl="baseline")  # type: ignore[call-arg]
