"""Few refs: lists of writers that are gone are taken over, with nothing lost."""

from __future__ import annotations

import pytest

from git_datmo.model.pointer import Pointer
from git_datmo.remotes.ledger import Line, now
from git_datmo.remotes.lfs.lists import MANY_WRITERS, SILENT
from git_datmo.storage.store import Store
from tests.contracts.places.ground import fill, nothing, some
from tests.kit.lfsserver import Field


@pytest.fixture
def here(lfs_field: Field) -> Store:
    return Store(lfs_field.root / "here" / "store")


def writers(field: Field, kind: str = "list") -> set[str]:
    names = field.origin.refs("refs/datmo-store")
    return {name.split("/")[2] for name in names if name.endswith("/" + kind)}


def age(field: Field, number: int, pointer: Pointer, oid: str, days: float) -> None:
    """Have a clone of its own list some content as it was done days ago."""
    at = now() - int(days * SILENT)
    place = field.clone(f"job-{number}")
    place._ledger.add([Line(pointer, at, {"sha256": oid})])


def test_jobs_that_are_gone_leave_no_refs(lfs_field: Field, here: Store) -> None:
    pointers = fill(here, *(some(n, 1000) for n in range(MANY_WRITERS + 2)))
    first = lfs_field.clone("first")
    first.put(here, pointers, nothing)
    for name in lfs_field.origin.refs("refs/datmo-store"):
        if name.endswith("/list"):
            lfs_field.origin.git("update-ref", "-d", name)
    for number, pointer in enumerate(pointers):
        days = 3 if number > 1 else 0.5
        age(lfs_field, number, pointer, lfs_field.oid(pointer), days)
    assert len(writers(lfs_field)) == MANY_WRITERS + 2
    new = fill(here, some(99, 1000))
    before = writers(lfs_field)
    lfs_field.clone("next").put(here, new, nothing)
    assert len(writers(lfs_field)) == 3
    [heir] = writers(lfs_field) - before
    named = lfs_field.origin.tree(f"refs/datmo-store/{heir}/pointers")
    taken = {lfs_field.oid(pointer) for pointer in [*pointers[2:], *new]}
    assert taken == {path.replace("/", "") for path, facts in named.items() if "/" in path}
    reader = lfs_field.clone("reader")
    assert reader.present([*pointers, *new]) == {*pointers, *new}
    assert reader.get(Store(lfs_field.root / "there"), [*pointers, *new], nothing) == {}


def test_who_disagrees_is_left_alone(lfs_field: Field, here: Store) -> None:
    [content, *others] = fill(here, *(some(n, 1000) for n in range(MANY_WRITERS + 1)))
    for number, pointer in enumerate(others):
        age(lfs_field, number, pointer, lfs_field.oid(pointer), 3)
    age(lfs_field, 100, content, "0" * 64, 3)
    lfs_field.clone("honest").put(here, [content], nothing)
    assert len(writers(lfs_field)) == 2
    assert lfs_field.clone("reader").get(Store(lfs_field.root / "x"), [content], nothing) == {}


def test_a_few_are_left_as_they_are(lfs_field: Field, here: Store) -> None:
    pointers = fill(here, *(some(n, 1000) for n in range(5)))
    for number, pointer in enumerate(pointers[1:]):
        age(lfs_field, number, pointer, lfs_field.oid(pointer), 300)
    lfs_field.clone("next").put(here, pointers[:1], nothing)
    assert len(writers(lfs_field)) == 5


def test_a_job_that_comes_back_goes_on(lfs_field: Field, here: Store) -> None:
    pointers = fill(here, *(some(n, 1000) for n in range(MANY_WRITERS + 3)))
    repo = lfs_field.repo("back")
    lfs_field.handle(repo).put(here, pointers[:1], nothing)
    for number, pointer in enumerate(pointers[1:-1]):
        age(lfs_field, number, pointer, lfs_field.oid(pointer), 3)
    back = lfs_field.handle(repo)
    [ref] = [n for n in lfs_field.origin.refs("refs/datmo-store") if n.endswith("/pointers")]
    mine = ref.split("/")[2]
    back._ledger.add(
        [Line(pointers[0], now() - 3 * SILENT, {"sha256": lfs_field.oid(pointers[0])})]
    )
    lfs_field.clone("next").put(here, pointers[-1:], nothing)
    assert len(writers(lfs_field)) == len(writers(lfs_field, "pointers")) == 1
    assert mine not in writers(lfs_field)
    assert back.present(pointers[:1]) == set(pointers[:1])
    more = fill(here, some(500, 1000))
    back.put(here, more, nothing)
    assert lfs_field.clone("reader").present([pointers[0], *more]) == {pointers[0], *more}
