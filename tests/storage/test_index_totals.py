"""Counts are made once for each state of an index, and are right in every one."""

from __future__ import annotations

from hashlib import sha1
from pathlib import Path

from git_datmo.model.query import parse
from git_datmo.storage.index import Index, Record
from git_datmo.storage.index.totals import KEPT


def record(number: int, *, deleted: bool = False, collection: str = "a") -> Record:
    return Record(
        id=sha1(b"%d" % number).hexdigest(),
        kind="artifact",
        created=1_700_000_000_000 + number,
        visible=True,
        deleted=deleted,
        label=None,
        message=f"number {number}",
        session="s",
        tree=None,
        environment=None,
        author=None,
        at_max=number,
        doc={"collection": collection, "size": number},
    )


def put(path: Path, *records: Record) -> None:
    with Index.open(path) as index, index.update() as update:
        for one in records:
            update.put(one)


def counts(index: Index) -> tuple[object, ...]:
    return (
        index.count("artifact"),
        index.count("artifact", where=parse("size > 1")),
        index.tally("artifact", ("collection",)),
        index.variety("artifact", ("collection",)),
    )


def statements(index: Index) -> list[str]:
    """What SQLite is asked to count while `counts` is asked again."""
    said: list[str] = []
    index._database.connection.set_trace_callback(said.append)
    counts(index)
    index._database.connection.set_trace_callback(None)
    return [one for one in said if "count(" in one]


def test_counted_once_for_each_state(tmp_path: Path):
    path = tmp_path / "index.sqlite"
    put(path, record(0), record(1), record(2), record(3, collection="b"))
    with Index.open(path) as index:
        assert counts(index) == (4, 2, [("a", 3), ("b", 1)], 2)
        assert statements(index) == []
    with Index.open(path) as index, Index.open(path, readonly=True) as reader:
        assert statements(index) == [], "another opening knows it too"
        assert statements(reader) == []
        put(path, record(3, collection="b", deleted=True))
        for one in (index, reader):
            assert counts(one) == (3, 1, [("a", 3)], 1), "others may write"
        with index.update() as update:
            update.remove(record(2).id)
            assert counts(index) == (2, 0, [("a", 2)], 1), "what is not committed counts here"
            assert counts(reader) == (3, 1, [("a", 3)], 1), "and not elsewhere"
        assert counts(index) == counts(reader) == (2, 0, [("a", 2)], 1)
        found = index.tally("artifact", ("collection",))
        found.clear()
        assert index.tally("artifact", ("collection",)) == [("a", 2)], "everybody has their own"


def test_an_index_in_the_place_of_another(tmp_path: Path):
    """With the same number of changes, and maybe the same number of a file."""
    path = tmp_path / "index.sqlite"
    for size in (3, 1, 2):
        put(path, *map(record, range(size)))
        with Index.open(path) as index:
            assert index.count("artifact") == size
        path.unlink()


def test_an_undone_transaction(tmp_path: Path):
    path = tmp_path / "index.sqlite"
    put(path, record(0))
    with Index.open(path) as index:
        try:
            with index.update() as update:
                update.put(record(1))
                assert index.count("artifact") == 2
                raise KeyError
        except KeyError:
            pass
        assert index.count("artifact") == 1
        put(path, record(2), record(3))
        assert index.count("artifact") == 3


def test_only_so_much_is_kept(tmp_path: Path):
    from git_datmo.storage.index import totals

    path = tmp_path / "index.sqlite"
    put(path, record(0))
    with Index.open(path) as index:
        for number in range(KEPT + 20):
            assert index.count("artifact", text=f"number {number}") == int(number == 0)
    assert len(totals._known) == KEPT
