"""Several writers' lists at one server: renewed, removed, taken over, damaged by hand."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from git_datmo.model.pointer import Pointer
from git_datmo.remotes.gitrefs.place import GitRefs
from git_datmo.remotes.gitrefs.sending import MANY_WRITERS
from git_datmo.storage.store import Store
from tests.contracts.places.ground import fill, nothing, some
from tests.kit.chunkrefs import ROOT, ChunkRefs, Clones
from tests.kit.wire import Wire

MIB = 1024**2


@pytest.mark.parametrize("ref", ["list", "data", "both"])
def test_refs_that_were_deleted_by_hand(
    here: Store, elsewhere: Store, clones: Clones, chunkrefs: ChunkRefs, ref: str
) -> None:
    one, two = fill(here, some(1, 50_000), some(2, 50_000))
    place = clones.place()
    place.put(here, [one], nothing)
    [writer] = chunkrefs.writers()
    for name in ("list", "data") if ref == "both" else (ref,):
        chunkrefs.repo.git("update-ref", "-d", f"{ROOT}/{writer}/{name}")
    assert place.present([one]) == set()
    place.put(here, [one, two], nothing)
    assert place.present([one, two]) == {one, two}
    assert place.get(elsewhere, [one, two], nothing) == {}


def test_lists_that_were_set_back_by_hand(
    here: Store, clones: Clones, chunkrefs: ChunkRefs
) -> None:
    one, two = fill(here, some(1, 50_000), some(2, 50_000))
    place = clones.place()
    place.put(here, [one], nothing)
    before = chunkrefs.repo.refs(ROOT)
    place.put(here, [two], nothing)
    for name, oid in before.items():
        chunkrefs.repo.git("update-ref", name, oid)
    assert place.present([one, two]) == {one}
    place.put(here, [two], nothing)
    assert place.present([one, two]) == {one, two}
    assert len(chunkrefs.writers()) == 1


def test_who_asks_makes_it_count_as_new(
    here: Store, elsewhere: Store, clones: Clones, chunkrefs: ChunkRefs, line: Wire
) -> None:
    one, two = fill(here, some(1, 500_000), some(2, 500_000))
    clones.place().put(here, [one, two], nothing)
    [writer] = chunkrefs.writers()
    chunkrefs.age(writer, 30)
    other = clones.over(line.port).place()
    assert other.present([one]) == {one}
    assert line.up < 10_000
    ages = {held.key: held.age for held in clones.place().listing()}
    assert ages[one.key] < 600
    assert ages[two.key] > 29 * 86_400
    # Who listed it first can lose it all: it is there for whoever relies on it.
    for name in ("list", "data"):
        chunkrefs.repo.git("update-ref", "-d", f"{ROOT}/{writer}/{name}")
    assert clones.place().present([one, two]) == {one}
    assert clones.place().get(elsewhere, [one], nothing) == {}
    assert chunkrefs.problems() == []


def test_what_somebody_relies_on_meanwhile_is_not_removed(
    here: Store, clones: Clones, chunkrefs: ChunkRefs
) -> None:
    one, two = fill(here, some(1, 50_000), some(2, 50_000))
    place = clones.place()
    place.put(here, [one, two], nothing)
    [writer] = chunkrefs.writers()
    chunkrefs.age(writer, 30)
    held = list(place.listing())
    assert clones.place().present([one]) == {one}
    assert place.remove(held) == two.size
    assert clones.place().present([one, two]) == {one}
    assert chunkrefs.problems() == []


def test_a_removal_sends_no_content_and_keeps_what_others_share(
    here: Store, elsewhere: Store, clones: Clones, chunkrefs: ChunkRefs, line: Wire
) -> None:
    same = some(1, 2 * MIB)
    one, two, three = fill(here, same + b"1", same + b"2", some(3, 2 * MIB))
    clones.over(line.port).place(push=2 * MIB).put(here, [one, two], nothing)
    clones.place().put(here, [three], nothing)
    assert len(chunkrefs.writers()) == 2
    line.mend()
    place = clones.place()
    held = [found for found in place.listing() if found.key in (one.key, three.key)]
    assert place.remove(held) == one.size + three.size
    assert line.up < 20_000
    assert clones.place().present([one, two, three]) == {two}
    assert clones.place().get(elsewhere, [two], nothing) == {}
    assert chunkrefs.problems() == []
    assert len(chunkrefs.writers()) == 1


def test_many_silent_writers_are_taken_over(
    here: Store, elsewhere: Store, clones: Clones, chunkrefs: ChunkRefs, line: Wire
) -> None:
    pointers = fill(here, *(some(n, 30_000) for n in range(MANY_WRITERS)))
    for pointer in pointers:
        clones.place().put(here, [pointer], nothing)
    for writer in chunkrefs.writers()[:-2]:
        chunkrefs.age(writer, 3)
    [new] = fill(here, some(99, 30_000))
    clones.over(line.port).place().put(here, [new], nothing)
    assert line.up < 70_000
    assert len(chunkrefs.writers()) == 3
    assert clones.place().present([*pointers, new]) == {*pointers, new}
    assert clones.place().get(elsewhere, [*pointers, new], nothing) == {}
    assert chunkrefs.problems() == []


def test_lists_of_other_places_are_not_taken_over(
    here: Store, clones: Clones, chunkrefs: ChunkRefs
) -> None:
    foreign = {"key": "0" * 32, "blake3": "0" * 64, "size": 1, "at": 5, "sha256": "0" * 64}
    for number in range(MANY_WRITERS + 1):
        chunkrefs.write(f"{number:016x}", (json.dumps(foreign) + "\n").encode())
    clones.place().put(here, fill(here, some(1, 1000)), nothing)
    assert len(chunkrefs.writers()) == MANY_WRITERS + 2


def test_a_crowd_that_takes_over_at_once(
    here: Store, elsewhere: Store, clones: Clones, chunkrefs: ChunkRefs
) -> None:
    """Whoever comes second finds the silent ones gone, and reads again."""
    pointers = fill(here, *(some(n, 3000) for n in range(MANY_WRITERS + 6)))
    crowd, silent = pointers[:6], pointers[6:]
    for number, pointer in enumerate(silent):
        line = {"key": pointer.key, "blake3": pointer.blake3, "size": 3000, "at": 5}
        data = some(number + 6, 3000)
        chunkrefs.write(f"{number:016x}", [{**line, "chunks": [chunkrefs.blob(data)]}])
    places = [clones.place() for _ in crowd]
    barrier = threading.Barrier(len(crowd))

    def work(place: GitRefs, pointer: Pointer) -> None:
        barrier.wait()
        place.put(here, [pointer], nothing)

    with ThreadPoolExecutor(len(crowd)) as pool:
        list(pool.map(work, places, crowd))
    assert len(chunkrefs.writers()) == len(crowd)
    assert clones.place().present(pointers) == set(pointers)
    assert clones.place().get(elsewhere, pointers, nothing) == {}
    assert chunkrefs.problems() + clones.problems() == []
