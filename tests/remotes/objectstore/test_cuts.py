"""The line is cut in the middle, the server dies, the program is killed: what arrived stays."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from git_datmo.errors import RemoteError
from git_datmo.model.pointer import Pointer
from git_datmo.remotes.objectstore.layout import MIB, PART, parts_at_once
from git_datmo.remotes.objectstore.names import name_of
from git_datmo.remotes.objectstore.place import ObjectStore
from git_datmo.storage.store import Store
from tests.contracts.places.ground import fill, nothing
from tests.kit.seaweed import BUCKET, Seaweed, Shelf
from tests.kit.wire import Wire, wire

# One part more than are on the way at once: when the last has begun, one is there.
SIZE = (parts_at_once(PART) + 1) * PART + 12_345
# Headers, and what was on its way when the line was cut.
SLACK = 1 * MIB


@pytest.fixture
def line(shelf: Shelf) -> Iterator[Wire]:
    """A wire to the server."""
    with wire(shelf.server.ports[3]) as made:
        yield made


@pytest.fixture
def place(shelf: Shelf, line: Wire) -> ObjectStore:
    """The test's place, over the wire."""
    return ObjectStore(f"s3://{BUCKET}/{shelf.prefix}?endpoint=http://127.0.0.1:{line.port}")


@pytest.fixture
def large(here: Store) -> Pointer:
    return fill(here, random.Random(1).randbytes(SIZE))[0]


def test_an_upload_goes_on_where_it_was_cut(
    shelf: Shelf, line: Wire, place: ObjectStore, here: Store, large: Pointer
) -> None:
    line.limit_up = parts_at_once(PART) * PART + MIB
    with pytest.raises(RemoteError) as caught:
        place.put(here, [large], nothing)
    assert "\n" not in caught.value.message
    assert place.name in caught.value.message
    assert shelf.sizes() == {}
    assert len(shelf.uploads()) == 1

    line.mend()
    moved: list[int] = []
    place.put(here, [large], moved.append)
    assert shelf.sizes() == {name_of(large): large.size}
    assert shelf.uploads() == []
    assert sum(moved) <= large.size - PART
    assert line.up <= sum(moved) + SLACK
    place.close()


def test_a_download_goes_on_where_it_was_cut(
    shelf: Shelf, line: Wire, place: ObjectStore, here: Store, elsewhere: Store, large: Pointer
) -> None:
    place.put(here, [large], nothing)
    line.mend()
    line.limit_down = 30 * MIB
    first: list[int] = []
    with pytest.raises(RemoteError):
        place.get(elsewhere, [large], first.append)
    assert elsewhere.missing([large]) == [large]
    assert sum(first) > 0

    line.mend()
    moved: list[int] = []
    assert place.get(elsewhere, [large], moved.append) == {}
    assert sum(first) + sum(moved) == large.size
    assert line.down <= sum(moved) + SLACK
    assert elsewhere.measure(elsewhere.path(large)) == large
    place.close()


def test_a_small_file_is_gone_on_with_too(
    line: Wire, place: ObjectStore, here: Store, elsewhere: Store
) -> None:
    [pointer] = fill(here, random.Random(2).randbytes(6 * MIB))
    place.put(here, [pointer], nothing)
    line.mend()
    line.limit_down = 3 * MIB
    with pytest.raises(RemoteError):
        place.get(elsewhere, [pointer], nothing)
    line.mend()
    moved: list[int] = []
    assert place.get(elsewhere, [pointer], moved.append) == {}
    assert sum(moved) <= pointer.size - MIB
    place.close()


def test_files_that_arrived_before_a_cut_are_not_sent_again(
    shelf: Shelf, line: Wire, place: ObjectStore, here: Store
) -> None:
    pointers = fill(here, *(random.Random(n).randbytes(300_000) for n in range(30)))
    line.limit_up = 5_000_000
    with pytest.raises(RemoteError):
        place.put(here, pointers, nothing)
    arrived = shelf.sizes()
    assert 0 < len(arrived) < 30
    line.mend()
    there = place.present(pointers)
    assert {name_of(pointer) for pointer in there} == set(arrived)
    place.put(here, [pointer for pointer in pointers if pointer not in there], nothing)
    assert place.present(pointers) == set(pointers)
    assert line.up <= (30 - len(arrived)) * 310_000
    place.close()


def test_a_short_hiccup_is_not_even_noticed(
    line: Wire, place: ObjectStore, here: Store, elsewhere: Store, large: Pointer
) -> None:
    place.put(here, [large], nothing)
    line.mend()
    cut = False

    def advance(count: int) -> None:
        nonlocal cut
        if not cut:
            cut = True
            line._cut()

    assert place.get(elsewhere, [large], advance) == {}
    assert cut
    assert elsewhere.missing([large]) == []
    place.close()


@pytest.mark.slow
def test_the_server_dies_and_comes_back(
    own_seaweed: Seaweed, here: Store, elsewhere: Store, large: Pointer
) -> None:
    shelf = Shelf(own_seaweed)
    place = ObjectStore(shelf.url)
    with pytest.raises(RemoteError):
        place.put(here, [large], lambda count: own_seaweed.kill())
    with pytest.raises(RemoteError):
        place.get(elsewhere, [large], nothing)
    own_seaweed.start()
    assert shelf.sizes() == {}
    moved: list[int] = []
    place.put(here, [large], moved.append)
    assert 0 < sum(moved) < large.size
    assert shelf.sizes() == {name_of(large): large.size}
    assert place.get(elsewhere, [large], nothing) == {}
    assert elsewhere.measure(elsewhere.path(large)) == large
    place.close()


PUT = """
import sys, time
from pathlib import Path
from git_datmo.model.pointer import Pointer
from git_datmo.remotes.objectstore.place import ObjectStore
from git_datmo.storage.store import Store
folder, url, key, blake3, size = sys.argv[1:]
def advance(count):
    print(count, flush=True)
    time.sleep(600) # each worker sends one part, and waits to be killed
ObjectStore(url).put(Store(Path(folder)), [Pointer(key, blake3, int(size))], advance)
"""


def test_a_killed_upload_leaves_nothing_that_looks_whole(
    shelf: Shelf, line: Wire, place: ObjectStore, here: Store
) -> None:
    # More parts than two programs send before they die.
    parts = 2 * parts_at_once(PART) + 1
    large = fill(here, random.Random(2).randbytes(parts * PART))[0]
    words = [str(here.folder), place.name, large.key, large.blake3, str(large.size)]
    for _ in range(2):
        process = subprocess.Popen(
            [sys.executable, "-c", PUT, *words], stdout=subprocess.PIPE, cwd=Path.cwd()
        )
        assert process.stdout is not None
        assert process.stdout.readline()
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
        assert place.present([large]) == set()
        assert shelf.sizes() == {}
    time.sleep(0.2)
    line.mend()
    moved: list[int] = []
    place.put(here, [large], moved.append)
    assert sum(moved) <= large.size - 2 * PART
    assert place.present([large]) == {large}
    assert shelf.uploads() == []
    place.close()
