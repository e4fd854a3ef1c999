"""What holds for every place that content can lie at."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from git_datmo.errors import ContentMissing, DamagedContent, RemoteError
from git_datmo.model.pointer import Pointer
from tests.contracts.places.ground import Ground, fill, nothing, some

SIZES = [0, 1, 511, 4096, 1_000_003]


def test_making_a_handle_reaches_nobody(ground: Ground) -> None:
    place = ground.unreachable()
    assert place.name
    place.close()


def test_what_is_put_comes_back_byte_for_byte(ground: Ground) -> None:
    here, elsewhere = ground.store("here"), ground.store("elsewhere")
    pointers = fill(here, *(some(size, size) for size in SIZES))
    place = ground.make()
    assert place.present(pointers) == set()
    place.put(here, pointers, nothing)
    place.close()

    other = ground.make()
    assert other.present(pointers) == set(pointers)
    assert other.get(elsewhere, pointers, nothing) == {}
    other.close()
    assert elsewhere.missing(pointers) == []
    for pointer in pointers:
        assert elsewhere.measure(elsewhere.path(pointer)) == pointer
    assert ground.litter() == []


def test_many_small_files(ground: Ground) -> None:
    here, elsewhere = ground.store("here"), ground.store("elsewhere")
    pointers = fill(here, *(b"%d" % n * 10 for n in range(300)))
    place = ground.make()
    place.put(here, pointers, nothing)
    assert place.present(pointers) == set(pointers)
    assert place.get(elsewhere, pointers, nothing) == {}
    assert elsewhere.missing(pointers) == []
    place.close()


def test_progress_counts_every_byte_once(ground: Ground) -> None:
    here, elsewhere = ground.store("here"), ground.store("elsewhere")
    pointers = fill(here, some(1, 700_000), some(2, 5), some(3, 300_000))
    size = sum(pointer.size for pointer in pointers)
    counts: list[int] = []
    place = ground.make()
    place.put(here, pointers, counts.append)
    assert sum(counts) == size
    counts.clear()
    place.get(elsewhere, pointers, counts.append)
    assert sum(counts) == size
    place.close()


def test_putting_again_is_no_error_and_changes_nothing(ground: Ground) -> None:
    here, elsewhere = ground.store("here"), ground.store("elsewhere")
    [pointer] = fill(here, some(1, 100_000))
    place = ground.make()
    place.put(here, [pointer], nothing)
    place.put(here, [pointer], nothing)
    assert place.get(elsewhere, [pointer], nothing) == {}
    place.close()
    assert ground.litter() == []


def test_only_part_of_it_is_there(ground: Ground) -> None:
    here, elsewhere = ground.store("here"), ground.store("elsewhere")
    pointers = fill(here, some(1, 10_000), some(2, 10_000), some(3, 10_000))
    place = ground.make()
    place.put(here, pointers[:2], nothing)
    assert place.present(pointers) == set(pointers[:2])
    failed = place.get(elsewhere, pointers, nothing)
    place.close()
    assert [type(error) for error in failed.values()] == [ContentMissing]
    assert list(failed) == pointers[2:]
    assert elsewhere.missing(pointers) == pointers[2:]


def test_a_name_and_size_alone_prove_nothing(ground: Ground) -> None:
    here, elsewhere = ground.store("here"), ground.store("elsewhere")
    [pointer] = fill(here, some(1, 10_000))
    place = ground.make()
    place.put(here, [pointer], nothing)
    place.close()
    ground.damage(pointer, some(2, 10_000))
    place = ground.make()
    failed = place.get(elsewhere, [pointer], nothing)
    place.close()
    assert isinstance(failed[pointer], DamagedContent)
    assert elsewhere.missing([pointer]) == [pointer]
    parts = elsewhere.folder / "parts"
    assert not parts.exists() or list(parts.iterdir()) == []


def test_two_contents_with_one_name_are_both_kept(ground: Ground) -> None:
    """xxh3 can be forged: what tells contents apart is their BLAKE3."""
    here, elsewhere = ground.store("here"), ground.store("elsewhere")
    one, two = fill(here, some(1, 1000), some(2, 1000))
    place = ground.make()
    place.put(here, [one], nothing)
    forged = Pointer(one.key, two.blake3, 1001)
    assert place.present([forged]) == set()
    failed = place.get(elsewhere, [forged], nothing)
    place.close()
    assert list(failed) == [forged]


def test_content_that_is_lost_there_can_be_put_again(ground: Ground) -> None:
    here = ground.store("here")
    [pointer] = fill(here, some(1, 10_000))
    place = ground.make()
    place.put(here, [pointer], nothing)
    place.close()
    ground.lose(pointer)
    place = ground.make()
    assert place.present([pointer]) == set()
    place.put(here, [pointer], nothing)
    assert place.present([pointer]) == {pointer}
    place.close()


def test_what_is_not_in_the_store_cannot_be_put(ground: Ground) -> None:
    here = ground.store("here")
    there, gone = fill(here, some(1, 10_000), some(2, 10_000))
    here.path(gone).unlink()
    place = ground.make()
    with pytest.raises(ContentMissing):
        place.put(here, [there, gone], nothing)
    assert place.present([gone]) == set()
    place.close()
    assert ground.litter() == []


def test_damaged_content_is_not_put(ground: Ground) -> None:
    here = ground.store("here")
    [pointer] = fill(here, some(1, 10_000))
    path = here.path(pointer)
    path.chmod(0o644)
    path.write_bytes(some(2, 10_000))
    place = ground.make()
    with pytest.raises(DamagedContent):
        place.put(here, [pointer], nothing)
    assert place.present([pointer]) == set()
    place.close()


def test_several_clones_put_the_same_at_once(ground: Ground) -> None:
    here, elsewhere = ground.store("here"), ground.store("elsewhere")
    pointers = fill(here, *(some(seed, 200_000) for seed in range(4)))
    start = threading.Barrier(3)

    def push() -> None:
        place = ground.make()
        start.wait()
        place.put(here, pointers, nothing)
        place.close()

    with ThreadPoolExecutor(3) as pool:
        for future in [pool.submit(push) for _ in range(3)]:
            future.result()
    place = ground.make()
    assert place.get(elsewhere, pointers, nothing) == {}
    place.close()
    assert ground.litter() == []


def test_the_listing_and_taking_away(ground: Ground) -> None:
    here = ground.store("here")
    pointers = fill(here, some(1, 10_000), some(2, 20_000), some(3, 30_000))
    place = ground.make()
    if not place.removes:
        place.close()
        pytest.skip("nothing can be taken away there")
    place.put(here, pointers, nothing)
    held = {found.key: found for found in place.listing()}
    assert set(held) == {pointer.key for pointer in pointers}
    for pointer in pointers:
        found = held[pointer.key]
        assert found.size == pointer.size
        assert found.blake3 in (None, pointer.blake3)
        assert -60 < found.age < 600
    assert place.remove([held[pointers[0].key]]) == pointers[0].size
    assert place.remove([held[pointers[0].key]]) in (0, pointers[0].size)
    place.close()
    place = ground.make()
    assert place.present(pointers) == set(pointers[1:])
    assert {found.key for found in place.listing()} == {p.key for p in pointers[1:]}
    elsewhere = ground.store("elsewhere")
    assert list(place.get(elsewhere, pointers, nothing)) == pointers[:1]
    place.close()


def test_nothing_is_an_easy_question(ground: Ground) -> None:
    place = ground.make()
    assert place.present([]) == set()
    place.put(ground.store("here"), [], nothing)
    assert place.get(ground.store("here"), [], nothing) == {}
    place.close()


def test_the_checkup(ground: Ground) -> None:
    place = ground.make()
    found = place.check()
    place.close()
    assert found.reached
    assert found.writable is not False
    assert ground.litter() == []


def test_a_place_that_cannot_be_reached(ground: Ground) -> None:
    here = ground.store("here")
    [pointer] = fill(here, some(1, 10_000))
    place = ground.unreachable()
    assert not place.check().reached or place.check().writable is False
    with pytest.raises(RemoteError) as caught:
        place.put(here, [pointer], nothing)
    place.close()
    assert caught.value.message
    assert "Traceback" not in caught.value.message
