"""Connections that break off: only the rest is sent again, and nothing half is ever named."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from git_datmo.errors import DamagedContent, RemoteError
from git_datmo.remotes.ssh.place import Ssh
from git_datmo.storage.git import Git
from git_datmo.storage.store import Store
from tests.contracts.places.ground import fill, nothing, some
from tests.kit.sshd import Sshd
from tests.kit.wire import Wire, wire

SIZE = 24_000_000
HALF = 12_000_000
# What ssh and the agent's program add to the bytes of content.
EXTRA = 400_000


@pytest.fixture
def line(sshd: Sshd) -> Iterator[Wire]:
    """What lies between us and the server."""
    with wire(sshd.port) as made:
        yield made


@pytest.fixture
def far(sshd: Sshd, ssh_git: Git, folder: Path, line: Wire) -> Iterator[Ssh]:
    """The store, over the wire."""
    made = Ssh(sshd.address(folder, line.port), ssh_git, repository=False)
    yield made
    made.close()


def test_an_upload_goes_on_where_it_broke_off(far: Ssh, line: Wire, here: Store, folder: Path):
    [pointer] = fill(here, some(1, SIZE))
    line.limit_up = HALF
    with pytest.raises(RemoteError) as caught:
        far.put(here, [pointer], nothing)
    assert "cannot reach" in caught.value.message
    assert caught.value.hint == "try again: what arrived is kept"
    assert list(folder.glob("??/*")) == []
    [part] = (folder / "parts").iterdir()
    came = part.stat().st_size
    assert HALF - 3_000_000 < came < HALF

    line.mend()
    counts: list[int] = []
    far.put(here, [pointer], counts.append)
    assert sum(counts) == SIZE
    assert SIZE - came <= line.up < SIZE - came + EXTRA
    assert list((folder / "parts").iterdir()) == []
    assert Store(folder).identify(next(folder.glob("??/*"))) == pointer


def test_a_download_goes_on_where_it_broke_off(far: Ssh, line: Wire, here: Store, elsewhere: Store):
    [pointer] = fill(here, some(1, SIZE))
    far.put(here, [pointer], nothing)
    far.close()
    line.mend()
    line.limit_down = HALF
    with pytest.raises(RemoteError, match="cannot reach"):
        far.get(elsewhere, [pointer], nothing)
    assert elsewhere.missing([pointer]) == [pointer]
    [part] = (elsewhere.folder / "parts").iterdir()
    came = part.stat().st_size
    assert HALF - 3_000_000 < came < HALF

    line.mend()
    counts: list[int] = []
    assert far.get(elsewhere, [pointer], counts.append) == {}
    assert sum(counts) == SIZE
    assert SIZE - came <= line.down < SIZE - came + EXTRA
    assert elsewhere.measure(elsewhere.path(pointer)) == pointer


def cutting(sshd: Sshd, moved: list[int], *marks: int) -> Callable[[int], None]:
    """An `advance` that kills all connections at each of these numbers of bytes."""
    left = list(marks)

    def advance(count: int) -> None:
        moved.append(count)
        if left and sum(moved) >= left[0]:
            left.pop(0)
            sshd.cut()

    return advance


def test_transfers_survive_cuts_by_themselves(
    place: Ssh, sshd: Sshd, here: Store, elsewhere: Store, folder: Path
):
    """More cuts than there are tries: each time something moved."""
    pointers = fill(here, some(1, SIZE), *(some(n, 300_000) for n in range(2, 40)))
    size = sum(pointer.size for pointer in pointers)
    marks = [n * size // 8 for n in range(1, 7)]
    moved: list[int] = []
    # A host that was never reached is told at once: the first connection must not be cut.
    assert place.present(pointers) == set()
    place.put(here, pointers, cutting(sshd, moved, *marks))
    assert sum(moved) == size
    assert place.present(pointers) == set(pointers)
    assert list(folder.glob("tmp-*")) + list(folder.glob("parts/*")) == []

    moved.clear()
    assert place.get(elsewhere, pointers, cutting(sshd, moved, *marks)) == {}
    assert sum(moved) == size
    for pointer in pointers:
        assert elsewhere.measure(elsewhere.path(pointer)) == pointer


def test_the_connection_may_go_between_two_questions(place: Ssh, sshd: Sshd, here: Store):
    pointers = fill(here, b"one", b"two")
    assert place.present(pointers) == set()
    sshd.cut()
    place.put(here, pointers, nothing)
    sshd.cut()
    assert place.present(pointers) == set(pointers)


def test_a_server_that_is_gone_is_given_up(place: Ssh, sshd: Sshd, here: Store):
    [pointer] = fill(here, b"content")
    assert place.present([pointer]) == set()
    sshd.stop()
    started = time.monotonic()
    with pytest.raises(RemoteError) as caught:
        place.put(here, [pointer], nothing)
    assert "refused" in caught.value.message
    assert time.monotonic() - started < 30


def test_what_was_spoilt_before_the_cut_is_not_gone_on_with(
    far: Ssh, line: Wire, here: Store, folder: Path
):
    [pointer] = fill(here, some(1, SIZE))
    line.limit_up = HALF
    with pytest.raises(RemoteError):
        far.put(here, [pointer], nothing)
    [part] = (folder / "parts").iterdir()
    with part.open("r+b") as file:
        file.seek(1_000_000)
        file.write(b"spoilt")
    line.mend()
    far.put(here, [pointer], nothing)
    assert line.up > SIZE
    assert Store(folder).identify(next(folder.glob("??/*"))) == pointer


def test_a_spoilt_piece_here_does_not_spoil_the_download(
    far: Ssh, line: Wire, here: Store, elsewhere: Store
):
    [pointer] = fill(here, some(1, SIZE))
    far.put(here, [pointer], nothing)
    line.mend()
    line.limit_down = HALF
    with pytest.raises(RemoteError):
        far.get(elsewhere, [pointer], nothing)
    [part] = (elsewhere.folder / "parts").iterdir()
    with part.open("r+b") as file:
        file.write(b"spoilt")
    line.mend()
    assert far.get(elsewhere, [pointer], nothing) == {}
    assert elsewhere.measure(elsewhere.path(pointer)) == pointer


def test_large_damage_is_told_from_a_spoilt_piece(
    place: Ssh, here: Store, elsewhere: Store, folder: Path
):
    [pointer] = fill(here, some(1, 6_000_000))
    place.put(here, [pointer], nothing)
    [file] = folder.glob("??/*")
    os.chmod(file, 0o644)
    file.write_bytes(some(2, 6_000_000))
    [error] = place.get(elsewhere, [pointer], nothing).values()
    assert isinstance(error, DamagedContent)
    assert list((elsewhere.folder / "parts").iterdir()) == []


def test_two_pushers_of_one_large_file(sshd: Sshd, ssh_git: Git, here: Store, folder: Path):
    """One clone twice, so that both go on with the same piece."""
    [pointer] = fill(here, some(1, SIZE))
    start = threading.Barrier(2)

    def push() -> int:
        counts: list[int] = []
        place = Ssh(sshd.address(folder), ssh_git, repository=False)
        start.wait()
        place.put(here, [pointer], counts.append)
        place.close()
        return sum(counts)

    with ThreadPoolExecutor(2) as pool:
        assert [future.result() for future in [pool.submit(push) for _ in range(2)]] == [SIZE] * 2
    assert list(folder.glob("tmp-*")) + list(folder.glob("parts/*")) == []
    [file] = folder.glob("??/*")
    assert Store(folder).identify(file) == pointer


def test_many_files_are_no_many_round_trips(far: Ssh, line: Wire, here: Store, elsewhere: Store):
    pointers = fill(here, *(b"%d" % n * 20 for n in range(2000)))
    moves: list[tuple[int, int]] = []
    far.put(here, pointers, nothing)
    moves.append((line.up, line.down))
    assert far.present(pointers) == set(pointers)
    far.get(elsewhere, pointers, nothing)
    assert elsewhere.missing(pointers) == []
    # One connection did it all, and answers to a put are a few, not one a file.
    assert line.connections == 1
    assert moves[0][1] < 20_000
