"""Many share the lock of a store; whoever takes content out has it alone."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from git_datmo.errors import Conflict, RepositoryBusy
from git_datmo.model.pointer import Pointer
from git_datmo.storage.store import STALE_SECONDS, Store
from git_datmo.storage.storelock import StoreLock


def is_free(folder: Path) -> bool:
    try:
        with StoreLock(folder).alone(wait=0):
            return True
    except RepositoryBusy:
        return False


def ingested(store: Store, data: bytes) -> Pointer:
    source = store.folder.parent / "source"
    source.write_bytes(data)
    with source.open("rb") as file:
        return store.ingest(file.fileno(), sync=False)


def test_shared_by_many_and_held_until_release(tmp_path: Path):
    one, other = StoreLock(tmp_path), StoreLock(tmp_path)
    one.hold()
    one.hold()
    other.hold()
    assert not is_free(tmp_path)
    one.release()
    one.release()
    assert not is_free(tmp_path)
    other.release()
    assert is_free(tmp_path)


def test_a_user_that_is_dropped_lets_go(tmp_path: Path):
    lock = StoreLock(tmp_path)
    lock.hold()
    del lock
    assert is_free(tmp_path)


def test_having_it_alone_lets_go_of_ones_own_share_and_holds_up_others(tmp_path: Path):
    lock, other = StoreLock(tmp_path), StoreLock(tmp_path)
    lock.hold()
    with lock.alone(wait=0):
        waiting = threading.Thread(target=other.hold)
        waiting.start()
        waiting.join(0.2)
        assert waiting.is_alive()
    waiting.join(10)
    assert not is_free(tmp_path)


def test_threads_that_share_for_a_while(tmp_path: Path):
    lock = StoreLock(tmp_path)
    inside = threading.Barrier(5)

    def use() -> None:
        with lock.shared():
            inside.wait(10)

    threads = [threading.Thread(target=use) for _ in range(4)]
    for thread in threads:
        thread.start()
    with lock.shared():
        assert not is_free(tmp_path)
        inside.wait(10)
    for thread in threads:
        thread.join()
    assert is_free(tmp_path)


def test_where_there_is_no_folder(tmp_path: Path):
    with pytest.raises(Conflict):
        StoreLock(tmp_path / "none").hold()


def test_recording_holds_it_and_receiving_does_not(tmp_path: Path):
    store, other = Store(tmp_path / "a" / "store"), Store(tmp_path / "b" / "store")
    (tmp_path / "a").mkdir()
    pointer = ingested(store, b"content" * 1000)
    assert not is_free(store.folder)
    store.lock.release()
    fd = store.open(pointer)
    other.accept(fd, pointer)
    os.close(fd)
    assert other.has(pointer)
    assert is_free(other.folder)


def test_what_is_counted_on_is_held_touched_and_stays_verified(tmp_path: Path):
    store = Store(tmp_path / "store")
    pointer = ingested(store, b"content" * 1000)
    store.lock.release()
    path = store.path(pointer)
    then = path.stat().st_mtime - 2 * STALE_SECONDS
    os.utime(path, (then, then))
    os.close(store.open(pointer))
    assert store.keep(pointer)
    assert path.stat().st_mtime > then + STALE_SECONDS
    assert store.stamps.recall(path) == pointer
    assert not is_free(store.folder)
    store.lock.release()
    before = path.stat().st_mtime_ns
    assert store.keep(pointer)
    assert path.stat().st_mtime_ns == before  # it was touched a moment ago
    store.lock.release()
    path.unlink()
    assert not store.keep(pointer)
    assert is_free(store.folder)
