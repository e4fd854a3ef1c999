"""What was deleted comes back, everywhere, and says what of it is gone."""

from __future__ import annotations

import time

import pytest

import git_datmo
from git_datmo.api import environment as environments
from git_datmo.api import run as runs
from git_datmo.api import session as sessions
from git_datmo.api import snapshot as snapshots
from git_datmo.errors import (
    AmbiguousId,
    Conflict,
    EnvironmentDoesNotExist,
    RequiredArgumentMissing,
    RunNotFound,
    SessionDoesNotExist,
    SnapshotNotFound,
)
from git_datmo.records.project import Project
from tests.e2e.team import Team, large, snap, state
from tests.kit.checks import assert_clean
from tests.kit.content import age, at_once, stored
from tests.kit.git import Repo
from tests.kit.program import datmo


def opened(repo: Repo) -> Project:
    return Project.open(repo.path)


def test_a_snapshot_comes_back_as_it_was(project: Repo):
    project.write("large.bin", large(1))
    first = snap(project, "first", "--label", "best", "--stats", '{"a": 1}')
    before = state(project)
    refs = project.refs("refs/datmo/snapshots")
    snapshots.delete(opened(project), first)
    assert state(project) == {}
    [listed] = snapshots.ls(opened(project), deleted=True)
    assert (listed.id, listed.label, listed.deleted) == (first, "best", True)
    with pytest.raises(SnapshotNotFound):
        snapshots.inspect(opened(project), "best")
    back = snapshots.undelete(opened(project), "best")
    assert (back.id, back.deleted, back.notices) == (first, False, ())
    assert state(project) == before
    assert project.refs("refs/datmo/snapshots") == refs
    assert snapshots.ls(opened(project), deleted=True) == []
    tip = project.refs("refs/datmo/notes")
    assert snapshots.undelete(opened(project), first[:8]).id == first  # it lives: nothing is said
    assert project.refs("refs/datmo/notes") == tip
    assert_clean(project)


def test_it_travels(tmp_path):
    team = Team(tmp_path)
    ada, bob = team.clone("ada"), team.clone("bob")
    first = snap(ada, "first")
    datmo("push", cwd=ada.path)
    datmo("pull", cwd=bob.path)
    datmo("snapshot", "delete", first, cwd=ada.path)
    datmo("push", cwd=ada.path)
    datmo("pull", cwd=bob.path)
    assert first not in state(bob)
    snapshots.undelete(opened(bob), first)
    assert first not in bob.refs("refs/datmo/snapshots")  # it is ada's
    datmo("push", cwd=bob.path)
    datmo("pull", cwd=ada.path)
    assert state(ada).keys() == state(bob).keys() == {first}


def test_it_says_what_is_gone(project: Repo):
    at_once(project)
    project.write("a/large.bin", large(1))
    first = snap(project, "first")
    project.write("a/large.bin", large(2))
    snap(project, "second")
    snapshots.delete(opened(project), first)
    time.sleep(0.005)
    git_datmo.gc(home=project.path)
    back = snapshots.undelete(opened(project), first)
    [said] = back.notices
    assert "a/large.bin" in said
    assert f"{len(large(1))} bytes" in said
    done = datmo("snapshot", "checkout", first, cwd=project.path, check=False)
    assert done.code == 5


def test_what_came_back_is_new_again(project: Repo):
    project.write("large.bin", large(1))
    first = snap(project, "first")
    (project.path / "large.bin").unlink()
    snapshots.delete(opened(project), first)
    age(project, 30)
    snapshots.undelete(opened(project), first)
    [file] = stored(project).values()
    assert time.time() - file.stat().st_mtime < 60


def test_a_label_of_several(project: Repo):
    for number in range(2):
        project.write("code.py", str(number))
        oid = snap(project, str(number), "--label", "twice")
        snapshots.delete(opened(project), oid)
    with pytest.raises(AmbiguousId):
        snapshots.undelete(opened(project), "twice")
    with pytest.raises(SnapshotNotFound):
        snapshots.undelete(opened(project), "never")
    with pytest.raises(RequiredArgumentMissing):
        snapshots.undelete(opened(project), "")


def test_a_run(project: Repo):
    project.write("code.py", "print('acc: 1')\n")
    done = datmo(
        "run", "--json", "--runner", "local", "--label", "mine", "--", "true", cwd=project.path
    )
    run_id = done.json()["id"]
    refs = project.refs("refs/datmo/runs")
    runs.delete(opened(project), run_id)
    assert runs.ls(opened(project)) == []
    assert [run.id for run in runs.ls(opened(project), deleted=True)] == [run_id]
    assert runs.undelete(opened(project), "mine").id == run_id
    assert [run.id for run in runs.ls(opened(project))] == [run_id]
    assert runs.ls(opened(project), deleted=True) == []
    assert project.refs("refs/datmo/runs") == refs
    assert runs.undelete(opened(project), run_id[:8]).id == run_id
    with pytest.raises(RunNotFound):
        runs.undelete(opened(project), "never")


def test_an_environment(project: Repo):
    project.write("requirements.txt", "attrs==23.1.0\n")
    made = environments.create(opened(project), paths=["requirements.txt"], name="slim")
    environments.delete(opened(project), "slim")
    [listed] = environments.ls(opened(project), deleted=True)
    assert (listed.id, listed.kept) == (made.id, False)
    assert environments.ls(opened(project)) == []
    back = environments.undelete(opened(project), "slim")
    assert (back.id, back.name, back.kept) == (made.id, "slim", True)
    assert environments.undelete(opened(project), made.id[:8]).id == made.id
    environments.delete(opened(project), "slim")
    project.write("requirements.txt", "attrs==23.2.0\n")
    environments.create(opened(project), paths=["requirements.txt"], name="slim")
    with pytest.raises(Conflict):
        environments.undelete(opened(project), made.id)
    with pytest.raises(EnvironmentDoesNotExist):
        environments.undelete(opened(project), "never")


def test_a_session_with_the_snapshots_that_went_with_it(project: Repo):
    sessions.create(opened(project), name="tries")
    ids = []
    for number in range(3):
        project.write("code.py", str(number))
        ids.append(snap(project, str(number)))
    snapshots.delete(opened(project), ids[0])
    sessions.delete(opened(project), name="tries")
    assert state(project) == {}
    [listed] = sessions.ls(opened(project), deleted=True)
    assert (listed.name, listed.snapshots) == ("tries", 3)
    back = sessions.undelete(opened(project), name="tries")
    assert (back.name, back.snapshots) == ("tries", 2)
    assert state(project).keys() == set(ids[1:])  # the first was deleted before
    sessions.delete(opened(project), name="tries")
    sessions.create(opened(project), name="other")
    sessions.update(opened(project), "other", name="tries")
    with pytest.raises(Conflict):
        sessions.undelete(opened(project), name="tries")
    with pytest.raises(SessionDoesNotExist):
        sessions.undelete(opened(project), name="never")


def test_the_python_package_has_it(project: Repo):
    first = snap(project, "first")
    git_datmo.snapshot.delete(first, home=project.path)
    assert [s.id for s in git_datmo.snapshot.ls(deleted=True, home=project.path)] == [first]
    assert git_datmo.snapshot.undelete(first, home=project.path).id == first
    assert git_datmo.gc(dry_run=True, home=project.path).rows == ()
    with pytest.raises(TypeError):
        git_datmo.session()
