"""The pointer files that keep hosts from freeing what we put."""

from __future__ import annotations

import hashlib
import subprocess

import pytest

from git_datmo.remotes.lfs.batch import Object
from git_datmo.remotes.lfs.pointerfiles import text_of
from git_datmo.storage.store import Store
from tests.contracts.places.ground import fill, nothing, some
from tests.kit.git import Repo
from tests.kit.lfsserver import Field


@pytest.fixture
def here(lfs_field: Field) -> Store:
    return Store(lfs_field.root / "here" / "store")


def pointer_ref(origin: Repo) -> str:
    [name] = [name for name in origin.refs("refs/datmo-store") if name.endswith("/pointers")]
    return name


def named(origin: Repo) -> set[str]:
    """The objects that a writer's pointer files name."""
    paths = origin.tree(pointer_ref(origin)).items()
    blobs = {path: facts for path, facts in paths if " blob " in facts and path[0] != "."}
    for path, facts in blobs.items():
        text = origin.git("cat-file", "blob", facts.split()[-1])
        assert f"oid sha256:{path.replace('/', '')}\n" in text
    return {path.replace("/", "") for path in blobs}


@pytest.mark.usefixtures("git_lfs")
def test_they_are_what_git_lfs_writes(repo: Repo) -> None:
    data = some(1, 12_345)
    clean = subprocess.run(["git", "lfs", "clean"], input=data, capture_output=True, check=True)
    written = text_of(Object(hashlib.sha256(data).hexdigest(), len(data)))
    assert written == clean.stdout
    check = subprocess.run(
        ["git", "lfs", "pointer", "--check", "--strict", "--stdin"], input=written, check=False
    )
    assert check.returncode == 0


def test_each_push_adds_its_own(lfs_field: Field, here: Store) -> None:
    place = lfs_field.clone("a")
    first = fill(here, some(1, 1000), b"")
    place.put(here, first, nothing)
    assert named(lfs_field.origin) == {lfs_field.oid(first[0])}  # empty files need none
    second = fill(here, some(2, 1000), some(3, 1000))
    place.put(here, second, nothing)
    assert named(lfs_field.origin) == lfs_field.server.oids
    before = lfs_field.origin.refs()
    place.put(here, [*first, *second], nothing)
    assert lfs_field.origin.refs() == before


def test_a_clone_that_lost_its_notes_begins_anew(lfs_field: Field, here: Store) -> None:
    pointers = fill(here, some(1, 1000), some(2, 1000))
    lfs_field.clone("a").put(here, pointers[:1], nothing)
    lfs_field.clone("b").put(here, pointers, nothing)
    refs = lfs_field.origin.refs("refs/datmo-store")
    assert sorted(name.rpartition("/")[2] for name in refs) == ["list", "list"] + ["pointers"] * 2


def test_pointers_that_went_alone_come_back(lfs_field: Field, here: Store) -> None:
    place = lfs_field.clone("a")
    place.put(here, fill(here, some(1, 1000)), nothing)
    lfs_field.origin.git("update-ref", "-d", pointer_ref(lfs_field.origin))
    place.put(here, fill(here, some(2, 1000)), nothing)
    assert named(lfs_field.origin) == lfs_field.server.oids
    assert len(lfs_field.server.oids) == 2


@pytest.mark.parametrize("kind", ["blob", "tree", "tag"])
def test_something_else_on_the_ref_is_replaced(lfs_field: Field, here: Store, kind: str) -> None:
    place, origin = lfs_field.clone("a"), lfs_field.origin
    place.put(here, fill(here, some(1, 1000)), nothing)
    ref = pointer_ref(origin)
    other = {
        "blob": lambda: origin.git("hash-object", "-w", "--stdin", input="x"),
        "tree": lambda: origin.git("mktree", input=""),
        "tag": lambda: origin.git(
            "mktag",
            input=f"object {origin.refs()[ref]}\ntype commit\ntag x\ntagger a <a@b> 1 +0000\n\nx\n",
        ),
    }[kind]()
    origin.git("update-ref", ref, other)
    place.put(here, fill(here, some(2, 1000)), nothing)
    assert named(origin) == lfs_field.server.oids
