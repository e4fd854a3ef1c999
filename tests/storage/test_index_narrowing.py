"""Filters of the index that look beyond a row, against the same said plainly."""

from __future__ import annotations

import random
from hashlib import sha1
from pathlib import Path

import pytest

from git_datmo.model.query import parse, parse_sort
from git_datmo.storage.index import Index, Record
from git_datmo.storage.index.narrowing import Last, Noted

LAST = Last(("artifact",), ("version",), "version")
PLACES = ("refs/datmo-remotes/a/notes/1", "refs/datmo-remotes/ab/notes/1", "refs/datmo-local/notes")


def records(seed: int) -> list[Record]:
    """Versions of five artifacts: some deleted, some with one number twice, in any order."""
    chance = random.Random(seed)
    made: list[Record] = []
    before: dict[str, Record] = {}
    for number in range(60):
        name = f"c/{chance.randrange(5)}"
        previous = before.get(name)
        version = 0 if previous is None else int(previous.doc["version"]) + chance.choice((0, 1, 1))
        one = Record(
            id=sha1(b"%d %d" % (seed, number)).hexdigest(),
            kind="artifact",
            created=1_700_000_000_000 + chance.randrange(40),
            visible=True,
            deleted=chance.random() < 0.3,
            label=None,
            message=f"number {number}",
            session=None,
            tree=None,
            environment=None,
            author=None,
            at_max=number,
            doc={"artifact": name, "version": version, "size": chance.randrange(9)},
            edges=(("version", previous.id),)
            if previous is not None and version > previous.doc["version"]
            else (),
        )
        before[name] = one
        made.append(one)
    return made


def newest(made: list[Record]) -> set[str]:
    found: dict[str, Record] = {}

    def rank(one: Record) -> tuple[int, int, int]:
        return int(one.doc["version"]), one.created, -int(one.id, 16)

    for one in made:
        if not one.deleted:
            name = str(one.doc["artifact"])
            found[name] = max(found.get(name, one), one, key=rank)
    return {one.id for one in found.values()}


@pytest.mark.parametrize("seed", range(12))
def test_the_last_of_each_group_and_what_is_noted(tmp_path: Path, seed: int) -> None:
    made = records(seed)
    chance = random.Random(seed)
    noted: dict[str, set[str]] = {place: set() for place in PLACES}
    with Index.open(tmp_path / "index") as index:
        with index.update() as update:
            for one in made:
                update.put(one)
                for place, known in noted.items():
                    if chance.random() < 0.5:
                        known.add(one.id)
                        update.set_note(place, one.id, one.id)
        expected = newest(made)
        found = [one.id for one in index.select("artifact", last=LAST)]
        assert len(found) == len(set(found)) == index.count("artifact", last=LAST)
        assert set(found) == expected
        assert len(index.tally("artifact", ("artifact",))) == len(expected)
        paged = [
            one.id
            for offset in range(0, 8, 2)
            for one in index.select(
                "artifact", last=LAST, sort=parse_sort("-size"), limit=2, offset=offset
            )
        ]
        assert paged == [
            one.id for one in index.select("artifact", last=LAST, sort=parse_sort("-size"))
        ]
        small = {one.id for one in made if one.doc["size"] < 4}
        few = index.select("artifact", last=LAST, where=parse("size < 4"))
        assert {one.id for one in few} == expected & small
        living = {one.id for one in made if not one.deleted}
        there = Noted("refs/datmo-remotes/a/notes/")
        nowhere = Noted("refs/datmo-remotes/", wanted=False)
        for filters, wanted in [
            (there, noted[PLACES[0]] & living),
            (nowhere, living - noted[PLACES[0]] - noted[PLACES[1]]),
            (Noted("refs/datmo-remotes/z/"), set()),
        ]:
            assert {one.id for one in index.select("artifact", noted=filters)} == wanted
            assert index.count("artifact", noted=filters) == len(wanted)
