"""Folders on a git remote: where things are put, and who gets a place that several want."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

import pytest

import git_datmo
from git_datmo.api import artifact, folder, private, purge
from git_datmo.api import project as projects
from git_datmo.api.placing import TRIES
from git_datmo.errors import (
    Conflict,
    FileAlreadyExistsError,
    InvalidArgumentType,
    PathDoesNotExist,
    RemoteError,
    ValidationFailed,
)
from git_datmo.model.artifact import Artifact
from git_datmo.model.folder import Placed
from git_datmo.records.project import Project
from tests.kit.git import Repo


@dataclass
class Clone:
    """A clone with a project, and things to put somewhere."""

    repo: Repo

    def __post_init__(self) -> None:
        self.project = Project.open(self.repo.path)
        private.settle(self.project)

    def make(self, name: str, alternative_name: str) -> Artifact:
        return artifact.create(
            self.project,
            name=name,
            collection="em",
            references={"data": "s3://bucket/data"},
            metadata={"name": name, "labels": ["x"]},
            alternative_name=alternative_name,
        )

    def put(self, name: str, alternative_name: str, **options: object) -> Placed | None:
        made = self.make(name, alternative_name)
        return folder.put(self.project, id=made.id, **options)  # type: ignore[arg-type]


@pytest.fixture
def hub(tmp_path: Path) -> Repo:
    return Repo.bare(tmp_path / "hub.git")


@pytest.fixture
def ada(hub: Repo, tmp_path: Path) -> Clone:
    return Clone(hub.clone(tmp_path / "ada"))


@pytest.fixture
def bob(hub: Repo, tmp_path: Path) -> Clone:
    repo = hub.clone(tmp_path / "bob")
    repo.git("config", "user.email", "bob@example.com")
    return Clone(repo)


def paths(hub: Repo) -> dict[str, str]:
    found = hub.refs("refs/datmo-folders/")
    return {name.removeprefix("refs/datmo-folders"): oid for name, oid in found.items()}


def test_what_is_put_is_found_and_read_in_another_clone(hub: Repo, ada: Clone, bob: Clone):
    placed = ada.put("weights", "weights_1")
    assert placed is not None
    assert (placed.path, placed.created) == ("/ada/default/weights", True)
    assert paths(hub) == {"/ada/default/weights": placed.id}
    found = folder.find(bob.project, path="/ada/default/weights")
    assert (found.kind, found.id, found.name) == ("artifact", placed.id, "weights")
    assert (found.alternative_name, found.labels) == ("weights_1", ("x",))
    assert artifact.inspect(bob.project, artifact=placed.id).references == 1
    assert [(n.path, n.kind) for n in folder.ls(bob.project, path="/")] == [("/ada", "folder")]
    assert [n.path for n in folder.ls(bob.project, path="/ada/default")] == [placed.path]
    assert folder.ls(bob.project, path="") == [], "one's own folders are there, and empty"


def test_again_is_the_same_place_and_moves_on_to_what_it_is_now(hub: Repo, ada: Clone):
    first = ada.put("weights", "weights_1")
    again = folder.put(ada.project, id=first.id)  # type: ignore[union-attr]
    assert again is not None
    assert not again.created
    later = ada.put("weights", "weights_1", conflict_strategy="error")
    assert later is not None
    assert not later.created
    assert paths(hub) == {"/ada/default/weights": later.id}


def test_folders_are_made_only_when_asked_for(hub: Repo, ada: Clone):
    made = ada.make("weights", "weights_1")
    with pytest.raises(PathDoesNotExist, match=r"^Folder does not exist: '/ada/a/b'$"):
        folder.put(ada.project, id=made.id, folder="a/b")
    assert hub.refs("refs/datmo*") == {}, "nothing goes out for what is refused"
    placed = folder.put(ada.project, id=made.id, folder="a/b/", make_folder=True)
    assert placed is not None
    assert placed.path == "/ada/a/b/weights"
    assert folder.put(ada.project, id=made.id, folder="a/b", name="two") is not None
    with pytest.raises(Conflict, match="no folder"):
        folder.put(ada.project, id=made.id, folder="a/b/weights/c", make_folder=True)
    empty = folder.make(ada.project, path="/team/Größe .lock")
    assert [n.path for n in folder.ls(ada.project, path="/team")] == [empty.path]
    assert folder.ls(ada.project, path=empty.path) == []
    assert folder.put(ada.project, id=made.id, folder=empty.path) is not None
    assert [n.title for n in folder.ls(ada.project, path=empty.path)] == ["weights"]
    hub.git("fsck", "--strict")


def test_a_name_that_is_taken(hub: Repo, ada: Clone, bob: Clone):
    first = ada.put("run", "run_1", folder="/team", make_folder=True)
    assert first is not None
    assert bob.put("run", "run_2", folder="/team", conflict_strategy="skip") is None
    with pytest.raises(FileAlreadyExistsError, match=r"^Artifact already exists in Folder /team: "):
        bob.put("run", "run_3", folder="/team", conflict_strategy="error")
    assert paths(hub) == {"/team/run": first.id}
    new = bob.put("run", "run_4", folder="/team", conflict_strategy="new")
    assert new is not None
    assert new.path == "/team/run_4"
    taken = bob.put("run", "run_5", folder="/team", conflict_strategy="replace")
    assert taken is not None
    assert taken.path == "/team/run"
    assert folder.find(ada.project, path="/team/run").id == taken.id
    old = artifact.inspect(ada.project, artifact=first.id)
    assert old.alternative_name == "run_1", "what was replaced keeps its id"
    third = Clone(hub.clone(hub.path.parent / "third"))
    assert folder.find(third.project, path="/team/run").name == "run"
    assert artifact.inspect(third.project, artifact="run_1").id == first.id


def test_a_folder_is_not_replaced(ada: Clone):
    ada.put("inner", "inner_1", folder="/team/run", make_folder=True)
    with pytest.raises(FileAlreadyExistsError):
        ada.put("run", "run_1", folder="/team", conflict_strategy="replace")
    new = ada.put("run", "run_1", folder="/team")
    assert new is not None
    assert new.path == "/team/run_1"


def test_eight_that_want_one_name(hub: Repo, tmp_path: Path):
    clones = []
    for number in range(8):
        clone = Clone(hub.clone(tmp_path / f"clone{number}"))
        clones.append((clone.repo.path, clone.make("run", f"run_{number}")))

    def race(strategy: str) -> tuple[list[int], list[int], dict[str, str]]:
        """Who had a place, who was refused, and what lies there."""
        start = threading.Barrier(8)
        placed: list[int] = []
        refused: list[int] = []

        def put(number: int) -> None:
            path, made = clones[number]
            project = Project.open(path)
            start.wait()
            try:
                wish = {"folder": f"/{strategy}", "make_folder": True}
                folder.put(project, id=made.id, conflict_strategy=strategy, **wish)  # type: ignore[arg-type]
                placed.append(number)
            except FileAlreadyExistsError:
                refused.append(number)

        threads = [threading.Thread(target=put, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(placed) + len(refused) == 8
        lies = {path: oid for path, oid in paths(hub).items() if path.startswith(f"/{strategy}/")}
        return placed, refused, lies

    placed, _, there = race("error")
    [winner] = placed
    assert there == {"/error/run": clones[winner][1].id}

    _, refused, there = race("new")
    assert refused == []
    assert set(there.values()) == {made.id for _, made in clones}
    assert "/new/run" in there

    _, refused, there = race("replace")
    assert refused == []
    assert list(there) == ["/replace/run"]
    last = Project.open(hub.clone(tmp_path / "reader").path)
    assert folder.find(last, path="/replace/run").id == there["/replace/run"]
    for number, (_, made) in enumerate(clones):
        assert artifact.inspect(last, artifact=f"run_{number}").id == made.id
    hub.git("fsck", "--strict")
    assert TRIES > 8


def test_without_a_remote_the_repository_itself_has_the_folders(repo: Repo):
    clone = Clone(repo)
    placed = clone.put("weights", "weights_1", folder="a", make_folder=True)
    assert placed is not None
    assert placed.remote == "."
    assert paths(repo) == {"/ada/a/weights": placed.id}
    assert [n.id for n in folder.ls(clone.project, path="a")] == [placed.id]
    assert folder.find(clone.project, path="a").kind == "folder"


def test_another_remote_and_another_user(hub: Repo, ada: Clone, tmp_path: Path):
    other = Repo.bare(tmp_path / "other.git")
    ada.repo.git("config", "datmo.remote", str(other.path))
    ada.repo.git("config", "datmo.user", "team")
    project = Project.open(ada.repo.path)
    made = ada.make("weights", "weights_1")
    placed = folder.put(project, id=made.id)
    assert placed is not None
    assert (placed.path, placed.host) == ("/team/default/weights", str(other.path))
    assert paths(hub) == {}
    assert list(paths(other)) == ["/team/default/weights"]


def test_what_is_no_path_and_no_strategy(ada: Clone, hub: Repo):
    made = ada.make("weights", "weights_1")
    for wrong in ("a/../b", "a\nb", "/"):
        with pytest.raises(ValidationFailed):
            folder.put(ada.project, id=made.id, folder=wrong, make_folder=True)
    with pytest.raises(ValidationFailed, match="at most"):
        folder.put(ada.project, id=made.id, folder="ä" * 60, make_folder=True)
    with pytest.raises(InvalidArgumentType):
        folder.put(ada.project, id=made.id, folder=3)  # type: ignore[arg-type]
    with pytest.raises(ValidationFailed, match=r"^Not supported conflict strategy: 'x'$"):
        folder.put(ada.project, id=made.id, conflict_strategy="x")
    with pytest.raises(PathDoesNotExist):
        folder.find(ada.project, path="/nobody/nothing")
    with pytest.raises(RemoteError):
        folder.put(ada.project, id=made.id, remote="elsewhere")
    assert hub.refs("refs/datmo*") == {}


def test_refs_that_nobody_wrote_mean_nothing(hub: Repo, ada: Clone):
    placed = ada.put("weights", "weights_1")
    assert placed is not None
    for name in (
        *("ada/default/UPPER", "ada/default/%zz", "ada/x.y.", "ada/default/..%2F"),
        *("ada/default/%2E%2E", "ada/default/a%2Fb", "ada/default/%1B%5B31m", "%2E/@folder"),
    ):
        ref = f"refs/datmo-folders/{name}".rstrip(".")
        hub.try_git("update-ref", ref, placed.id)
    blob = hub.git("hash-object", "-w", "--stdin", input="nothing of ours")
    hub.git("update-ref", "refs/datmo-folders/ada/default/blob", blob)
    listed = folder.ls(ada.project, path="default")
    assert [(n.title, n.kind) for n in listed] == [("blob", "other"), ("weights", "artifact")]
    assert [n.title for n in folder.ls(ada.project, path="/")] == ["ada"]


def test_what_is_purged_goes_from_folders_too(hub: Repo, ada: Clone):
    kept, gone = ada.put("kept", "kept_1"), ada.put("secret", "secret_1")
    assert gone is not None
    assert kept is not None
    done = purge.purge(ada.project, ids=[gone.id])
    assert [remote.error for remote in done.remotes] == [None]
    assert paths(hub) == {"/ada/default/kept": kept.id}
    assert gone.id not in hub.refs().values()


def test_cleanup_takes_the_folders_of_the_repository_itself(repo: Repo):
    clone = Clone(repo)
    clone.put("weights", "weights_1")
    assert paths(repo) != {}
    projects.cleanup(clone.project)
    assert repo.refs() == {}


def test_the_python_package_has_them(ada: Clone, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(ada.repo.path)
    made = ada.make("weights", "weights_1")
    placed = git_datmo.folder.put(made.id, "mine", make_folder=True)
    assert git_datmo.folder.find("mine/weights").id == placed.id
    assert [node.path for node in git_datmo.folder.ls("/")] == ["/ada"]
    assert git_datmo.folder.make("empty").path == "/ada/empty"
