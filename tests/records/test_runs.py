"""Runs as another program might write them: read where they are sound, never believed where not."""

from __future__ import annotations

import fcntl
import json
from typing import Any

import pytest

from git_datmo.model import document
from git_datmo.records import layout
from git_datmo.storage.objects import EMPTY_TREE
from tests.kit.checks import assert_clean
from tests.kit.git import Repo
from tests.kit.program import datmo
from tests.records.chains import Someone

AT = 1_700_000_000_000 << 12
RUN = "ab" * 16
FACTS: dict[str, Any] = {
    "format": 1,
    "id": RUN,
    "status": "success",
    "created": 1_700_000_000_000,
    "command": ["true"],
}


def run_commit(
    other: Someone, facts: dict[str, Any] | bytes = FACTS, trailers: dict[str, str] | None = None
) -> str:
    """The commit of a run that somebody else recorded."""
    data = facts if isinstance(facts, bytes) else document.dumps(facts) + b"\n"
    blob = other.objects.write_blob(data)
    tree = other.objects.patch_tree(EMPTY_TREE, {b"run.json": (0o100644, blob)})
    message = layout.message("true", trailers or {"Datmo-Run": RUN})
    oid = other.commit(message, tree)
    other.tell({oid: other.line(AT, session=layout.DEFAULT_SESSION_ID)})
    return oid


def listed(repo: Repo) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = datmo("run", "ls", "--all", "--json", cwd=repo.path).json()
    return found


def test_one_that_somebody_else_recorded(project: Repo) -> None:
    oid = run_commit(Someone(project))
    [run] = listed(project)
    assert (run["id"], run["commit"], run["status"]) == (RUN, oid, "success")
    assert run["author"] == "Some One <one@example.com>"
    for name in (RUN[:6], RUN, oid, oid[:8], "latest"):
        assert datmo("run", "inspect", name, "--json", cwd=project.path).json()["id"] == RUN
    assert_clean(project)


@pytest.mark.parametrize(
    ("facts", "trailers"),
    [
        (b"not json", None),
        (b"[]\n", None),
        ({**FACTS, "id": "cd" * 16}, None),
        ({**FACTS, "status": "splendid"}, None),
        ({**FACTS, "status": "running"}, None),
        ({k: v for k, v in FACTS.items() if k != "created"}, None),
        ({**FACTS, "created": 1 << 52}, None),
        (FACTS, {"Datmo-Run": "../../x"}),
        (b"x" * (17 << 20), None),
    ],
    ids=["text", "list", "other", "status", "running", "undated", "late", "name", "huge"],
)
def test_a_damaged_one_is_reported_and_not_listed(
    project: Repo, facts: Any, trailers: dict[str, str] | None
) -> None:
    oid = run_commit(Someone(project), facts, trailers)
    assert listed(project) == []
    done = datmo("fsck", "--json", cwd=project.path, check=False)
    assert done.code == 5
    assert any(oid in finding["message"] for finding in done.json()["findings"])


def test_a_newer_one_is_reported(project: Repo) -> None:
    run_commit(Someone(project), {**FACTS, "format": 2})
    assert listed(project) == []
    assert "format 2" in datmo("fsck", cwd=project.path, check=False).stdout


def test_values_of_wrong_types_are_passed_over(project: Repo) -> None:
    wrong = {
        "before_id": "../x",
        "after_id": 3,
        "exit_code": "0",
        "results": ["a"],
        "outputs": [1],
        "duration": "long",
        "started": 1 << 52,
        "ended": -1,
        "folder": "a\0b",
        "rerun_of": "latest",
        "resources": None,
        "unheard_of": {"a": 1},
    }
    run_commit(Someone(project), {**FACTS, **wrong})
    [run] = listed(project)
    assert run["before_id"] is run["after_id"] is run["exit_code"] is run["duration"] is None
    assert (run["results"], run["outputs"], run["resources"]) == ({}, [], {})
    assert (run["started"], run["ended"], run["folder"]) == (None, None, "")
    assert "unheard_of" not in run


def test_a_command_cannot_pass_for_a_trailer(project: Repo) -> None:
    done = datmo("run", "--runner", "local", "echo Datmo-Id: x", cwd=project.path)
    assert done.stdout == "Datmo-Id: x\n"
    words = ["Datmo-Id:", "1" * 32]
    datmo("run", "--runner", "local", "--", *words, cwd=project.path, check=False)
    assert {tuple(run["command"]) for run in listed(project)} == {
        ("sh", "-c", "echo Datmo-Id: x"),
        tuple(words),
    }
    assert_clean(project)


def test_two_commits_that_claim_one_id_are_ambiguous(project: Repo) -> None:
    run_commit(Someone(project, "a" * 16))
    run_commit(Someone(project, "b" * 16), {**FACTS, "status": "failed"})
    assert len(listed(project)) == 2
    done = datmo("run", "inspect", RUN, cwd=project.path, check=False)
    assert done.code == 3
    assert "could be 2 runs" in done.stderr


def test_one_that_is_recorded_and_not_put_back_yet_is_one(project: Repo) -> None:
    run_commit(Someone(project))
    folder = project.common_dir / "datmo" / "runs" / RUN
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps(FACTS))
    (folder / "log").touch()
    with open(folder / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert [run["id"] for run in listed(project)] == [RUN]
        assert datmo("run", "inspect", RUN[:8], "--json", cwd=project.path).json()["id"] == RUN


def test_the_record_is_what_the_format_says(project: Repo) -> None:
    project.write("a.txt", "1")
    project.commit()
    script = 'echo acc: 0.5; echo "{\\"loss\\": 1.5}" >>$DATMO_TASK_DIR/metrics.jsonl; echo 2 >out'
    datmo("run", "--runner", "local", "--label", "first", script, cwd=project.path)
    [run] = listed(project)
    ref = f"refs/datmo/runs/{run['id']}"
    assert project.git("rev-parse", ref) == run["commit"]
    parents = project.git("log", "-1", "--format=%P", ref).split()
    assert parents == [run["before_id"], run["after_id"]]
    names = project.git("ls-tree", "-r", "--name-only", ref).split()
    assert {"log", "metrics/default.jsonl", "run.json"} <= set(names)
    assert project.git("show", f"{ref}:log") == "acc: 0.5"
    said = json.loads(project.git("show", f"{ref}:run.json"))
    assert (said["results"], said["metrics"]) == ({"acc": 0.5}, {"default": {"loss": 1.5}})
    assert (
        project.git("log", "-1", "--format=%B", ref).splitlines()[-1] == f"Datmo-Run: {run['id']}"
    )
    assert project.git("show", f"{run['after_id']}:out") == "2"
    assert_clean(project)
