"""Bringing content to a git server: in pieces, again after a cut, beside other writers."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from git_datmo.errors import RemoteError
from git_datmo.model.pointer import Pointer
from git_datmo.storage.store import Store
from tests.contracts.places.ground import fill, nothing, some
from tests.kit.chunkrefs import ChunkRefs, Clones
from tests.kit.webgit import WebGit
from tests.kit.wire import Wire

MIB = 1024**2


def sizes(chunkrefs: ChunkRefs) -> list[int]:
    """The sizes of all chunks that are listed."""
    listed = [x for w in chunkrefs.writers() for x in chunkrefs.lines(w)]
    return [chunk[1] for x in listed for chunk in x["chunks"]]


def pushes(webgit: WebGit) -> int:
    """How many pushes the server took."""
    begun = 'GET /origin.git/info/refs?service=git-receive-pack HTTP/1.1" 200'
    return sum(begun in request for request in webgit.requests())


def test_large_content_is_cut_into_chunks_and_pushes(
    here: Store, elsewhere: Store, clones: Clones, chunkrefs: ChunkRefs, webgit: WebGit
) -> None:
    [pointer] = fill(here, some(1, 5 * MIB + 17))
    clones.place(push=2 * MIB).put(here, [pointer], nothing)
    assert sizes(chunkrefs) == [MIB // 4] * 20 + [17]
    assert pushes(webgit) == 3
    assert clones.place().get(elsewhere, [pointer], nothing) == {}
    assert elsewhere.missing([pointer]) == []
    assert chunkrefs.problems() + clones.problems() == []


def test_a_new_file_sends_only_itself(
    here: Store, clones: Clones, chunkrefs: ChunkRefs, line: Wire
) -> None:
    first, second = fill(here, some(1, 3 * MIB), some(2, 100_000))
    place = clones.over(line.port).place()
    place.put(here, [first], nothing)
    line.mend()
    place.put(here, [first, second], nothing)
    assert 100_000 < line.up < 120_000
    line.mend()
    other = clones.place()
    assert other.present([first, second]) == {first, second}
    other.put(here, [first, second], nothing)
    assert line.up + line.down < 20_000
    assert len(chunkrefs.writers()) == 1


def test_a_cut_is_gone_on_from(
    here: Store, elsewhere: Store, clones: Clones, chunkrefs: ChunkRefs, line: Wire
) -> None:
    [pointer] = fill(here, some(1, 8 * MIB))
    place = clones.over(line.port).place(push=MIB)
    line.limit_up = 5 * MIB + MIB // 2
    with pytest.raises(RemoteError) as caught:
        place.put(here, [pointer], nothing)
    assert "try again" in str(caught.value.hint) or "server up" in str(caught.value.hint)
    line.mend()
    assert clones.place().present([pointer]) == set()
    assert chunkrefs.problems() == []
    line.mend()
    counts: list[int] = []
    place.put(here, [pointer], counts.append)
    assert line.up < 4 * MIB
    assert sum(counts) == pointer.size
    assert clones.place().get(elsewhere, [pointer], nothing) == {}
    assert elsewhere.missing([pointer]) == []
    assert chunkrefs.problems() + clones.problems() == []


PUSHER = """
import sys
from pathlib import Path
from git_datmo.model.pointer import Pointer
from git_datmo.remotes.gitrefs.place import GitRefs
from git_datmo.storage.git import Git
from git_datmo.storage.store import Store
repo, home, url, store, key, blake3, size = sys.argv[1:]
place = GitRefs(Git(Path(repo) / ".git", Path(repo)), Path(home), "origin", url, 10**9, 1 << 20)
place.put(Store(Path(store)), [Pointer(key, blake3, int(size))], lambda count: None)
"""


def pusher(clones: Clones, home: Path, store: Store, pointer: Pointer) -> subprocess.Popen[bytes]:
    """A process that puts one file, in pushes of 1 MiB."""
    words = [str(clones.repo.path), str(home), clones.url, str(store.folder)]
    words += [pointer.key, pointer.blake3, str(pointer.size)]
    return subprocess.Popen(
        [sys.executable, "-c", PUSHER, *words], start_new_session=True, stderr=subprocess.PIPE
    )


@pytest.mark.parametrize("after", [1, 3, 5])
def test_a_killed_push_converges(
    here: Store, elsewhere: Store, clones: Clones, chunkrefs: ChunkRefs, tmp_path: Path, after: int
) -> None:
    [pointer] = fill(here, some(1, 6 * MIB))
    home = tmp_path / "killed"
    process = pusher(clones, home, here, pointer)
    deadline = time.monotonic() + 60
    while len(sizes(chunkrefs)) < after and time.monotonic() < deadline:
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert clones.place().present([pointer]) == set()
    assert chunkrefs.problems() == []

    again = pusher(clones, home, here, pointer)
    _, said = again.communicate(timeout=60)
    assert again.returncode == 0, said
    assert sum(sizes(chunkrefs)) == pointer.size
    assert len(chunkrefs.writers()) == 1
    assert clones.place().get(elsewhere, [pointer], nothing) == {}
    assert chunkrefs.problems() == []


def test_the_clone_can_be_lost_or_copied(here: Store, clones: Clones, chunkrefs: ChunkRefs) -> None:
    one, two, three = fill(here, some(1, 50_000), some(2, 50_000), some(3, 50_000))
    first = clones.place()
    first.put(here, [one], nothing)
    copy = clones.place()
    shutil.copytree(clones.homes[0], clones.homes[1])
    copy.put(here, [two], nothing)
    first.put(here, [three], nothing)
    assert len(chunkrefs.writers()) == 1
    shutil.rmtree(clones.homes[0])
    four, five = fill(here, some(4, 50_000), some(5, 50_000))
    first.put(here, [four], nothing)
    assert len(chunkrefs.writers()) == 2
    first.put(here, [five], nothing)
    assert clones.place().present([one, two, three, four, five]) == {one, two, three, four, five}
    assert chunkrefs.problems() == []


def test_two_processes_of_one_clone_at_once(
    here: Store, clones: Clones, chunkrefs: ChunkRefs, tmp_path: Path
) -> None:
    pointers = fill(here, *(some(seed, 2 * MIB) for seed in range(3)))
    running = [pusher(clones, tmp_path / "home", here, pointer) for pointer in pointers]
    for process in running:
        _, said = process.communicate(timeout=60)
        assert process.returncode == 0, said
    assert clones.place().present(pointers) == set(pointers)
    assert len(chunkrefs.writers()) == 1
    assert chunkrefs.problems() == []


def test_two_copies_of_a_clone_at_once(here: Store, clones: Clones, chunkrefs: ChunkRefs) -> None:
    """They share a writer and no lock: the lease makes one of them read again."""
    [seed] = fill(here, some(99, 1000))
    clones.place().put(here, [seed], nothing)
    places = [clones.place() for _ in range(4)]
    for home in clones.homes[1:]:
        shutil.copytree(clones.homes[0], home)
    pointers = fill(here, *(some(n, 60_000) for n in range(4)))
    barrier = threading.Barrier(4)

    def work(n: int) -> None:
        barrier.wait()
        places[n].put(here, [pointers[n]], nothing)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert clones.place().present([seed, *pointers]) == {seed, *pointers}
    assert chunkrefs.problems() == []


def test_the_limit(here: Store, clones: Clones, chunkrefs: ChunkRefs) -> None:
    one, two = fill(here, some(1, 600_000), some(2, 600_000))
    place = clones.place(limit=1_000_000)
    place.put(here, [one], nothing)
    with pytest.raises(RemoteError) as caught:
        place.put(here, [two], nothing)
    assert "0.6 MiB" in caught.value.message
    hint = str(caught.value.hint)
    assert "datmo.gitStoreLimit" in hint
    assert "datmo.origin.store s3://" in hint
    assert "lfs" in hint
    assert clones.place().present([one, two]) == {one}
    place.put(here, [one], nothing)
    free = place.check().free
    assert free == 400_000


def test_a_forged_beginning_is_not_gone_on_with(
    here: Store, elsewhere: Store, clones: Clones, chunkrefs: ChunkRefs
) -> None:
    """Whoever may push may write our list."""
    small, large = fill(here, b"small", some(1, 2 * MIB))
    place = clones.place(push=MIB)
    place.put(here, [small], nothing)
    [writer] = chunkrefs.writers()
    forged = {"key": large.key, "blake3": large.blake3, "size": large.size, "at": int(time.time())}
    chunkrefs.write(
        writer,
        [*chunkrefs.lines(writer), {**forged, "chunks": [chunkrefs.blob(some(2, MIB))]}],
    )
    place.put(here, [large], nothing)
    assert clones.place().get(elsewhere, [large], nothing) == {}
    assert chunkrefs.problems() == []
