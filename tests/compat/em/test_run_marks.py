"""What a run of t9k.em read and made: associations for its scripts, edges for git-datmo."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from git_datmo.api import location
from git_datmo.api import run as runs
from git_datmo.compat import em
from tests.kit.checks import assert_clean
from tests.kit.git import Repo


def test_marks_are_recorded_once_and_follow_what_was_made(project: Repo):
    Path("a.txt").write_text("one")
    data, model = em.create_artifact(name="data"), em.create_artifact(name="model")
    data.add_file("a.txt")
    model.add_file("a.txt", "w.txt")
    run = em.create_run(name="marking")
    run.mark_input(data)
    run.mark_input(data)
    run.mark_output(model)
    with pytest.raises(TypeError, match="Instance type cannot be marked: '<class 'int'>'"):
        run.mark_input(3)
    assert [one["name"] for one in run.associations["inputs"]] == [data.alternative_name]
    assert run.asso["outputs"][0]["kind"] == "Artifact"
    Path("a.txt").write_text("two")
    model.add_file("a.txt", "w.txt")
    run.finish()
    found = location.find(project.path)
    made = runs.inspect(found, run_id=run.run_id)
    assert [one["id"] for one in made.used] == [data.seal(found).id]
    assert [one["id"] for one in made.generated] == [model.seal(found).id]
    assert model.seal(found).read("w.txt") == b"two"
    assert made.generated[0]["alternative_name"] == model.alternative_name
    again = em.load_run(run.local)
    assert again.associations == run.associations
    assert {mark.resource.alternative_name for mark in again._marks} == {
        data.alternative_name,
        model.alternative_name,
    }
    assert_clean(project)


def test_assets_and_git_are_marked_too(project: Repo):
    project.git("commit", "--allow-empty", "-qm", "first")
    run = em.create_run()
    model = type("Model", (SimpleNamespace,), {})(id="m1", path="/me/models/m")
    run.mark_input(model)
    run.mark_output("main")
    run.finish()
    made = runs.inspect(location.find(project.path), run_id=run.run_id)
    assert made.used[0]["kind"] == "model"
    assert made.generated[0]["kind"] == "branch"
    assert run.associations["inputs"] == [{"kind": "Model", "id": "m1", "path": "/me/models/m"}]
