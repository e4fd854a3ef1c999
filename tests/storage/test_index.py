"""What the index remembers: sources, notes, records, prefixes and labels."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from git_datmo.errors import InvalidDocument
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


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "made" / "on demand" / "index?%23.sqlite"


def put(path: Path, *records: Record) -> None:
    with Index.open(path) as index, index.update() as update:
        for record in records:
            update.put(record)


def ids(index: Index) -> list[str]:
    return [record.id for record in index.select("snapshot", include_hidden=True)]


def test_sources_notes_and_meta(path):
    with Index.open(path) as index:
        assert index.tips() == {}
        with index.update() as update:
            update.set_note(SOURCE, A, B)
            update.set_note(SOURCE, B, B)
            update.set_note(OTHER, A, C)
            update.set_note(OTHER, B, B)
            update.set_tip(SOURCE, "1" * 40)
            update.set_meta("format", "1")
            assert index.note_blobs(A) == [B, C]
        assert index.tips() == {SOURCE: "1" * 40}
        assert index.note_blobs(B) == [B]
        assert index.note_blobs(C) == []
        assert index.note_blobs("no id") == []
        assert (index.meta("format"), index.meta("other")) == ("1", None)
        with index.update() as update:
            assert list(update.objects_of(SOURCE)) == [A, B]
            update.set_note(SOURCE, A, None)
            update.set_tip(OTHER, None)
            update.set_meta("format", None)
        assert index.note_blobs(A) == []
        assert index.note_blobs(B) == [B]
        assert index.meta("format") is None
        with index.update() as update:
            update.put(BLANK)
            update.clear()
        assert (index.tips(), index.note_blobs(B), index.get(A)) == ({}, [], None)


def test_records_are_put_replaced_and_removed(path):
    put(path, BLANK, replace(BLANK, id=B, created=2, label="good"))
    with Index.open(path) as index:
        assert index.get(A) == BLANK
        assert index.get(A[:6]) is None
        assert ids(index) == [B, A]
        put(path, replace(BLANK, message="second", doc={}))
        assert index.get(A) == replace(BLANK, message="second", doc={})
        with index.update() as update:
            update.remove(A)
            update.remove(C)
        assert ids(index) == [B]


def test_what_cannot_be_put(path):
    with Index.open(path) as index:
        with pytest.raises(InvalidDocument), index.update() as update:
            update.put(BLANK)
            update.put(replace(BLANK, id=B, doc={"config": {"a": 2**70}}))
        assert index.get(A) is None
        with pytest.raises(ValueError), index.update() as update:
            update.put(replace(BLANK, id="no id"))
        put(path, replace(BLANK, message="half \udc80", label="\udfff"))
        found = index.get(A)
        assert found is not None
        assert (found.message, found.label) == ("half ?", "?")


def test_prefixes(path):
    names = ["abc" + "0" * 37, "abcf" + "0" * 36, "abd" + "0" * 37, "f" * 40, "ff" + "0" * 38]
    put(path, *(replace(BLANK, id=name) for name in names), replace(BLANK, id=C, kind="run"))
    with Index.open(path) as index:
        for prefix in ("a", "ab", "abc", "abcf", "ABC", "abd0", "f", "ff", "fff", "f" * 40, "c"):
            found = index.find_prefix(prefix, "snapshot")
            assert found == sorted(n for n in names if n.startswith(prefix.lower()))
        assert index.find_prefix("c") == [C]
        for nothing in ("", "g", "0x", "é", "a b", "f" * 41, "٣"):
            assert index.find_prefix(nothing) == []


def test_labels_and_latest(path):
    put(
        path,
        replace(BLANK, label="x", created=1),
        replace(BLANK, id=B, label="x", created=3, visible=False),
        replace(BLANK, id=C, label="x", created=4, deleted=True),
        replace(BLANK, id="dd" * 20, label="x", kind="run"),
    )
    with Index.open(path) as index:
        assert index.find_label("x", "snapshot") == [B, A]
        assert len(index.find_label("x")) == 3
        assert index.find_label("y", "snapshot") == index.find_label("\udc80") == []
        newest = [index.latest("snapshot", visible) for visible in (True, False, None)]
        assert [record and record.id for record in newest] == [A, B, B]
        assert index.latest("artifact") is None


def test_an_update_is_all_or_nothing(path):
    with Index.open(path) as index, Index.open(path) as other:
        with pytest.raises(KeyboardInterrupt), index.update() as update:
            update.put(BLANK)
            raise KeyboardInterrupt
        assert ids(index) == []
        with index.update() as update:
            update.put(BLANK)
            assert ids(other) == []
        assert ids(other) == [A]


def test_iterating_while_changing(path):
    many = [replace(BLANK, id=f"{n:040x}", created=n) for n in range(1200)]
    put(path, *many)
    with Index.open(path) as index:
        seen = []
        for record in index.select("snapshot"):
            seen.append(record.id)
            if record.created == 1100:
                with index.update() as update:
                    update.remove(many[0].id)
        assert seen == [record.id for record in reversed(many)][:-1]


def test_outlines_are_all_records_without_their_documents(path, monkeypatch):
    monkeypatch.setattr("git_datmo.storage.index.index._PAGE", 3)
    records = [
        replace(BLANK, id=f"{number:040x}", deleted=number % 2 == 0, tree=A, label=str(number))
        for number in range(1, 9)
    ]
    put(path, *records)
    with Index.open(path) as index:
        found = list(index.outlines())
    assert sorted(each.id for each in found) == [record.id for record in records]
    assert {each.tree for each in found} == {A}
    assert {each.label for each in found if each.deleted} == {"2", "4", "6", "8"}
    shared = found[0]._fields
    for each in found:
        [record] = [record for record in records if record.id == each.id]
        assert each == tuple(getattr(record, name) for name in shared)


def test_what_is_noted_and_has_no_record(path):
    with Index.open(path) as index:
        with index.update() as update:
            update.set_note(SOURCE, A, B)
            update.set_note(OTHER, A, C)
            update.set_note(SOURCE, C, C)
            update.put(replace(BLANK, id=C))
        assert list(index.unread()) == [A]


def test_edges_are_found_from_both_ends_and_go_with_what_stated_them(path):
    run = "11" * 16
    put(path, replace(BLANK, edges=(("before", B), ("rerun", run), ("used", C))))
    with Index.open(path) as index:
        stated = [(run, "rerun", "out"), (B, "before", "out"), (C, "used", "out")]
        assert index.edges(A) == stated
        assert index.edges(B) == [(A, "before", "in")]
        assert index.edges(run) == [(A, "rerun", "in")]
        assert index.edges("no id") == []
    put(path, replace(BLANK, edges=(("after", B), ("used", C))), replace(BLANK, id=B))
    with Index.open(path) as index:
        assert index.edges(A) == [(B, "after", "out"), (C, "used", "out")]
        assert index.edges(run) == []
        with index.update() as update:
            update.remove(B)
        assert index.edges(B) == [(A, "after", "in")]
        with index.update() as update:
            update.remove(A)
        assert index.edges(B) == index.edges(C) == []
