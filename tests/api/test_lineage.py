"""What came of what: followed both ways through snapshots, runs, artifacts and the outside."""

from __future__ import annotations

import json
import os

import pytest

import git_datmo
from git_datmo.api import artifact as artifacts
from git_datmo.api import location
from git_datmo.api import run as runs
from git_datmo.api import snapshot as snapshots
from git_datmo.api.lineage import lineage
from git_datmo.api.user import User
from git_datmo.errors import AmbiguousId, EntityNotFound, InvalidArgumentType, ValidationFailed
from git_datmo.model.lineage import Edge, Lineage, Node
from git_datmo.model.run import Run
from git_datmo.records.project import Project
from git_datmo.ui.escape import width as columns_of
from git_datmo.ui.lineage import render
from tests.kit.checks import assert_clean
from tests.kit.git import Repo
from tests.kit.program import datmo


@pytest.fixture(autouse=True)
def here(project: Repo) -> Repo:
    project.git("config", "datmo.runner", "local")
    project.write("code", "1\n")
    project.commit()
    return project


def found(repo: Repo) -> Project:
    return location.find(repo.path)


def run(repo: Repo, command: str, **asked: object) -> Run:
    user = User(dict(os.environ), folder=repo.path)
    return runs.run(found(repo), command, user=user, **asked)  # type: ignore[arg-type]


def ends(known: Lineage) -> set[tuple[str, str, str]]:
    return {(edge.source, edge.role, edge.target) for edge in known.edges}


def test_through_two_runs_both_ways(here: Repo):
    data = artifacts.create(found(here), name="data", paths=[os.fspath(here.path / "code")])
    note = '{"role": "used", "kind": "branch", "name": "main"}'
    first = run(
        here,
        f"""cat data/code >out; echo '{note}' >"$DATMO_TASK_DIR/artifacts.jsonl" """,
        inputs=["data>data"],
        outputs=["net=out"],
    )
    net = first.generated[0]["id"]
    second = run(here, "wc -c inputs/net/out >size", inputs=["net"])
    with pytest.raises(EntityNotFound):
        lineage(found(here), "no such thing")

    up = lineage(found(here), second.id, up=True)
    assert up.root == second.id
    assert ends(up) == {
        (second.before_id, "before", second.id),
        (net, "used", second.id),
        (first.id, "after", second.before_id),
        (first.id, "generated", net),
        (first.before_id, "before", first.id),
        (data.id, "used", first.id),
        ("branch:main", "used", first.id),
    }
    assert up.by_id["branch:main"] == Node("branch:main", "branch", "main")
    down = lineage(found(here), "data", down=True)
    assert (net, "used", second.id) in ends(down)
    assert (second.id, "after", second.after_id) in ends(down)
    assert not {node.kind for node in down.nodes} - {"artifact", "run", "snapshot"}
    whole = lineage(found(here), first.id)
    assert ends(whole) == ends(up) | ends(down)

    near = lineage(found(here), net, depth=1)
    assert ends(near) == {(first.id, "generated", net), (net, "used", second.id)}
    assert set(near.cut) == {first.id, second.id}
    assert lineage(found(here), net, depth=9).cut == ()
    few = lineage(found(here), second.id, up=True, limit=2)
    assert len(few.nodes) == 3
    assert few.cut

    # By every name, and as a document with the very same facts.
    for name in (net[:10], "net", "default/net:v0"):
        assert lineage(found(here), name).root == net
    assert lineage(found(here), "latest").root in (second.id, second.after_id)
    said = datmo("lineage", first.id[:8], "--json").json()
    assert said == json.loads(json.dumps(whole.to_dict()))
    assert git_datmo.lineage(first) == git_datmo.lineage(id=first.id[:8]) == whole
    assert git_datmo.lineage("net", depth=1) == near
    shown = datmo("lineage", first.id).stdout
    assert "Came from\n" in shown
    assert "├─ input branch  main\n" in shown
    assert f"made artifact {net[:12]}  default/net:v0\n" in shown
    assert f"used by run {second.id[:12]}  wc -c inputs/net/out >size" in shown
    assert_clean(here)


def test_versions_reruns_and_what_goes_round(here: Repo):
    first = run(here, "echo 2 >code", outputs=["net=code"])
    again = runs.rerun(found(here), first.id, user=User(dict(os.environ))).run
    back = run(here, "echo 1 >code")
    assert back.after_id == first.before_id
    circle = lineage(found(here), first.before_id)
    assert (back.id, "after", first.before_id) in ends(circle)
    assert (first.id, "rerun", again.id) in ends(circle)
    old, new = first.generated[0]["id"], again.generated[0]["id"]
    assert (old, "version", new) in ends(lineage(found(here), old))
    assert (old, "version", new) in ends(lineage(found(here), new))
    lines = list(render(circle, color=False, width=None))
    assert sum("(above)" in line for line in lines) >= 2
    # A run that changed nothing made nothing, and is no circle.
    idle = run(here, "true")
    assert idle.before_id == idle.after_id
    assert {edge.role for edge in lineage(found(here), idle.id, down=True).edges} == set()


def test_what_is_deleted_or_not_here_is_marked(here: Repo):
    made = run(here, "echo 2 >code", outputs=["net=code"])
    net = made.generated[0]["id"]
    lines = f"""
        {{"role": "used", "kind": "artifact", "id": "{"12" * 20}", "collection": "c", "name": "n"}}
        {{"role": "used", "kind": "commit", "id": "{here.git("rev-parse", "HEAD")}"}}
        {{"role": "used", "kind": "commit", "id": "{"34" * 20}", "name": "lost"}}
        {{"role": "generated", "kind": "Model", "id": "7f", "path": "models/a"}}
    """
    here.write("lines", lines)
    user = run(here, 'cat lines >"$DATMO_TASK_DIR/artifacts.jsonl"', inputs=["net"])
    artifacts.delete(found(here), artifact="net")
    runs.delete(found(here), made.id)
    known = lineage(found(here), user.id)
    assert known.by_id[net].deleted
    assert known.by_id[made.id].deleted
    assert known.by_id["12" * 20] == Node("12" * 20, "artifact", "c/n", here=False)
    assert known.by_id["34" * 20] == Node("34" * 20, "commit", "lost", here=False)
    assert known.by_id[here.git("rev-parse", "HEAD")].title == "a commit"
    assert known.by_id["Model:7f"] == Node("Model:7f", "Model", "models/a")
    shown = "\n".join(render(known, color=False, width=None))
    assert "default/net:v0 (deleted)" in shown
    assert "commit 343434343434  lost (not here)" in shown
    assert "made Model  models/a" in shown
    # What was deleted is found by its whole id, and a name alone is not enough to tell two apart.
    assert lineage(found(here), net).root == net
    snapshots.update(found(here), made.before_id, label="both")
    assert lineage(found(here), "both").root == made.before_id
    artifacts.create(found(here), name="both", paths=[os.fspath(here.path / "code")])
    with pytest.raises(AmbiguousId, match=r"artifact .*snapshot"):
        lineage(found(here), "both")
    with pytest.raises(InvalidArgumentType):
        lineage(found(here), None)  # type: ignore[arg-type]
    with pytest.raises(ValidationFailed):
        lineage(found(here), net, depth=0)


def test_of_a_run_and_the_snapshot_it_ended_with_the_run_is_meant(here: Repo):
    made = run(here, "echo more >>code", label="one")
    snapshots.update(found(here), made.after_id, label="one")
    assert lineage(found(here), "one").root == made.id
    snapshots.update(found(here), made.before_id, label="one")
    snapshots.update(found(here), made.after_id, label="other")
    with pytest.raises(AmbiguousId, match=r"run .*snapshot"):
        lineage(found(here), "one")


def test_a_run_under_way_has_its_beginnings(here: Repo):
    artifacts.create(found(here), name="data", paths=[os.fspath(here.path / "code")])
    begun = datmo("run", "-d", "--input", "data", "--", "sleep", "60").stdout.strip()
    known = lineage(found(here), begun)
    assert {edge.role for edge in known.edges} == {"before", "used"}
    assert known.by_id[begun].status == "running"
    assert "(running)" in next(render(known, color=False, width=None))
    datmo("stop", begun)


def test_a_root_with_more_than_was_asked_for_is_marked():
    many = Lineage("a", (Node("a", "run"), Node("b", "dataset")), (Edge("b", "a", "used"),), ("a",))
    assert next(render(many, color=False, width=None)) == "run a (…)"


@pytest.mark.parametrize("columns", [24, 40, 80])
def test_no_line_is_wider_than_the_terminal(columns: int):
    nodes = [Node("0" * 40, "snapshot", "root")]
    edges = []
    for step in range(1, 3000):
        nodes.append(Node(f"{step:040x}", "run", "語" * 30 + "\x1b[2J", status="failed"))
        edges.append(Edge(nodes[-1].id, nodes[-2].id, "after"))
    known = Lineage(nodes[0].id, tuple(nodes), tuple(edges))
    lines = list(render(known, color=False, width=columns))
    assert max(map(columns_of, lines)) <= columns
    assert not any("\x1b" in line for line in lines)
    assert len(lines) < columns
    assert len(list(render(known, color=False, width=None))) == 3002
