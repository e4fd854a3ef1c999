"""Artifacts in folders of a remote: what em.upload and Artifact.upload send, and what
load_artifact brings."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from git_datmo.compat import em
from git_datmo.errors import RemoteError
from tests.kit.checks import assert_clean
from tests.kit.git import Repo


def paths(hub: Repo) -> dict[str, str]:
    found = hub.refs("refs/datmo-folders/")
    return {name.removeprefix("refs/datmo-folders"): oid for name, oid in found.items()}


def make(name: str = "weights", text: str = "one") -> em.Artifact:
    made = em.create_artifact(name, labels=["x"], description="of a model")
    Path("w.bin").write_text(text)
    made.add_file("w.bin", "a/w.bin")
    made.add_reference("s3://bucket/data", "data")
    return made


def test_an_artifact_goes_to_a_folder_and_comes_back_elsewhere(hub: Repo, go: Callable[..., Repo]):
    ada = go("ada")
    made = make()
    assert made.upload() is not None
    assert list(paths(hub)) == ["/ada/default/weights"]
    [note] = made.remote
    assert (note["action"], note["path"]) == ("upload", "/ada/default/weights")
    assert note["host"] == str(hub.path)
    assert note["id"] == paths(hub)["/ada/default/weights"]
    assert em.load_artifact(made.local).remote == [note], "what is on the disk says so too"
    assert_clean(ada)

    go("bob")
    found = em.load_artifact("/ada/default/weights")
    assert found.alternative_name == made.alternative_name
    assert (Path(found.local) / "a" / "w.bin").read_text() == "one"
    assert found.objects["data"]["uri"] == "s3://bucket/data"
    assert found.objects["a/w.bin"]["checksum"] == made.objects["a/w.bin"]["checksum"]
    assert [note["action"] for note in found.remote] == ["download"]


def test_again_is_the_same_place_and_brings_what_changed(hub: Repo, go: Callable[..., Repo]):
    go("ada")
    made = make()
    made.upload()
    before = paths(hub)
    made.upload()
    assert paths(hub) == before
    assert len(made.remote) == 1, "nothing new is noted where nothing changed"
    Path("more").write_text("two")
    made.add_file("more")
    made.upload(conflict_strategy="error")
    after = paths(hub)
    assert list(after) == list(before)
    assert after != before
    assert made.remote[-1]["id"] == after["/ada/default/weights"]
    go("bob")
    assert "more" in em.load_artifact("/ada/default/weights").objects


def test_names_that_are_taken(hub: Repo, go: Callable[..., Repo], capsys):
    go("ada")
    first = make()
    first.upload("/team", make_folder=True)
    go("bob")
    second = make(text="another")
    with pytest.raises(RuntimeError, match=r"^Artifact already exists in Folder /team: 'weights'$"):
        second.upload("/team", conflict_strategy="error")
    assert second.upload("/team", conflict_strategy="skip") is None
    assert second.remote == []
    with pytest.raises(ValueError, match=r"^Not supported conflict strategy: 'x'$"):
        second.upload("/elsewhere", conflict_strategy="x")
    with pytest.raises(ValueError, match=r"^Folder does not exist: '/bob/nowhere'$"):
        second.upload("nowhere")
    with pytest.raises(RuntimeError, match="no folder"):
        second.upload("/team/weights/inside", make_folder=True)
    assert list(paths(hub)) == ["/team/weights"]
    second.upload("/team/")
    assert set(paths(hub)) == {"/team/weights", f"/team/{second.alternative_name}"}
    third = make(text="third")
    third.upload("/team", conflict_strategy="replace")
    assert third.remote[-1]["path"] == "/team/weights"
    go("ada")
    assert em.load_artifact("/team/weights").alternative_name == third.alternative_name


def test_all_of_a_directory_go(hub: Repo, go: Callable[..., Repo]):
    go("ada")
    names = {make(name).name for name in ("one", "two")}
    Path(".em/artifacts/notes").mkdir()
    em.upload(Path(".em/artifacts"), folder="all", make_folder=True)
    assert set(paths(hub)) == {f"/ada/all/{name}" for name in names}
    one = next(Path(".em/artifacts").glob("one_*"))
    em.upload(os.fspath(one), folder="single", make_folder=True)
    assert "/ada/single/one" in paths(hub)


def test_directories_without_anything_to_send(go: Callable[..., Repo], tmp_path: Path):
    go("ada")
    for place in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(RuntimeError, match=r"^No Run/Artifact is to be uploaded$"):
            em.upload(place)
    odd = tmp_path / "odd_261121_000000_abcdef"
    odd.mkdir()
    with pytest.raises(RuntimeError, match=r"^No Run/Artifact is to be uploaded$"):
        em.upload(odd)
    (odd / "metadata.yaml").write_text("kind: AutoTune\n")
    with pytest.raises(RuntimeError, match=r"^Invalid kind: 'AutoTune'$"):
        em.upload(odd)


def test_a_remote_that_cannot_be_reached_leaves_no_trace(hub: Repo, go: Callable[..., Repo]):
    go("ada")
    made = make()
    em.login("/nowhere/at/all.git")
    with pytest.raises(RemoteError):
        made.upload()
    assert made.remote == []
    em.login()
    made.upload()
    assert len(made.remote) == 1


def test_outside_of_a_repository_it_goes_where_the_login_says(
    hub: Repo, go: Callable[..., Repo], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    away = tmp_path / "away"
    away.mkdir()
    monkeypatch.chdir(away)
    em.login(str(hub.path))
    made = make()
    made.upload()
    [path] = paths(hub)
    assert path.endswith("/default/weights")
    go("bob")
    assert em.load_artifact(path).name == "weights"
