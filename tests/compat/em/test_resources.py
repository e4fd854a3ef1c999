"""What mark_input and mark_output take, and what is recorded of it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pygit2
import pytest

from git_datmo.api import artifact as artifacts
from git_datmo.api import inline
from git_datmo.api import revision as revisions
from git_datmo.api import run as runs
from git_datmo.compat import em
from git_datmo.compat.em import place
from git_datmo.compat.em.resources import describe
from git_datmo.errors import ArtifactNotFound, CommitDoesNotExist, NotARepository
from tests.kit.checks import assert_clean
from tests.kit.git import Repo


@dataclass
class Model:
    id: str
    path: str
    name: str = ""


class Dataset(Model):
    pass


@dataclass
class Branch:
    asset: Model
    name: str


class Tag(Branch):
    pass


@dataclass
class Commit:
    asset: Model
    id: str


class Unknown:
    id = path = name = "x"


@pytest.fixture(autouse=True)
def repository(repo: Repo) -> Repo:
    """A repository with a branch, tags and a commit."""
    repo.write("a", "a")
    repo.commit()
    repo.git("branch", "feature/x")
    repo.git("tag", "v1.0")
    repo.git("tag", "-m", "annotated", "v2.0")
    return repo


def test_what_the_asset_hub_has_is_known_by_name_and_attributes():
    model = Model("9f1c", "/ada/models/vit", "vit")
    data = Dataset("77aa", "/ada/data/mnist")
    project = place.required()
    assert describe(model, project) == (
        {"kind": "Model", "id": "9f1c", "path": "/ada/models/vit"},
        {"kind": "model", "id": "9f1c", "name": "vit", "path": "/ada/models/vit"},
    )
    assert describe(data, None) == (
        {"kind": "Dataset", "id": "77aa", "path": "/ada/data/mnist"},
        {"kind": "dataset", "id": "77aa", "name": "mnist", "path": "/ada/data/mnist"},
    )
    for pointer, kind, name in (
        (Branch(model, "main"), "branch", "main"),
        (Tag(data, "20231105"), "tag", "20231105"),
        (Commit(model, "ab" * 32), "commit", "ab" * 32),
    ):
        asset = pointer.asset
        association, record = describe(pointer, project)
        assert association == {
            "kind": kind,
            "id": f"{asset.id}:{name}",
            "path": f"{asset.path}:{name}",
        }
        assert record["kind"] == kind
        assert record["of"] == type(asset).__name__.lower()


@pytest.mark.parametrize(
    "wrong", [3, None, b"v1.0", Unknown(), Branch, {"kind": "model"}, object()]
)
def test_others_are_type_errors(wrong: object):
    with pytest.raises(TypeError, match=r"^Instance type cannot be marked: '<class "):
        describe(wrong, place.required())


def test_names_of_git(repository: Repo):
    project = place.required()
    head = repository.head()
    for text, kind, name in (
        ("main", "branch", "main"),
        ("refs/heads/main", "branch", "main"),
        ("HEAD", "branch", "main"),
        ("feature/x", "branch", "feature/x"),
        ("v1.0", "tag", "v1.0"),
        ("refs/tags/v2.0", "tag", "v2.0"),
        (head[:8], "commit", head),
        ("main~0", "commit", head),
    ):
        found = revisions.find(project, revision=text)
        assert (found.kind, found.name, found.commit) == (kind, name, head)
        association, record = describe(text, project)
        assert record == {"kind": kind, "id": head, "name": name}
        assert association["kind"] == kind
        assert association["path"] == str(repository.path)
        assert describe(found, project)[1] == record
    for odd in ("", "-h", "nothing", "a\nb", "a\0b", "HEAD:a", "--all"):
        with pytest.raises(CommitDoesNotExist):
            revisions.find(project, revision=odd)
        with pytest.raises(ArtifactNotFound, match="no artifact, branch, tag or commit"):
            describe(odd, project)


def test_values_of_git_libraries(repository: Repo):
    project = place.required()
    opened = pygit2.Repository(str(repository.path))
    head = repository.head()
    for value, kind in (
        (opened.branches["main"], "branch"),
        (opened.references["refs/tags/v1.0"], "tag"),
        (opened[head], "commit"),
    ):
        assert describe(value, project)[1]["kind"] == kind
        assert describe(value, project)[1]["id"] == head


def test_artifacts_by_value_and_by_name():
    project = place.required()
    made = em.create_artifact("data")
    made.add_file("a")
    association, record = describe(made, project)
    assert association == {
        "kind": "Artifact",
        "name": made.alternative_name,
        "localDir": made.local,
    }
    version = artifacts.inspect(project, artifact=made.alternative_name)
    assert record == {
        "kind": "artifact",
        "id": version.id,
        "collection": "em",
        "name": made.alternative_name,
        "version": 0,
        "alternative_name": made.alternative_name,
        "local_dir": made.local,
    }
    for other in (version, version.id, version.reference, made.alternative_name):
        assert describe(other, project)[1] == {k: record[k] for k in record if k != "local_dir"}
    # An artifact comes before a branch of the same name.
    artifacts.create(project, name="main", paths=["a"])
    assert describe("main", project)[1]["collection"] == "default"
    assert describe("refs/heads/main", project)[1]["kind"] == "branch"


def test_an_output_that_changes_is_followed_until_the_run_ends(repository: Repo):
    project = place.required()
    given = em.create_artifact("given")
    given.add_file("a")
    made = em.create_artifact("made")
    run = em.create_run(name="train")
    run.mark_input(given)
    run.mark_input("v1.0")
    run.mark_input(Dataset("77aa", "/ada/data/mnist"))
    run.mark_output(made)
    run.mark_output(made)
    frozen = given.seal(project)
    given.add_file("a", "later")
    made.add_file("a", "model.bin")
    run.finish()
    after = made.seal(project)
    assert after.version == 1
    recorded = runs.inspect(project, run.run_id)
    assert [(one["kind"], one["id"]) for one in recorded.used] == [
        ("artifact", frozen.id),
        ("tag", repository.head()),
        ("dataset", "77aa"),
    ]
    assert [one["id"] for one in recorded.generated] == [after.id]
    assert [one["name"] for one in run.associations["outputs"]] == [made.alternative_name]
    assert [one["kind"] for one in run.associations["inputs"]] == ["Artifact", "tag", "Dataset"]
    assert_clean(repository)


def test_a_task_without_a_repository_leaves_its_artifacts(
    repository: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    project = place.required()
    recording = inline.start(project, name="outer")
    (tmp_path / "far").mkdir()
    monkeypatch.chdir(tmp_path / "far")
    monkeypatch.setenv("DATMO_TASK_DIR", str(recording.task))
    assert place.project() is None
    made = em.create_artifact("model")
    Path("w").write_text("w")
    made.add_file("w", "metadata.yaml")
    made.add_file("w", "deep/w")
    for _ in range(2):
        association, record = describe(made, None)
    assert association["name"] == made.alternative_name
    with pytest.raises(NotARepository):
        describe("v1.0", None)
    with (recording.task / "artifacts.jsonl").open("a") as lines:
        lines.write(json.dumps({"role": "generated", **record}) + "\n")
    done = recording.finish()
    [resource] = done.generated
    version = artifacts.inspect(project, artifact=resource["id"])
    assert (version.collection, version.name) == ("em", made.alternative_name)
    assert [entry.path for entry in version.entries] == ["deep/w", "metadata.yaml"]
    monkeypatch.delenv("DATMO_TASK_DIR")
    monkeypatch.chdir(repository.path)
    loaded = em.load_artifact(made.alternative_name)
    assert loaded.objects.keys() == made.objects.keys()
    assert loaded.alternative_name == made.alternative_name
    assert loaded.name == "model"


def test_an_artifact_that_is_gone_from_the_disk_is_found_by_its_id(datmo: Callable[..., object]):
    made = em.create_artifact("data")
    made.add_file("a")
    run = em.create_run(name="train")
    run.mark_output(made)
    run.finish()
    shutil.rmtree(".em/artifacts")
    loaded = em.load_run(run.local)
    assert loaded.associations["outputs"][0]["name"] == made.alternative_name
    assert em.load_artifact(made.alternative_name).objects == made.objects
