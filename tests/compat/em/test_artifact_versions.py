"""em.Artifact in the repository: recorded as versions, loaded again here and elsewhere."""

from __future__ import annotations

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from git_datmo.api import artifact as artifacts
from git_datmo.compat import em
from git_datmo.compat.em import place
from git_datmo.compat.em.absence import NotHere
from git_datmo.errors import ArtifactNotFound, UnsafePath
from tests.kit.checks import assert_clean, untouched
from tests.kit.git import Repo


@pytest.fixture(autouse=True)
def repository(repo: Repo) -> Repo:
    """Everything here goes on in a repository."""
    return repo


def filled(name: str = "data") -> em.Artifact:
    """An artifact with an object of every kind."""
    Path("src/deep/empty").mkdir(parents=True, exist_ok=True)
    Path("src/tool").write_bytes(b"#!/bin/sh\r\n")
    Path("src/tool").chmod(0o755)
    Path("src/deep/ü.txt").write_bytes(b"\xc3\xbc")
    made = em.create_artifact(name, labels=["raw", "v1"], description="all kinds\nof things")
    made.add_dir("src")
    made.add_file("src/tool", "metadata.yaml")
    made.add_file("src/tool", "references.yaml/inner")
    made.add_reference("s3://bucket/far.csv", "far/ü.csv")
    return made


def contents(folder: Path) -> dict[str, tuple[int, bytes | None]]:
    """Path -> mode and bytes of all below a folder but metadata.yaml."""
    return {
        str(path.relative_to(folder)): (
            path.lstat().st_mode,
            path.read_bytes() if path.is_file() else None,
        )
        for path in sorted(folder.rglob("*"))
        if path != folder / "metadata.yaml"
    }


def test_a_version_is_all_that_the_artifact_is(repository: Repo):
    Path(".gitattributes").write_text("* text=auto eol=lf\n")
    made = filled()
    project = place.required()
    with untouched(repository):
        version = made.seal(project)
    assert version.reference == f"em/{made.alternative_name}:v0"
    assert version.alternative_name == made.alternative_name
    assert dict(version.metadata) == {
        "name": "data",
        "labels": ["raw", "v1"],
        "description": "all kinds\nof things",
        "createdTimestamp": made.created_timestamp,
    }
    modes = {entry.path: entry.mode for entry in version.entries}
    assert modes == {
        "far/ü.csv": "reference",
        "metadata.yaml": "executable",
        "references.yaml/inner": "executable",
        "src/deep/empty": "folder",
        "src/deep/ü.txt": "file",
        "src/tool": "executable",
    }
    for entry in version.entries:
        said = made.objects.get(entry.path, {})
        assert entry.md5 == said.get("checksum")
        assert entry.uri == said.get("uri")
    assert version.read("src/tool") == b"#!/bin/sh\r\n"
    assert_clean(repository)


def test_the_same_content_is_the_same_version():
    made = filled()
    project = place.required()
    first = made.seal(project)
    assert made.seal(project) is first
    assert em.load_artifact(made.local).seal(project) == first
    made.add_file("src/tool", "src/tool")
    assert made.seal(project) == first
    # Its name for uploads is a matter of this machine.
    made.remote.append({"action": "upload"})
    made._save()
    assert em.load_artifact(made.local).seal(project) == first


def test_each_change_makes_a_version_and_going_back_none():
    made = filled()
    project = place.required()
    first = made.seal(project)
    made.add_reference("s3://bucket/far.csv", "near.csv")
    second = made.seal(project)
    # Written there by hand, of equal size and within the same moment.
    inside = Path(made.local) / "src/deep/ü.txt"
    inside.write_bytes(b"\xc3\xb6")
    third = made.seal(project)
    inside.chmod(0o755)
    fourth = made.seal(project)
    (Path(made.local) / "src/deep/empty").rmdir()
    fifth = made.seal(project)
    assert [v.version for v in (first, second, third, fourth, fifth)] == [0, 1, 2, 3, 4]
    inside.chmod(0o644)
    (Path(made.local) / "src/deep/empty").mkdir()
    inside.write_bytes(b"\xc3\xbc")
    assert made.seal(project) == second
    assert len(artifacts.ls(project, collection="em", all=True)) == 5


def test_one_without_objects_is_recorded_too(repository: Repo):
    made = em.create_artifact("nothing-yet")
    project = place.required()
    version = made.seal(project)
    assert version.entries == ()
    shutil.rmtree(made.local)
    loaded = em.load_artifact(made.alternative_name)
    assert loaded.to_dict() == made.to_dict()
    assert loaded.objects == {}
    assert loaded.seal(project) == version
    assert_clean(repository)


def test_it_is_made_again_from_the_repository(monkeypatch: pytest.MonkeyPatch):
    made = filled()
    project = place.required()
    version = made.seal(project)
    before = contents(Path(made.local))
    for name in (
        made.alternative_name,
        version.id,
        version.id[:9],
        f"em/{made.alternative_name}",
        version.reference,
    ):
        shutil.rmtree(".em/artifacts")
        loaded = em.load_artifact(name)
        assert loaded.local == made.local
        assert loaded.to_dict() == made.to_dict()
        assert loaded.objects == made.objects
        assert contents(Path(loaded.local)) == before
        assert loaded.seal(project) == version
    # Nothing half-made stays beside it.
    assert os.listdir(".em/artifacts") == [made.alternative_name]


def test_a_directory_that_holds_something_else_is_left_alone():
    made = filled()
    project = place.required()
    first = made.seal(project)
    assert em.load_artifact(first.id).local == made.local
    made.add_file("src/tool", "more")
    mine = contents(Path(made.local))
    again = em.load_artifact(first.id)
    assert Path(again.local) == Path(made.local).parent / first.id[:7] / made.alternative_name
    assert "more" not in again.objects
    assert again.seal(project) == first
    assert em.load_artifact(first.id).local == again.local
    (Path(again.local) / "src/tool").write_text("other")
    third = em.load_artifact(first.id)
    assert Path(third.local).parent.name == f"{first.id[:7]}-2"
    assert contents(Path(made.local)) == mine
    # By its name it is the directory, with what was not recorded yet.
    assert "more" in em.load_artifact(made.alternative_name).objects


def test_artifacts_of_others_are_loaded_too():
    project = place.required()
    Path("in/sub").mkdir(parents=True)
    Path("in/a").write_text("a")
    Path("in/metadata.yaml").write_text("theirs")
    Path("in/sub/link").symlink_to("../a")
    Path("in/top").symlink_to("sub")
    version = artifacts.create(
        project,
        name="Rés/net 50",
        collection="models",
        paths=[(Path("in").absolute(), "")],
        references={"far": "s3://far"},
        message="what it is",
    )
    loaded = em.load_artifact("models/Rés/net 50:v0")
    assert loaded.name == "Rés/net 50"
    assert loaded.description == "what it is"
    assert loaded.alternative_name.startswith("R-s-net-50_")
    assert sorted(loaded.objects) == ["a", "far", "metadata.yaml", "sub/link"]
    assert loaded.objects["sub/link"]["checksum"] == loaded.objects["a"]["checksum"]
    assert os.readlink(Path(loaded.local) / "sub/link") == "../a"
    assert em.load_artifact(version.id).local == loaded.local
    # As an artifact of em it is one of its own, and stays the same.
    sealed = loaded.seal(project)
    assert sealed.reference == f"em/{loaded.alternative_name}:v0"
    assert em.load_artifact(loaded.local).seal(project) == sealed
    (Path(loaded.local) / "out").symlink_to("/etc/hostname")
    with pytest.raises(UnsafePath, match="leads out"):
        loaded.seal(project)


def test_names_of_others_never_lead_out():
    project = place.required()
    Path("a").write_text("a")
    for number, bad in enumerate(("../../out", "/abs", "a/b", "..", "x" * 300)):
        version = artifacts.create(
            project,
            name=f"n{number}",
            paths=[(Path("a").absolute(), "a")],
            alternative_name=bad,
            metadata={"name": {"no": "text"}, "labels": "odd", "description": 3},
        )
        loaded = em.load_artifact(version.id)
        assert Path(loaded.local).parent == Path(".em/artifacts")
        assert loaded.name == f"n{number}"
        assert loaded.labels == []
        assert (Path(loaded.local) / "a").read_text() == "a"


def test_ranks_that_load_at_once_share_one_directory():
    made = filled()
    version = made.seal(place.required())
    shutil.rmtree(made.local)
    with ThreadPoolExecutor(4) as pool:
        loaded = list(pool.map(em.load_artifact, [version.id] * 4))
    assert {one.local for one in loaded} == {made.local}
    assert os.listdir(".em/artifacts") == [made.alternative_name]
    assert loaded[0].objects == made.objects


def test_what_is_nowhere_is_said():
    em.create_artifact("data")
    for kind in (RuntimeError, OSError):
        with pytest.raises(kind, match=r"^Not a local directory or a remote path: 'no/such'$"):
            em.load_artifact("no/such")
    for odd in ("", "a\0b", "x:v9", "../..x"):
        with pytest.raises(NotHere):
            em.load_artifact(odd)


def test_a_deleted_version_is_loaded_no_more():
    made = filled()
    project = place.required()
    version = made.seal(project)
    artifacts.delete(project, artifact=version.id)
    shutil.rmtree(made.local)
    with pytest.raises(RuntimeError, match="Not a local directory"):
        em.load_artifact(made.alternative_name)
    with pytest.raises(ArtifactNotFound):
        artifacts.inspect(project, artifact=made.alternative_name)


def test_many_files_large_ones_and_a_second_clone(repository: Repo, tmp_path: Path):
    repository.git("config", "datmo.largeFile", "1k")
    Path("many").mkdir()
    for number in range(300):
        Path(f"many/{number:03}").write_bytes(b"%d" % number * (1 if number else 5000))
    made = em.create_artifact("many")
    made.add_dir("many", "files")
    project = place.required()
    version = made.seal(project)
    assert version.files == 300
    assert len(made.objects) == 300
    shutil.rmtree(made.local)
    assert em.load_artifact(version.id).objects == made.objects
    assert_clean(repository)


def test_outside_of_any_repository_there_is_one_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "alone").mkdir()
    monkeypatch.chdir(tmp_path / "alone")
    made = filled()
    version = made.seal(place.required())
    assert not Path(".git").exists()
    shutil.rmtree(made.local)
    assert em.load_artifact(version.id).objects == made.objects
