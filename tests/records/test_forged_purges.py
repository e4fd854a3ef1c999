"""What somebody who may push cannot do to everybody else by naming things as purged."""

from __future__ import annotations

from git_datmo.model.operation import MAX_AT
from git_datmo.records import catalogue, layout, obeying, purged
from git_datmo.records.kinds import SNAPSHOT
from tests.e2e.team import snap, state
from tests.kit.git import Repo
from tests.kit.program import datmo
from tests.records.test_purging import AT, OTHER, Clone, listed, words


def test_naming_the_history_of_a_branch_takes_nothing(project: Repo) -> None:
    project.write("a", "1")
    project.commit("on a branch")
    one = snap(project, "one")
    other = Clone(project)
    head = project.git("rev-parse", "HEAD")
    other.tell({layout.PROJECT_ID: other.line(AT, **words(head))})
    assert obeying.obey(other.project) == ()
    assert listed(other) == {one}
    project.write("a", "2")
    two = snap(project, "two")
    assert state(project).keys() == {one, two}
    datmo("purge", one, "--yes", cwd=project.path)
    assert state(project).keys() == {two}


def test_nor_does_history_that_is_named_before_it_arrives(project: Repo) -> None:
    other = Clone(project)
    project.write("a", "1")
    project.git("add", "a")
    tree = project.git("write-tree")
    coming = project.git("commit-tree", "-m", "to come", tree)
    loose = project.common_dir / "objects" / coming[:2] / coming[2:]
    data = loose.read_bytes()
    loose.unlink()
    other.tell({layout.PROJECT_ID: other.line(AT, **words(coming))})
    catalogue.refresh(other.project)
    loose.write_bytes(data)
    project.git("reset", "-q", "--hard", coming)
    one = snap(project, "one")
    assert state(project).keys() == {one}


def test_nor_the_project_itself_nor_a_session_nor_a_chain(project: Repo) -> None:
    one = snap(project, "one")
    datmo("session", "create", "mine", cwd=project.path)
    other = Clone(project)
    tip = project.git("rev-parse", layout.LOCAL_TIP)
    session = layout.blob_id(layout.session_blob("mine"))
    named = words(layout.PROJECT_ID, session, tip)
    other.tell({layout.PROJECT_ID: other.line(AT, **named)})
    assert obeying.obey(other.project) == ()
    assert listed(other) == {one}
    assert project.git("rev-parse", layout.LOCAL_TIP) == tip
    assert "mine" in datmo("session", "ls", cwd=project.path).stdout
    obeying.refuse(other.project, [(tip, layout.notes_ref(OTHER))])


def test_what_was_purged_is_so_whatever_is_said_later(project: Repo) -> None:
    other, third = Clone(project), Clone(project, OTHER)
    one, two = other.snapshot("one"), other.snapshot("two")
    lines = {oid: other.line(AT, message="m") for oid in (one, two)}
    other.tell({**lines, layout.PROJECT_ID: other.line(AT, **words(one))})
    third.tell({layout.PROJECT_ID: third.line(MAX_AT, purged="nothing")})
    assert listed(other) == {two}
    assert purged.known(other.project.index) == {one: SNAPSHOT}


def test_a_purge_of_the_last_moment_keeps_nobody_from_letting_go(project: Repo) -> None:
    project.write("a", "1")
    one = snap(project, "one")
    other = Clone(project)
    other.tell({layout.PROJECT_ID: other.line(MAX_AT, **words(one))})
    told = obeying.obey(other.project)
    assert any("let go of" in line for line in told)
    own = project.git("rev-parse", layout.LOCAL_TIP)
    obeying.refuse(other.project, [(own, layout.notes_ref(OTHER))])
    project.write("a", "2")
    two = snap(project, "two")
    datmo("purge", two, "--yes", cwd=project.path)
    assert state(project) == {}


def test_a_snapshot_that_would_stand_on_what_was_purged_is_refused(project: Repo) -> None:
    one = snap(project, "one")
    project.git("checkout", "-q", "--detach", one)
    other = Clone(project)
    other.tell({layout.PROJECT_ID: other.line(AT, **words(one))})
    project.write("a", "1")
    refused = datmo("snapshot", "-m", "two", cwd=project.path, check=False)
    assert refused.code == 4
    assert "stands on what was purged" in refused.stderr
    assert "hint: " in refused.stderr
