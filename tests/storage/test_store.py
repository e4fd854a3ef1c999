"""The store: one name for one content, damage set aside and repaired, nothing left half done."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from git_datmo.errors import ContentMissing, DamagedContent, NoSpace
from git_datmo.model.pointer import Pointer
from git_datmo.storage.store import Store
from tests.kit.capture import pointer as expected_pointer


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "datmo" / "store")


def ingest(store: Store, data: bytes, *, sync: bool = False) -> Pointer:
    source = store.folder.parent.parent / "source"
    source.parent.mkdir(parents=True, exist_ok=True)
    source.write_bytes(data)
    with source.open("rb") as file:
        return store.ingest(file.fileno(), sync=sync)


def read(store: Store, pointer: Pointer) -> bytes:
    with open(store.open(pointer), "rb") as file:
        return file.read()


def spoil(path: Path, data: bytes) -> None:
    path.chmod(0o644)
    path.write_bytes(data)


@pytest.mark.parametrize("size", [0, 1, 262_143, 262_144, 262_145, 9_000_000])
def test_content_comes_back_under_the_name_of_its_digests(store: Store, size: int):
    data = os.urandom(size)
    pointer = ingest(store, data, sync=True)
    assert pointer.encode() == expected_pointer(data)
    assert read(store, pointer) == data
    assert store.path(pointer).stat().st_mode & 0o777 == 0o444


def test_the_same_content_is_kept_once(store: Store):
    assert ingest(store, b"same") == ingest(store, b"same")
    assert len(list(store.files())) == 1
    assert not list(store.folder.glob("tmp-*"))


@pytest.mark.parametrize("damage", [b"", b"jood", b"goo", b"good and more"])
@pytest.mark.parametrize("stamps", ["kept", "deleted", "garbage"])
def test_damage_is_set_aside_and_repaired_by_the_next_good_content(
    store: Store, damage: bytes, stamps: str
):
    pointer = ingest(store, b"good")
    path = store.path(pointer)
    spoil(path, damage)
    if stamps != "kept":
        store = Store(store.folder)
        for file in store.folder.parent.glob("stamps*"):
            file.unlink() if stamps == "deleted" else file.write_bytes(b"no database" * 99)
    with pytest.raises(DamagedContent, match=pointer.key):
        store.open(pointer)
    assert [file.read_bytes() for file in (store.folder.parent / "bad").iterdir()] == [damage]
    with pytest.raises(ContentMissing):
        store.open(pointer)
    assert ingest(store, b"good") == pointer
    assert read(store, pointer) == b"good"


def test_new_content_repairs_damage_nobody_noticed(store: Store):
    pointer = ingest(store, b"good")
    spoil(store.path(pointer), b"jood")
    ingest(store, b"good")
    assert read(store, pointer) == b"good"
    assert len(list((store.folder.parent / "bad").iterdir())) == 1


@pytest.mark.parametrize("what", ["folder", "link", "pipe"])
def test_what_is_no_file_in_the_place_of_content_gives_way(store: Store, what: str, tmp_path: Path):
    pointer = ingest(store, b"good")
    path = store.path(pointer)
    path.unlink()
    (tmp_path / "elsewhere").write_bytes(b"good")
    if what == "folder":
        path.mkdir()
        (path / "x").write_text("1")
    elif what == "link":
        path.symlink_to(tmp_path / "elsewhere")
    else:
        os.mkfifo(path)
    assert not store.has(pointer)
    with pytest.raises((ContentMissing, DamagedContent)):
        store.open(pointer)
    ingest(store, b"good")
    assert read(store, pointer) == b"good"
    assert path.is_file()
    assert not path.is_symlink()


def test_two_contents_of_one_name_are_both_kept(store: Store):
    first = ingest(store, b"first")
    other = ingest(store, b"other")
    # A forged twin: the other content lies under the first one's name and its own digest.
    twin = Pointer(first.key, other.blake3, other.size)
    plain, apart = store.candidates(twin)
    shutil.copyfile(store.path(other), apart)
    assert plain == store.path(first)
    with pytest.raises((ContentMissing, DamagedContent)):
        store.open(twin)
    assert read(store, first) == b"first"
    assert read(store, other) == b"other"


def test_foreign_content_must_be_what_its_pointer_says(store: Store, tmp_path: Path):
    pointer = ingest(store, b"good")
    other = Store(tmp_path / "other" / "store")
    for data in (b"evil", b"goo", b""):
        (tmp_path / "sent").write_bytes(data)
        with (tmp_path / "sent").open("rb") as file, pytest.raises(DamagedContent):
            other.accept(file.fileno(), pointer)
    assert list(other.folder.iterdir()) == []
    (tmp_path / "sent").write_bytes(b"good")
    with (tmp_path / "sent").open("rb") as file:
        other.accept(file.fileno(), pointer)
    assert read(other, pointer) == b"good"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 3 MiB."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("only root may mount a small disk")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_full_disk_is_said_and_leaves_nothing(small_disk: Path, tmp_path: Path):
    store = Store(small_disk / "datmo" / "store")
    (tmp_path / "source").write_bytes(os.urandom(4 << 20))
    with (tmp_path / "source").open("rb") as file, pytest.raises(NoSpace):
        store.ingest(file.fileno(), sync=False)
    assert list(store.folder.iterdir()) == []
    assert read(store, ingest(store, b"small")) == b"small"
