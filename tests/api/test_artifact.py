"""Artifacts: what is recorded, how one is named, what is refused, and that no version is lost."""

from __future__ import annotations

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import git_datmo
from git_datmo.api import artifact as artifacts
from git_datmo.api.fsck import fsck
from git_datmo.errors import (
    AmbiguousId,
    ArtifactNotFound,
    Conflict,
    FileAlreadyExistsError,
    InvalidArgumentType,
    InvalidDestinationName,
    NoSpace,
    PathDoesNotExist,
    ReadOnlyRepository,
    RequiredArgumentMissing,
    UnsafeName,
    UnsafePath,
    ValidationFailed,
)
from git_datmo.model.artifact import Artifact
from git_datmo.records.project import Project
from tests.e2e.team import Team, large
from tests.kit.checks import assert_clean, untouched
from tests.kit.content import at_once, stored
from tests.kit.git import Repo
from tests.kit.program import datmo


def opened(repo: Repo) -> Project:
    return Project.open(repo.path)


def make(project: Project, name: str, *paths: str, **given: Any) -> Artifact:
    if not paths and "references" not in given:
        given["references"] = {"there": "s3://bucket/there"}
    return artifacts.create(project, name=name, paths=paths, **given)


def names(found: list[Artifact]) -> list[str]:
    return [one.reference for one in found]


def test_a_version_holds_what_was_given(project: Repo, tmp_path: Path) -> None:
    source = tmp_path / "out"
    (source / "sub" / "empty").mkdir(parents=True)
    (source / "w.bin").write_bytes(large(1))
    (source / "run.sh").write_text("#!/bin/sh\n")
    (source / "run.sh").chmod(0o755)
    (source / "sub" / "lïnk").symlink_to("../run.sh")
    (source / ".gitattributes").write_text("* text eol=crlf\n")
    (source / "eol.txt").write_bytes(b"a\r\nb\n")
    opn = opened(project)
    with untouched(project):
        made = artifacts.create(
            opn,
            name="models/resnet",
            paths=[str(source), (source / "eol.txt", "copy/of.txt")],
            references=["data.csv=s3://b/d.csv", "https://x.org/a/b.tar?y=1"],
            metadata={"f1": 0.9, "tags": ["a"]},
            message="first",
            label="best",
            checksums={"eol.txt": "0" * 32},
        )
    assert (made.reference, made.files, made.references) == ("models/resnet:v0", 6, 2)
    assert made.latest
    found = artifacts.inspect(opn, artifact="best")
    assert found == made
    assert (found.message, found.metadata) == ("first", {"f1": 0.9, "tags": ["a"]})
    kinds = {entry.path: entry.mode for entry in found.entries}
    assert kinds == {
        ".gitattributes": "file",
        "copy/of.txt": "file",
        "eol.txt": "file",
        "run.sh": "executable",
        "sub/empty": "folder",
        "sub/lïnk": "link",
        "w.bin": "file",
        "data.csv": "reference",
        "b.tar": "reference",
    }
    [eol] = [entry for entry in found.entries if entry.path == "eol.txt"]
    assert (eol.size, eol.md5) == (5, "0" * 32)
    assert found.read("w.bin") == large(1)
    with pytest.raises(PathDoesNotExist):
        found.read("nothing")

    done = artifacts.get(opn, artifact="models/resnet", into=tmp_path / "back")
    back = Path(done.path)
    assert done.notices
    assert "2 of its objects are references" in done.notices[0]
    assert (back / "eol.txt").read_bytes() == b"a\r\nb\n"
    assert os.readlink(back / "sub" / "lïnk") == "../run.sh"
    assert os.access(back / "run.sh", os.X_OK)
    assert (back / "sub/empty").is_dir()
    view = Path(artifacts.get(opn, artifact="models/resnet").path)
    assert (view / "w.bin").read_bytes() == large(1)
    assert not os.access(view / "w.bin", os.W_OK) or os.geteuid() == 0
    assert (view / "w.bin").stat().st_mode & 0o222 == 0
    assert artifacts.get(opn, artifact="models/resnet").path == str(view)
    assert_clean(project)


def test_versions_are_counted_and_named(project: Repo) -> None:
    opn = opened(project)
    first = make(opn, "a", metadata={"k": 0})
    second = make(opn, "a", metadata={"k": 1}, label="good", alternative_name="alt-1")
    other = make(opn, "a", collection="m:1")
    assert names([first, second, other]) == ["default/a:v0", "default/a:v1", "m:1/a:v0"]
    for text, wanted in {
        "a": second,
        "a:latest": second,
        "default/a": second,
        "a:v0": first,
        f"a:v0-{first.id[:7]}": first,
        first.id: first,
        first.id[:10]: first,
        "good": second,
        "alt-1": second,
        "m:1/a": other,
        "m:1/a:v0": other,
    }.items():
        assert artifacts.inspect(opn, artifact=text) == wanted, text
    for text in ("a:v2", "b", "m/a", "a:v0-0000000", "a:v01", "0" * 40, "good:v7", "é", "a\n"):
        with pytest.raises(ArtifactNotFound):
            artifacts.inspect(opn, artifact=text)
    with pytest.raises(ValueError):
        artifacts.inspect(opn, artifact="b")
    with pytest.raises(ValidationFailed):
        artifacts.inspect(opn, artifact="")
    with pytest.raises(InvalidArgumentType):
        artifacts.inspect(opn, artifact=3)  # type: ignore[arg-type]
    assert artifacts.collections(opn) == ["default", "m:1"]
    assert names(artifacts.ls(opn)) == ["m:1/a:v0", "default/a:v1"]
    assert names(artifacts.ls(opn, all=True, collection="default")) == [
        "default/a:v1",
        "default/a:v0",
    ]
    assert names(artifacts.ls(opn, where="metadata.k < 1", all=True)) == ["default/a:v0"]
    assert names(artifacts.ls(opn, name="m:1/a")) == ["m:1/a:v0"]
    assert names(artifacts.ls(opn, sort="-version", all=True, limit=1)) == ["default/a:v1"]
    parents = project.git("log", "--format=%H", second.id).split()
    assert parents == [second.id, first.id]


def test_names_that_git_or_a_disk_would_confuse(project: Repo) -> None:
    opn = opened(project)
    odd = [
        "A",
        "a",
        "x.lock",
        ".hidden",
        "a b",
        "~^*?[",
        "é/ü",
        "..",
        "v0",
        "a:b",
        "CON",
        "x" * 200,
    ]
    made = {name: make(opn, name, collection="Odd") for name in odd}
    assert len({one.id for one in made.values()}) == len(odd)
    for name, one in made.items():
        assert artifacts.inspect(opn, artifact=f"Odd/{name}") == one
        assert (one.name, one.version) == (name, 0)
    refs = project.refs("refs/datmo/artifacts")
    assert len({ref.lower() for ref in refs}) == len(odd)
    assert all(ref.isascii() for ref in refs)
    assert_clean(project)
    for name in ("", " ", "a\nb", "a\0", "/a", "a/", "a//b", "a:v3", "a:latest", "x" * 201, "\x1b"):
        with pytest.raises(ValidationFailed):
            make(opn, name, collection="Odd")
    with pytest.raises(InvalidArgumentType):
        artifacts.create(opn, name=7, references=["a=s3://b"])  # type: ignore[arg-type]
    for collection in ("", "a b", "a/b", "x\n", "é", "a.lock", ".", "x" * 201):
        with pytest.raises(ValidationFailed):
            make(opn, "a", collection=collection)
    assert len(project.refs("refs/datmo/artifacts")) == len(odd)


def test_what_is_refused_is_not_recorded(project: Repo, tmp_path: Path) -> None:
    opn = opened(project)
    bad = tmp_path / "bad"
    (bad / "in").mkdir(parents=True)
    (bad / "f").write_text("f")
    (tmp_path / "secret").write_text("s")
    before = project.refs()

    def refused(error: type[Exception], **given: object) -> None:
        with pytest.raises(error):
            artifacts.create(opn, name="x", **{"paths": [str(bad)], **given})  # type: ignore[arg-type]

    refused(PathDoesNotExist, paths=["no/such"])
    refused(RequiredArgumentMissing, paths=[])
    refused(InvalidArgumentType, paths="src")
    for dest in ("../out", "/abs", "a/../b", ".git", "a/.GIT/b", "a\0b", "git~1", "a//b"):
        refused(ValidationFailed, paths=[(str(bad / "f"), dest)])
        refused(ValidationFailed, paths=[], references={dest: "s3://b"})
    refused(FileAlreadyExistsError, paths=[f"{bad / 'f'}>x", f"{tmp_path / 'secret'}>x"])
    refused(FileAlreadyExistsError, paths=[f"{bad / 'f'}>x", f"{tmp_path / 'secret'}>x/y"])
    refused(FileAlreadyExistsError, references={"f": "s3://b"})
    refused(FileAlreadyExistsError, references={"f/g": "s3://b"})
    refused(ValidationFailed, references={"r": "s3://b\n"})
    refused(ValidationFailed, references={"r": ""})
    refused(ValidationFailed, checksums={"f": "no"})
    refused(ValidationFailed, message=3)
    refused(ValidationFailed, message="a\0b")
    refused(InvalidDestinationName, checksums={"../f": "0" * 32})
    for target in ("../../secret", "/etc/passwd", "../..", "../in/../../x"):
        (bad / "in" / "link").symlink_to(target)
        refused(UnsafePath)
        (bad / "in" / "link").unlink()
    (bad / "in" / "up").symlink_to("..")
    (bad / "in" / "link").symlink_to("up/../secret")
    refused(UnsafePath)
    (bad / "in" / "link").unlink()
    os.mkfifo(bad / "in" / "fifo")
    refused(Conflict)
    (bad / "in" / "fifo").unlink()
    (bad / "in" / ".git").mkdir()
    (bad / "in" / ".git" / "config").write_text("")
    refused(UnsafeName)
    shutil.rmtree(bad / "in" / ".git")
    (bad / "in" / ".gitmodules").symlink_to("f")
    refused(UnsafeName)
    (bad / "in" / ".gitmodules").unlink()
    (bad / "in" / ".GitAttributes").mkdir()
    refused(UnsafeName)
    for name in ("M" * 77, "名" * 26):
        with pytest.raises(ValidationFailed, match="characters in a ref"):
            make(opn, name)
    with open(bad / "f", "wb") as sparse:
        sparse.truncate(1 << 43)
    with pytest.raises(NoSpace) as caught:
        make(opn, "x", str(bad / "f"))
    assert "ignore" not in (caught.value.hint or ""), "what is ignored goes in as well"
    assert project.refs() == before
    assert artifacts.ls(opn, all=True) == []
    assert_clean(project)


def test_what_git_reads_as_its_own_settings_can_be_pushed(project: Repo, tmp_path: Path) -> None:
    """Servers with `transfer.fsckObjects` refuse every push that holds such bytes as objects."""
    files = {
        ".gitmodules": b'[submodule "a"]\n\tpath = -x\n\turl = -u./payload\n',
        ".gitattributes": b"a" * 3000 + b" text\n",
        "sub/.GITMODULES": b'[submodule "../a"]\n\turl = x\n',
    }
    (tmp_path / "s" / "sub").mkdir(parents=True)
    for name, data in files.items():
        (tmp_path / "s" / name).write_bytes(data)
    opn = opened(project)
    made = make(opn, "x", str(tmp_path / "s"))
    strict = Repo.bare(tmp_path / "strict")
    strict.git("config", "receive.fsckObjects", "true")
    project.git("push", "-q", str(strict.path), f"{made.id}:refs/heads/x")
    assert made.size == sum(map(len, files.values()))
    assert {name: made.read(name) for name in files} == files
    done = artifacts.get(opn, artifact="x", into=tmp_path / "back")
    assert {name: (Path(done.path) / name).read_bytes() for name in files} == files
    assert fsck(opn).findings == (), "git may warn of a pointer there, and takes it"


def test_get_merges_and_leaves_what_differs(project: Repo, tmp_path: Path) -> None:
    opn = opened(project)
    source, target = tmp_path / "s", tmp_path / "t"
    (source / "d").mkdir(parents=True)
    (source / "a").write_text("1")
    (source / "d" / "b").write_text("2")
    make(opn, "x", str(source))
    target.mkdir()
    (target / "mine").write_text("m")
    assert artifacts.get(opn, artifact="x", into=target).written == 2
    (target / "a").write_text("other")
    with pytest.raises(FileAlreadyExistsError, match=r"differ from those of default/x:v0: a$"):
        artifacts.get(opn, artifact="x", into=target)
    assert (target / "a").read_text() == "other"
    assert artifacts.get(opn, artifact="x", into=target, force=True).written == 1
    assert sorted(path.name for path in target.iterdir()) == ["a", "d", "mine"]
    part = artifacts.get(opn, artifact="x", into=tmp_path / "p", path="d")
    assert [str(path.relative_to(part.path)) for path in Path(part.path).rglob("*")] == ["d", "d/b"]
    for path in (
        "zzz",
        "../d",
        "../../..",
        "/etc",
        "/",
        "d/../a",
        "a/b",
        "\udcff",
        "\ud800",
        ".git",
    ):
        with pytest.raises(PathDoesNotExist):
            artifacts.get(opn, artifact="x", into=tmp_path / "q", path=path)
        with pytest.raises(PathDoesNotExist):
            artifacts.get(opn, artifact="x", path=path)
        with pytest.raises(PathDoesNotExist):
            artifacts.inspect(opn, artifact="x").read(path)
    assert not (tmp_path / "q").exists()
    (tmp_path / "evil").symlink_to(tmp_path / "out")
    (tmp_path / "out").mkdir()
    (tmp_path / "u").mkdir()
    (tmp_path / "u" / "d").symlink_to(tmp_path / "out")
    with pytest.raises(Conflict):
        artifacts.get(opn, artifact="x", into=tmp_path / "u", force=True)
    assert list((tmp_path / "out").iterdir()) == []
    with pytest.raises(Conflict):
        artifacts.get(opn, artifact="x", into=source / "a")


def test_deleted_versions_keep_their_number_and_come_back(project: Repo) -> None:
    at_once(project)
    opn = opened(project)
    project.write("w.bin", large(1))
    first = make(opn, "x", "w.bin", label="one")
    project.write("w.bin", large(2))
    second = make(opn, "x", "w.bin")
    refs = project.refs("refs/datmo/artifacts")
    gone = artifacts.delete(opn, artifact="x")
    assert (gone.id, gone.deleted) == (second.id, True)
    assert names(artifacts.ls(opn)) == ["default/x:v0"]
    assert artifacts.inspect(opn, artifact="x") == first
    assert artifacts.inspect(opn, artifact="x").latest
    assert names(artifacts.ls(opn, deleted=True)) == ["default/x:v1"]
    with pytest.raises(ArtifactNotFound):
        artifacts.delete(opn, artifact="x:v1")
    third = make(opn, "x")
    assert third.version == 2, "a number is given once"
    assert artifacts.undelete(opn, artifact="x").id == second.id
    artifacts.delete(opn, artifact="one")
    assert artifacts.undelete(opn, artifact="one").id == first.id
    assert artifacts.undelete(opn, artifact="x:v2") == third
    assert project.refs("refs/datmo/artifacts").items() > refs.items()
    artifacts.delete(opn, artifact=second.id)
    datmo("gc", "--yes", cwd=project.path)
    assert large(2) not in stored(project)
    assert large(1) in stored(project)
    back = artifacts.undelete(opened(project), artifact=second.id[:12])
    assert "w.bin" in back.notices[0]
    with pytest.raises(ArtifactNotFound):
        artifacts.undelete(opn, artifact="never")


def test_update_and_diff(project: Repo) -> None:
    opn = opened(project)
    project.write("d/a", "1")
    project.write("d/b", large(3))
    one = make(opn, "x", "d", metadata={"acc": 1, "k": "v"}, references={"r": "s3://b/1"})
    project.write("d/a", "22")
    (project.path / "d/b").unlink()
    two = make(opn, "x", "d", metadata={"acc": 2, "k": "v"}, references={"r": "s3://b/2"})
    found = artifacts.diff(opn, before="x:v0")
    assert (found.before, found.after) == (one.id, two.id)
    assert [(c.path, c.status, c.before_size, c.after_size) for c in found.files] == [
        ("a", "M", 1, 2),
        ("b", "D", len(large(3)), None),
    ]
    assert [(c.key, c.before, c.after) for c in found.uris] == [("r", "s3://b/1", "s3://b/2")]
    assert [(c.key, c.delta) for c in found.metadata] == [("acc", 1)]
    assert artifacts.diff(opn, before="x", after="x").empty
    changed = artifacts.update(opn, artifact="x", message="words", label="l")
    assert (changed.message, changed.label, changed.id) == ("words", "l", two.id)
    assert artifacts.update(opn, artifact="l", label="").label is None
    assert [c.key for c in artifacts.diff(opn, before="x:v0").attributes] == ["message"]
    with pytest.raises(RequiredArgumentMissing):
        artifacts.update(opn, artifact="x")
    with pytest.raises(ValidationFailed):
        artifacts.update(opn, artifact="x", label=3)  # type: ignore[arg-type]


def test_few_refs_are_kept(project: Repo) -> None:
    project.git("config", "datmo.maxRefs", "4")
    opn = opened(project)
    first = make(opn, "x", label="kept")
    made = [make(opn, "x") for _ in range(12)]
    held = set(project.refs("refs/datmo/artifacts").values())
    assert len(held) < 10
    assert {first.id, made[-1].id} <= held
    assert len(artifacts.ls(opn, all=True)) == 13
    assert_clean(project)


def test_threads_lose_no_version(project: Repo) -> None:
    def write(number: int) -> int:
        return make(opened(project), "shared", metadata={"by": number}).version

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(write, range(8))) == list(range(8))
    found = artifacts.ls(opened(project), name="shared", all=True)
    assert sorted(one.version for one in found) == list(range(8))
    assert {one.metadata["by"] for one in found} == set(range(8))
    assert_clean(project)


def test_the_front_door(project: Repo) -> None:
    project.write("m/a.txt", "a")
    made = git_datmo.artifact.create("models/a", ["m"], metadata={"k": 1})
    assert isinstance(made, git_datmo.Artifact)
    assert git_datmo.artifact.inspect(made) == made
    assert git_datmo.artifact.get(made, "out").written == 1
    assert project.read("out/a.txt") == b"a"
    assert git_datmo.artifact.ls().rows()[0]["metadata.k"] == 1
    assert git_datmo.artifact.diff(made, made).empty
    assert git_datmo.artifact.collections() == ["models"]


def test_where_nothing_can_be_written(project: Repo) -> None:
    opn = opened(project)
    project.write("a.txt", "a")
    made = make(opn, "x", "a.txt")
    for folder, _, _ in os.walk(project.git_dir):
        os.chmod(folder, 0o555)
    try:
        again = opened(project)
        assert artifacts.inspect(again, artifact="x") == made
        assert artifacts.inspect(again, artifact="x").read("a.txt") == b"a"
        assert artifacts.get(again, artifact="x", into=project.path / "out").written == 1
        if os.geteuid() != 0:
            with pytest.raises(ReadOnlyRepository):
                make(again, "x", "a.txt")
    finally:
        for folder, _, _ in os.walk(project.git_dir):
            os.chmod(folder, 0o755)


def test_two_clones_may_make_one_number(tmp_path: Path) -> None:
    team = Team(tmp_path)
    ada, bob = team.clone("ada"), team.clone("bob")
    one, two = make(opened(ada), "x"), make(opened(bob), "x")
    assert one.version == two.version == 0
    for repo in (ada, bob, ada):
        datmo("push", cwd=repo.path)
        datmo("pull", cwd=repo.path)
    for repo in (ada, bob):
        opn = opened(repo)
        with pytest.raises(AmbiguousId) as caught:
            artifacts.inspect(opn, artifact="x:v0")
        assert set(caught.value.candidates) == {one.id, two.id}
        assert artifacts.inspect(opn, artifact=f"x:v0-{one.id[:7]}") == one
        assert artifacts.inspect(opn, artifact="x") in (one, two)
    artifacts.delete(opened(bob), artifact=one.id)  # now one alone is meant
    assert artifacts.inspect(opened(bob), artifact="x:v0") == two
    assert artifacts.undelete(opened(bob), artifact="x:v0") == one, "the deleted one is meant"
    assert names(artifacts.ls(opened(bob), all=True)) == ["default/x:v0"] * 2
    assert make(opened(bob), "x").version == 1
    assert_clean(bob)
