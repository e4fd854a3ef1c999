"""What lies in the bucket, and what is asked of it."""

from __future__ import annotations

import os
import random
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from git_datmo.errors import ContentMissing, DamagedContent, FileChanging, RemoteError
from git_datmo.model.pointer import Pointer
from git_datmo.remotes.objectstore import presence
from git_datmo.remotes.objectstore.layout import MIB, PART, part_size, parts_at_once
from git_datmo.remotes.objectstore.names import MARKS, name_of, read_name
from git_datmo.remotes.objectstore.place import ObjectStore
from git_datmo.storage.store import Store
from tests.contracts.places.ground import fill, nothing, some
from tests.kit.seaweed import BUCKET, READ_KEY, READ_SECRET, Shelf
from tests.kit.wire import wire


def test_a_large_file_goes_in_parts_and_comes_back(
    shelf: Shelf, shelved: ObjectStore, here: Store, elsewhere: Store
) -> None:
    [pointer] = fill(here, random.Random(1).randbytes(64 * MIB + 1))
    moved: list[int] = []
    shelved.put(here, [pointer], moved.append)
    assert (len(moved), sum(moved)) == (9, pointer.size)
    assert shelf.sizes() == {name_of(pointer): pointer.size}
    assert shelf.uploads() == []
    moved.clear()
    assert shelved.get(elsewhere, [pointer], moved.append) == {}
    assert sum(moved) == pointer.size
    assert elsewhere.measure(elsewhere.path(pointer)) == pointer


@pytest.mark.parametrize("size", [PART - 1, PART, PART + 1, 2 * PART, MIB, MIB + 1])
def test_sizes_around_the_borders(
    shelved: ObjectStore, here: Store, elsewhere: Store, size: int
) -> None:
    [pointer] = fill(here, some(size, size))
    shelved.put(here, [pointer], nothing)
    assert shelved.present([pointer]) == {pointer}
    assert shelved.get(elsewhere, [pointer], nothing) == {}
    assert elsewhere.measure(elsewhere.path(pointer)) == pointer


@pytest.mark.parametrize("size", [1, PART, PART + 1, 10**9, 10**11, 5 * 10**12])
def test_parts_fit_what_services_allow_and_memory(size: int) -> None:
    part = part_size(size)
    assert part >= 5 * MIB
    assert -(-size // part) <= 10_000
    assert part * parts_at_once(part) <= max(48 * MIB, part)


def test_several_clones_upload_one_large_file_at_once(
    shelf: Shelf, here: Store, elsewhere: Store
) -> None:
    [pointer] = fill(here, random.Random(2).randbytes(20 * MIB))
    start = threading.Barrier(3)

    def push() -> None:
        place = ObjectStore(shelf.url)
        start.wait()
        place.put(here, [pointer], nothing)
        place.close()

    with ThreadPoolExecutor(3) as pool:
        for future in [pool.submit(push) for _ in range(3)]:
            future.result()
    assert shelf.sizes() == {name_of(pointer): pointer.size}
    assert shelf.uploads() == []
    place = ObjectStore(shelf.url)
    assert place.get(elsewhere, [pointer], nothing) == {}
    place.close()


@pytest.mark.parametrize("size", [10_000, 9 * MIB])
def test_an_object_of_another_size_is_replaced(
    shelf: Shelf, shelved: ObjectStore, here: Store, elsewhere: Store, size: int
) -> None:
    [pointer] = fill(here, some(3, size))
    for wrong in (b"", b"short", some(4, size + 1)):
        shelf.write(name_of(pointer), wrong)
        assert shelved.present([pointer]) == set()
        failed = shelved.get(elsewhere, [pointer], nothing)
        assert isinstance(failed[pointer], DamagedContent)
    shelved.put(here, [pointer], nothing)
    assert shelved.present([pointer]) == {pointer}
    assert shelved.get(elsewhere, [pointer], nothing) == {}


def test_a_damaged_large_object_is_not_taken(
    shelf: Shelf, shelved: ObjectStore, here: Store, elsewhere: Store
) -> None:
    [pointer] = fill(here, some(5, 20 * MIB))
    damaged = bytearray(some(5, 20 * MIB))
    damaged[12 * MIB] ^= 1
    shelf.write(name_of(pointer), bytes(damaged))
    failed = shelved.get(elsewhere, [pointer], nothing)
    assert isinstance(failed[pointer], DamagedContent)
    assert elsewhere.missing([pointer]) == [pointer]
    shelf.delete(name_of(pointer))
    assert isinstance(shelved.get(elsewhere, [pointer], nothing)[pointer], ContentMissing)


def test_many_names_are_looked_up_in_few_questions(shelf: Shelf, here: Store) -> None:
    count = 600
    pointers = fill(here, *(b"%d" % n * 10 for n in range(count)))
    with wire(shelf.server.ports[3]) as line:
        place = ObjectStore(f"s3://{BUCKET}/{shelf.prefix}?endpoint=http://127.0.0.1:{line.port}")
        place.put(here, pointers[::2], nothing)
        line.mend()
        assert place.present(pointers) == set(pointers[::2])
        listed = line.up
        line.mend()
        few = pointers[: presence.FEW]
        assert place.present(few) == set(pointers[: presence.FEW : 2])
        place.close()
    # A listing is asked for once for 600 names in 256 folders, a HEAD once for each name.
    assert listed < 1.5 * line.up * 256 / presence.FEW


def test_a_crowded_folder_is_not_listed_to_its_end(
    shelf: Shelf, shelved: ObjectStore, here: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("git_datmo.remotes.objectstore.bucket.LISTED", 2)
    monkeypatch.setattr(presence, "FEW", 0)
    [pointer] = fill(here, b"wanted")
    shelved.put(here, [pointer], nothing)
    folder = pointer.key[:2]
    for number in range(6):
        shelf.write(f"{folder}/{number:030x}-{'0' * 64}", b"")
    other = Pointer(folder + "f" * 30, "f" * 64, 1)
    assert shelved.present([pointer, other]) == {pointer}


def test_what_is_not_ours_is_neither_listed_nor_removed(
    shelf: Shelf, shelved: ObjectStore, here: Store
) -> None:
    [pointer] = fill(here, b"ours")
    shelved.put(here, [pointer], nothing)
    theirs = ["readme.txt", "ab/short", f"AB/{'0' * 30}-{'0' * 64}", f"x/{name_of(pointer)}"]
    for name in theirs:
        shelf.write(name, b"theirs")
    held = list(shelved.listing())
    assert [found.name for found in held] == [name_of(pointer)]
    assert shelved.remove(held) == 4
    assert set(shelf.sizes()) == set(theirs)


def test_a_prefix_keeps_projects_apart(shelf: Shelf, here: Store) -> None:
    [pointer] = fill(here, b"one")
    outer = ObjectStore(shelf.url)
    inner = ObjectStore(shelf.url.replace(shelf.prefix, shelf.prefix + "/inner"))
    inner.put(here, [pointer], nothing)
    assert outer.present([pointer]) == set()
    assert list(outer.listing()) == []
    assert inner.present([pointer]) == {pointer}
    for place in (outer, inner):
        place.close()


def test_old_content_that_is_asked_for_is_young_again(
    shelf: Shelf, here: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, forgotten = fill(here, b"asked for", b"forgotten")
    place = ObjectStore(shelf.url, stale=1.5)
    place.put(here, [asked, forgotten], nothing)
    assert place.present([asked]) == {asked}
    assert set(shelf.sizes()) == {name_of(asked), name_of(forgotten)}
    threading.Event().wait(3)
    assert place.present([asked]) == {asked}
    [mark] = [name for name in shelf.sizes() if not read_name(name)]
    assert mark.startswith(MARKS + "/")
    shelf.write(f"{MARKS}/rubbish", b"\xff\x00 none of ours\n../../etc\n" * 5)
    shelf.write(f"{MARKS}/empty", b"")
    ages = {found.key: found.age for found in place.listing()}
    assert ages[asked.key] < ages[forgotten.key]
    assert ages[forgotten.key] >= 2.9

    # Marks that say nothing any more go when content is removed.
    monkeypatch.setattr("git_datmo.remotes.objectstore.marks.FORGOTTEN", -1)
    place.remove(list(place.listing()))
    assert shelf.sizes() == {}
    place.close()


def test_readers_may_ask_for_old_content(
    shelf: Shelf, shelved: ObjectStore, here: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    [pointer] = fill(here, b"read only")
    shelved.put(here, [pointer], nothing)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", READ_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", READ_SECRET)
    place = ObjectStore(shelf.url, stale=-60)
    assert place.present([pointer]) == {pointer}
    assert [name for name in shelf.sizes() if not read_name(name)] == []
    found = place.check()
    assert (found.reached, found.writable) == (True, False)
    with pytest.raises(RemoteError) as caught:
        place.remove(list(place.listing()))
    assert "does not allow" in caught.value.message
    assert shelved.present([pointer]) == {pointer}
    place.close()


def test_content_that_shrinks_while_it_is_sent_gives_the_upload_up(
    shelf: Shelf, shelved: ObjectStore, here: Store
) -> None:
    # Six of the parts are read at once, so the file has more.
    [large] = fill(here, random.Random(6).randbytes(80 * MIB))
    path = here.path(large)
    path.chmod(0o644)
    with pytest.raises(FileChanging, match="became shorter"):
        shelved.put(here, [large], lambda count: os.truncate(path, MIB))
    assert name_of(large) not in shelf.sizes()
    assert shelf.uploads() == []


def test_uploads_that_nobody_went_on_with_are_given_up(
    shelf: Shelf, shelved: ObjectStore, here: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    [pointer] = fill(here, b"x")
    shelved.put(here, [pointer], nothing)
    client = shelf.server.client()
    for name in (f"ab/{'0' * 30}-{'0' * 64}", "somebody/else's"):
        client.create_multipart_upload(Bucket=BUCKET, Key=f"{shelf.prefix}/{name}")
    shelved.remove(list(shelved.listing()))
    assert len(shelf.uploads()) == 2
    shelved.put(here, [pointer], nothing)
    monkeypatch.setattr("git_datmo.remotes.objectstore.multipart.ABANDONED", -60)
    shelved.remove(list(shelved.listing()))
    assert len(shelf.uploads()) == 1


def test_what_is_given_is_not_kept(shelf: Shelf, shelved: ObjectStore, tmp_path: Path) -> None:
    assert shelved.check().writable
    assert shelf.sizes() == {}
    shelved.close()
    kept = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert kept == []
