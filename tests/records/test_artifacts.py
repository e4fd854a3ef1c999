"""Artifacts that a stranger wrote: what lies is damage, and keeps nobody from the rest."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import orjson
import pytest

from git_datmo.api import artifact as artifacts
from git_datmo.api.fsck import fsck
from git_datmo.errors import ArtifactNotFound, Conflict, Corrupt, DatmoError, NewerFormat
from git_datmo.model.artifact import MAX_VERSION
from git_datmo.records import artifacts as records
from git_datmo.records import layout
from git_datmo.records.project import Project
from git_datmo.storage.objects import BLOB, EMPTY_TREE, LINK, TREE
from git_datmo.storage.treeplan import GITLINK
from tests.kit.git import Repo
from tests.records.test_purging import AT, Clone

SORTED = orjson.OPT_SORT_KEYS
SAID = {"format": 1, "collection": "m", "name": "x", "version": 3, "files": 0, "size": 0}


class Stranger(Clone):
    """Someone who writes artifacts as he likes."""

    def artifact(
        self,
        said: object = SAID,
        *,
        place: str = "m/x/v3",
        objects: bytes | None = None,
        files: str | None = None,
        parents: tuple[str, ...] = (),
    ) -> str:
        data = said if isinstance(said, bytes) else orjson.dumps(said, option=SORTED) + b"\n"
        leaves: dict[bytes, tuple[int, str] | None] = {
            b"artifact.json": (BLOB, self.objects.write_blob(data))
        }
        if objects is not None:
            leaves[b"objects.jsonl"] = (BLOB, self.objects.write_blob(objects))
        if files is not None:
            leaves[b"files"] = (TREE, files)
        tree = self.objects.patch_tree(EMPTY_TREE, leaves)
        message = layout.message("x", {"Datmo-Artifact": place, "Datmo-Nonce": "1" * 32})
        return self.commit(message, tree, *parents)

    def tree(self, entries: Mapping[bytes, tuple[int, str]]) -> str:
        """A tree with any names: git itself would refuse some of them."""
        data = b"".join(
            b"%o %s\0%s" % (mode, name, bytes.fromhex(oid))
            for name, (mode, oid) in sorted(entries.items())
        )
        return self.objects.write("tree", data)

    def says(self, *oids: str) -> Project:
        self.tell({oid: self.line(AT, message="theirs") for oid in oids})
        return Project.open(self.repo.path)


@pytest.fixture
def stranger(project: Repo) -> Stranger:
    project.write("a", "mine")
    artifacts.create(Project.open(project.path), name="mine", paths=["a"])
    return Stranger(project)


LIES: dict[str, dict[str, object]] = {
    "no JSON": {"said": b"{"},
    "a list": {"said": []},
    "deep": {"said": b"[" * 100_000},
    "huge": {"said": b" " * (records.MAX_FACTS + 1)},
    "no format": {"said": {**SAID, "format": None}},
    "another name": {"said": {**SAID, "name": "y"}},
    "another collection": {"said": {**SAID, "collection": "n"}},
    "another version": {"said": {**SAID, "version": 4}},
    "a version that is no number": {"said": {**SAID, "version": True}},
    "a negative version": {"said": {**SAID, "version": -1}, "place": "m/x/v-1"},
    "a version that is too large": {
        "said": {**SAID, "version": MAX_VERSION + 1},
        "place": f"m/x/v{MAX_VERSION + 1}",
    },
    "no printable name": {"said": {**SAID, "name": "a\u001b[2J"}, "place": "m/a%1B%5B2%4A/v3"},
    "a name that climbs": {
        "said": {**SAID, "collection": "../.."},
        "place": "%2E%2E%2F%2E%2E/x/v3",
    },
    "a collection in two lines": {"said": {**SAID, "collection": "m\n"}, "place": "m%0A/x/v3"},
}


def test_lies_are_no_artifacts(stranger: Stranger) -> None:
    oids = {name: stranger.artifact(**lie) for name, lie in LIES.items()}  # type: ignore[arg-type]
    project = stranger.says(*oids.values())
    assert [one.reference for one in artifacts.ls(project, all=True)] == ["default/mine:v0"]
    for name, oid in oids.items():
        with pytest.raises(ArtifactNotFound):
            artifacts.inspect(project, artifact=oid)
        with pytest.raises(Corrupt):
            records.facts(project, project.repository.objects.commit(oid))
        assert name
    found = {finding.subject for finding in fsck(project, fast=True).findings}
    assert found == set(oids.values())
    assert artifacts.create(project, name="m/x", references=["r=s3://b"]).version == 0


def test_a_newer_format_says_so(stranger: Stranger) -> None:
    oid = stranger.artifact({**SAID, "format": 2})
    project = stranger.says(oid)
    with pytest.raises(NewerFormat):
        records.facts(project, project.repository.objects.commit(oid))
    assert [one.name for one in artifacts.ls(project)] == ["mine"]


def test_lists_of_objects_that_lie(stranger: Stranger) -> None:
    lines = {
        "climbs": b'{"path": "../x", "uri": "s3://b"}\n',
        "git": b'{"path": "a/.git/x", "uri": "s3://b"}\n',
        "absolute": b'{"path": "/etc/passwd", "uri": "s3://b"}\n',
        "no path": b'{"uri": "s3://b"}\n',
        "a number": b'{"path": 3, "uri": "s3://b"}\n',
        "no JSON": b"x\n",
        "half a letter": b'{"path": "\\ud800", "uri": "s3://b"}\n',
    }
    for version, (name, data) in enumerate(lines.items()):
        said = {**SAID, "version": version}
        oid = stranger.artifact(said, place=f"m/x/v{version}", objects=data)
        project = stranger.says(oid)
        assert len(artifacts.ls(project, all=True)) == 2, name
        with pytest.raises(Corrupt):
            artifacts.inspect(project, artifact=oid)
        assert [f.subject for f in fsck(project, fast=True).findings] == [oid]
    told = b'{"path": "a", "uri": "s3://b\\u001b[2J"}\n{"path": "b", "uri": "s3://b"}\n'
    project = stranger.says(oid := stranger.artifact(objects=told))
    entries = artifacts.inspect(project, artifact=oid).entries
    assert [(entry.path, entry.uri) for entry in entries] == [("b", "s3://b")]


def test_trees_that_would_climb_are_not_written(stranger: Stranger, tmp_path: Path) -> None:
    blob = stranger.objects.write_blob(b"evil")
    link = stranger.objects.write_blob(b"../../out")
    inner = stranger.tree({b"x": (BLOB, blob)})
    trees = {
        "dots": {b"..": (TREE, inner)},
        "git": {b".git": (TREE, inner)},
        "disguised": {b".GIT": (TREE, inner)},
        "slash": {b"a/b": (BLOB, blob)},
        "link out": {b"l": (LINK, link)},
        "a submodule": {b"l": (BLOB, link), b"m": (GITLINK, "1" * 40)},
        "absolute link": {b"l": (LINK, stranger.objects.write_blob(b"/etc"))},
    }
    oids = []
    for version, tree in enumerate(trees.values()):
        said = {**SAID, "version": version, "files": 1}
        place = f"m/x/v{version}"
        oids.append(stranger.artifact(said, place=place, files=stranger.tree(tree)))
    project = stranger.says(*oids)
    for oid in oids:
        with pytest.raises(DatmoError) as caught:
            artifacts.get(project, artifact=oid, into=tmp_path / "got" / "deep")
        assert isinstance(caught.value, Conflict | Corrupt)
        with pytest.raises(DatmoError):
            artifacts.get(project, artifact=oid)
    assert not (tmp_path / "out").exists()
    assert not any(path.is_file() for path in tmp_path.glob("got/**/*"))
    views = project.home / "views"
    assert not views.exists() or list(views.iterdir()) == []


def test_folders_without_a_bottom(stranger: Stranger, tmp_path: Path) -> None:
    tree = stranger.tree({b"f": (BLOB, stranger.objects.write_blob(b"x"))})
    for _ in range(600):
        tree = stranger.tree({b"d": (TREE, tree)})
    oid = stranger.artifact({**SAID, "files": 1, "size": 1}, files=tree)
    project = stranger.says(oid)
    with pytest.raises(DatmoError):
        artifacts.inspect(project, artifact=oid)
    with pytest.raises(DatmoError):
        artifacts.get(project, artifact=oid, into=tmp_path / "got")
    assert [f.subject for f in fsck(project, fast=True).findings] == [oid]


def test_the_last_number_that_there_is_blocks_nobody(stranger: Stranger) -> None:
    last = {**SAID, "version": MAX_VERSION}
    third = stranger.artifact()
    oid = stranger.artifact(last, place=f"m/x/v{MAX_VERSION}")
    project = stranger.says(third, oid)
    assert artifacts.inspect(project, artifact="m/x").version == MAX_VERSION
    made = artifacts.create(project, name="m/x", references=["r=s3://b"])
    assert made.version == 4
    assert project.repository.objects.commit(made.id).parents == (third,)
    artifacts.delete(project, artifact=oid)
    assert artifacts.inspect(project, artifact="m/x") == made
    assert artifacts.create(project, name="m/x", references=["r=s3://b"]).version == 5


def test_counts_that_lie_are_found(stranger: Stranger) -> None:
    files = stranger.tree({b"f": (BLOB, stranger.objects.write_blob(b"x"))})
    wrong = stranger.artifact({**SAID, "files": 7, "size": 2**62}, files=files)
    project = stranger.says(wrong)
    [finding] = fsck(project, fast=True).findings
    assert finding.kind == "artifact"
    assert "counts 7 files" in finding.message


def test_refs_with_names_of_nothing(project: Repo) -> None:
    made = artifacts.create(Project.open(project.path), name="x", references=["r=s3://b"])
    index = Project.open(project.path).index
    short = f"v0-{made.id[:7]}"
    assert records.named(index, f"default/x/{short}") == [made.id]
    for ref in ("default/x/v0", "default/x/v0-", "default/x/v1-" + short[3:], "default/X/" + short):
        assert records.named(index, ref) == []
    for ref in ("", "a", "a/b", "default/%zz/" + short, "default/x/v²-1", f"a/b/v{10**40}-1"):
        assert records.named(index, ref) == []
