"""Content that comes in pieces, and what was verified by which thread."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from git_datmo.errors import DamagedContent, RemoteError
from git_datmo.model.pointer import Pointer
from git_datmo.storage.arrivals import SMALL, receive
from git_datmo.storage.store import Store
from tests.contracts.places.ground import fill, some


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "here" / "store")


def made(tmp_path: Path, data: bytes) -> Pointer:
    [pointer] = fill(Store(tmp_path / "there" / "store"), data)
    return pointer


def parts(store: Store) -> list[Path]:
    return list((store.folder / "parts").iterdir())


def test_what_came_before_a_cut_is_gone_on_from(store: Store, tmp_path: Path) -> None:
    data = some(1, SMALL + 1000)
    pointer = made(tmp_path, data)
    with pytest.raises(ConnectionError), receive(store, pointer) as arrival:
        arrival.write(data[:700_000])
        raise ConnectionError
    with receive(store, pointer) as arrival:
        assert arrival.offset == 700_000
        arrival.write(data[700_000:])
    assert store.measure(store.path(pointer)) == pointer
    assert parts(store) == []


def test_an_end_that_comes_early_is_a_cut(store: Store, tmp_path: Path) -> None:
    data = some(2, SMALL + 1000)
    pointer = made(tmp_path, data)
    with pytest.raises(RemoteError, match="only 10 of"), receive(store, pointer) as arrival:
        arrival.write(data[:10])
    assert store.missing([pointer]) == [pointer]
    with receive(store, pointer) as arrival:
        assert arrival.offset == 10
        arrival.write(data[10:])


@pytest.mark.parametrize("size", [1000, SMALL + 1000])
def test_something_else_is_not_kept(store: Store, tmp_path: Path, size: int) -> None:
    pointer = made(tmp_path, some(3, size))
    with pytest.raises(DamagedContent), receive(store, pointer) as arrival:
        arrival.write(some(4, size))
    with pytest.raises(DamagedContent), receive(store, pointer) as arrival:
        arrival.write(some(3, size) + b"more")
    assert store.missing([pointer]) == [pointer]
    assert parts(store) == []


def test_a_spoilt_piece_is_found_out_at_the_end_and_begun_anew(
    store: Store, tmp_path: Path
) -> None:
    data = some(5, SMALL + 1000)
    pointer = made(tmp_path, data)
    with pytest.raises(ConnectionError), receive(store, pointer) as arrival:
        arrival.write(some(6, 1000))
        raise ConnectionError
    with pytest.raises(DamagedContent), receive(store, pointer) as arrival:
        arrival.write(data[arrival.offset :])
    with receive(store, pointer) as arrival:
        assert arrival.offset == 0
        arrival.write(data)
    assert store.missing([pointer]) == []


def test_two_who_fetch_the_same_at_once(store: Store, tmp_path: Path) -> None:
    data = some(7, SMALL + 1000)
    pointer = made(tmp_path, data)
    with receive(store, pointer) as one:
        one.write(data[:5000])
        with receive(Store(store.folder), pointer) as other:
            assert other.offset == 0
            other.write(data)
        one.write(data[5000:])
    assert store.measure(store.path(pointer)) == pointer
    assert parts(store) == []


def test_what_one_thread_verified_others_know(tmp_path: Path) -> None:
    there = Store(tmp_path / "there" / "store")
    pointers = fill(there, *(some(seed, 1000) for seed in range(20)))
    (there.folder.parent / "stamps.sqlite").unlink()
    reading = Store(there.folder)

    def known(pointer: Pointer) -> Pointer | None:
        reading.stamps.record(reading.path(pointer), pointer)
        return reading.stamps.recall(reading.path(pointer))

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(known, pointers)) == pointers
