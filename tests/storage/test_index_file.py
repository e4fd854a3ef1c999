"""The index file can be damaged, replaced, killed and shared, and nothing is lost by it."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from git_datmo.errors import DamagedIndex
from git_datmo.storage.index import Index, Record

SOURCE, OTHER = "refs/datmo/notes/0123456789abcdef", "refs/datmo-remotes/origin/notes/aa"
A, B, C = "aa" * 20, "bb" * 20, "cc" * 20

BLANK = Record(
    id=A,
    kind="snapshot",
    created=1,
    visible=True,
    deleted=False,
    label=None,
    message="first",
    session=None,
    tree=None,
    environment=None,
    author=None,
    at_max=1,
    doc={"stats": {"acc": 1}},
)

PRELUDE = f"""
import sys
from dataclasses import replace
from pathlib import Path
from git_datmo.storage.index import Index, Record
BLANK = {BLANK!r}
path = Path(sys.argv[1])
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "made" / "on demand" / "index?%23.sqlite"


def put(path: Path, *records: Record) -> None:
    with Index.open(path) as index, index.update() as update:
        for record in records:
            update.put(record)


def ids(index: Index) -> list[str]:
    return [record.id for record in index.select("snapshot", include_hidden=True)]


def child(text: str, path: Path, *arguments: str) -> subprocess.Popen[str]:
    root = Path(__file__).parents[2]
    return subprocess.Popen(
        [sys.executable, "-c", PRELUDE + text, str(path), *arguments],
        stdout=subprocess.PIPE,
        text=True,
        cwd=root,
    )


@pytest.mark.parametrize("damage", ["text", "schema", "header", "empty"])
def test_what_cannot_be_read_is_made_anew(path, damage):
    put(path, BLANK)
    if damage == "text":
        path.write_text("not a database " * 1000)
    elif damage == "schema":
        with sqlite3.connect(path) as other:
            other.execute("PRAGMA user_version = 999")
        other.close()
    elif damage == "header":
        path.write_bytes(path.read_bytes()[:60])
    else:
        path.write_bytes(b"")
    with Index.open(path, readonly=True) as index:
        assert (index.tips(), ids(index), index.lasting) == ({}, [], False)
    with Index.open(path) as index:
        assert index.tips() == {}
    put(path, BLANK)
    with Index.open(path) as index:
        assert ids(index) == [A]


def test_damage_found_later_drops_the_file(path):
    put(path, *(replace(BLANK, id=f"{n:040x}", created=n) for n in range(500)))
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))
    with Index.open(path) as index:
        with pytest.raises(DamagedIndex) as caught:
            list(index.select("snapshot"))
        assert "run the command again" in (caught.value.hint or "")
    assert not path.exists()
    put(path, BLANK)
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))
    with Index.open(path) as index:
        with pytest.raises(DamagedIndex), index.update() as update:
            update.put(replace(BLANK, id=B))
    assert not path.exists()


def test_an_open_index_follows_when_its_file_is_replaced(path):
    put(path, BLANK)
    with Index.open(path) as old:
        with sqlite3.connect(path) as foreign:
            foreign.execute("PRAGMA user_version = 999")
        foreign.close()
        with Index.open(path) as new:
            with old.update() as update:
                update.put(replace(BLANK, id=B))
            assert ids(new) == ids(old) == [B]


def test_read_only_changes_stay_in_memory(path):
    with Index.open(path, readonly=True) as index:
        assert not index.lasting
        with index.update() as update:
            update.put(BLANK)
        assert ids(index) == [A]
    assert not path.exists()
    put(path, BLANK)
    before = path.read_bytes()
    with Index.open(path, readonly=True) as index:
        assert ids(index) == [A]
        with index.update() as update:
            update.put(replace(BLANK, id=B, created=2))
        assert ids(index) == [B, A]
    assert path.read_bytes() == before


def test_where_nothing_can_be_written():
    with Index.open(Path("/proc/index.sqlite")) as index:
        with index.update() as update:
            update.put(BLANK)
        assert (ids(index), index.lasting) == ([A], False)


def test_eight_processes_lose_nothing(path):
    text = """
with Index.open(path) as index:
    for n in range(15):
        with index.update() as update:
            update.put(replace(BLANK, id=sys.argv[2] * 20 + f"{n:020x}"))
            update.set_meta("count", str(int(index.meta("count") or 0) + 1))
"""
    workers = [child(text, path, str(number)) for number in range(8)]
    assert [worker.wait(60) for worker in workers] == [0] * 8
    with Index.open(path) as index:
        assert index.count("snapshot") == 120
        assert index.meta("count") == "120"


@pytest.mark.parametrize("wait", [0.0, 0.02, 0.1])
def test_killed_between_updates(path, wait):
    text = """
with Index.open(path) as index:
    for n in range(10**6):
        with index.update() as update:
            update.put(replace(BLANK, id=f"{2 * n:040x}"))
            update.put(replace(BLANK, id=f"{2 * n + 1:040x}"))
        print(n, flush=True)
"""
    worker = child(text, path)
    assert worker.stdout
    worker.stdout.readline()
    time.sleep(wait)
    worker.send_signal(signal.SIGKILL)
    acknowledged = len(worker.stdout.read().splitlines()) + 1
    worker.wait()
    with Index.open(path) as index:
        assert index.count("snapshot") in (2 * acknowledged, 2 * acknowledged + 2)


def test_killed_while_the_file_is_half_written(path):
    put(path, BLANK)
    text = """
index = Index.open(path)
with index.update() as update:
    for n in range(90):
        update.put(replace(BLANK, id=f"{n:040x}", doc={"config": {"a": "x" * 1_000_000}}))
    print(path.stat().st_size, flush=True)
    sys.stdin.read()
"""
    worker = child(text, path)
    assert worker.stdout
    assert int(worker.stdout.readline()) > 2**20, "the test must catch it half written"
    worker.kill()
    worker.wait()
    worker.stdout.close()
    with Index.open(path) as index:
        assert ids(index) == [A]
        assert index.get(A) == BLANK


def test_reading_imports_little(path):
    put(path, BLANK)
    text = """
with Index.open(path) as index:
    assert [record.id for record in index.select("snapshot", limit=20)]
heavy = {"pygit2", "orjson", "json", "git_datmo.model.expression"} & set(sys.modules)
assert not heavy, heavy
"""
    assert child(text, path).wait() == 0
