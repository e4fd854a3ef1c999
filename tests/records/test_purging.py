"""What purged means to a reader, and what a chain is written anew from."""

from __future__ import annotations

import os
import random
from collections.abc import Mapping

import pytest

from git_datmo.errors import Conflict
from git_datmo.records import catalogue, chain, clones, layout, lineage, obeying, purged, purging
from git_datmo.records.kinds import SNAPSHOT
from git_datmo.storage import notes, refs
from git_datmo.storage.objects import EMPTY_TREE
from tests.e2e.team import snap
from tests.kit.checks import assert_clean, assert_git_clean
from tests.kit.git import Repo
from tests.records.chains import SOMEONE, TRAILERS, Someone

AT = 1_700_000_000_000 << 12
# Half a million lines with TORTURE=full, a tenth of that without.
LINES = 100 if os.environ.get("TORTURE") == "full" else 10
LATER = 1_900_000_000_000 << 12
OTHER = "eeeeeeeeeeeeeeee"


class Clone(Someone):
    """Someone whose chain carries the commits that it speaks of."""

    def tell(self, lines: Mapping[str, bytes], message: str = layout.NOTES_MESSAGE) -> str:
        made = [oid for oid in lines if self.objects.kind(oid) == "commit"]
        tip = self.commit(message, notes.append(self.objects, EMPTY_TREE, lines), *made)
        self.repo.git("update-ref", self.ref, tip)
        return tip


def words(*oids: str) -> dict[str, object]:
    return {"purged": {oid: {"kind": SNAPSHOT} for oid in oids}}


def listed(other: Clone) -> set[str]:
    index = catalogue.refresh(other.project)
    return {record.id for record in index.select(SNAPSHOT, include_hidden=True)}


def child(other: Clone, parent: str, message: str) -> str:
    return other.commit(layout.message(message, dict(TRAILERS)), layout.blob_id(b""), parent)


def test_a_reader_takes_nothing_in_that_anybody_purged(project: Repo) -> None:
    other = Clone(project)
    one, two = other.snapshot("one"), other.snapshot("two")
    said = {one: other.line(AT, message="one"), two: other.line(AT, message="two")}
    other.tell(said)
    assert listed(other) == {one, two}
    other.tell({**said, layout.PROJECT_ID: other.line(AT + 1, **words(one))})
    assert listed(other) == {two}
    assert purged.known(other.project.index) == {one: SNAPSHOT}

    third = Clone(project, OTHER)
    third.tell({one: third.line(AT + 2, message="again", label="x")})
    assert listed(other) == {two}, "a stale clone brought it back"
    other.tell({**said, layout.PROJECT_ID: other.line(AT + 3, name="x")})
    assert listed(other) == {one, two}, "the set is what the notes say now"


def test_in_any_order_and_from_nothing_the_same(project: Repo) -> None:
    other = Clone(project)
    one = other.snapshot("one")
    below = child(other, one, "below")
    deep = child(other, below, "deep")
    apart = other.snapshot("apart")
    lines = {oid: other.line(AT, message="m") for oid in (one, below, deep, apart)}
    lines[layout.PROJECT_ID] = other.line(AT + 1, **words(one))
    rng = random.Random(5)
    seen = []
    for _ in range(6):
        order = list(lines)
        rng.shuffle(order)
        for count in range(1, len(order) + 1):
            other.tell({name: lines[name] for name in order[:count]})
            catalogue.refresh(other.project)
        seen.append((listed(other), set(purged.known(other.project.index))))
        other.project.index.close()
        (project.git_dir / "datmo" / "index.sqlite").unlink()
        other.project.__dict__.pop("index")
        seen.append((listed(other), set(purged.known(catalogue.refresh(other.project)))))
    assert all(found == ({apart}, {one, below, deep}) for found in seen), seen


@pytest.mark.parametrize(
    "said",
    [
        {"purged": "all"},
        {"purged": ["0" * 40]},
        {"purged": {"*": {}, "../x": {}, "0" * 39: {}}},
        {"purged": {"1" * 40: True}},
    ],
)
def test_what_is_no_list_of_purged_objects_means_nothing(
    project: Repo, said: dict[str, object]
) -> None:
    other = Clone(project)
    one = other.snapshot("one")
    other.tell({one: other.line(AT, message="one"), layout.PROJECT_ID: other.line(AT, **said)})
    assert listed(other) == {one}
    assert purged.known(other.project.index) == {}


def test_the_operations_are_small_enough_for_a_note(project: Repo) -> None:
    oids = {f"{number:040x}": SNAPSHOT for number in range(12_000)}
    said = list(purged.operations(oids))
    assert len(said) == 3
    other = Clone(project)
    assert all(len(other.line(AT, **values)) < 2**20 for values in said)
    folded: dict[str, object] = {}
    for values in said:
        folded |= values["purged"]
    assert purged.named({"purged": folded}) == oids


def test_a_chain_written_anew_carries_the_rest_and_knows_what_was_made_here(
    project: Repo,
) -> None:
    project.write("a", "1")
    bad = snap(project, "bad")
    project.write("a", "2")
    good = snap(project, "good")
    other = Clone(project)
    theirs = other.snapshot("theirs")
    tip = other.tell(
        {
            theirs: other.line(AT, message="theirs"),
            bad: other.line(LATER, label="x"),
            good: other.line(LATER, label="of them"),
        }
    )
    before = clones.read(other.project.home)
    assert before is not None
    done = purging.let_go(other.project, {bad: SNAPSHOT}, absorb=True)
    after = clones.read(other.project.home)
    assert after is not None
    assert after.id == done.clone
    assert after.former == (before.id,)
    assert done.dropped[SOMEONE] == {tip}
    assert listed(other) == {good, theirs}

    index = catalogue.refresh(other.project)
    record = index.get(good)
    assert record is not None
    assert record.label == "of them"
    assert catalogue.made_here(other.project, index, good)
    assert not catalogue.made_here(other.project, index, theirs)
    reached = project.git("rev-list", "--all").split()
    assert bad not in reached
    assert {good, theirs} <= set(reached)
    assert project.refs("refs/datmo-remotes") == {}
    assert list(project.refs("refs/datmo/notes")) == [layout.notes_ref(after.id)]
    assert_clean(project)


def test_a_chain_that_speaks_in_our_name_is_left(project: Repo) -> None:
    project.write("a", "1")
    bad = snap(project, "bad")
    clone = clones.read(Clone(project).project.home)
    assert clone is not None
    other = Clone(project)
    tip = other.tell({bad: other.line(AT, label="x")})
    forger = Clone(project, clone.id)
    forged = forger.line(AT, message="trust me")
    theirs = other.snapshot("forged")
    other.tell({bad: other.line(AT, label="x"), theirs: forged})
    done = purging.let_go(other.project, {bad: SNAPSHOT}, absorb=True)
    assert done.left == {other.ref: purging.FOREIGN}
    assert SOMEONE not in done.dropped
    assert other.ref in project.refs("refs/datmo-remotes")
    assert tip


def test_many_mentions_become_a_chain_of_commits_with_few_parents(project: Repo) -> None:
    other = Clone(project)
    made = [other.snapshot(f"number {number}") for number in range(1_200)]
    with chain.writing(other.project) as writer:
        for oid in made:
            writer.note(oid, set={"message": "m", "visible": True})
    done = purging.let_go(other.project, {made[0]: SNAPSHOT}, absorb=True)
    assert done.clone is not None
    assert listed(other) == set(made[1:])
    tip = refs.read_one(project.common_dir, layout.LOCAL_TIP)
    assert tip is not None
    assert set(lineage.mentions(other.project, [tip])) == set(made[1:])
    counts = project.git("rev-list", "--parents", tip).splitlines()
    assert max(len(line.split()) for line in counts) <= lineage.PARENTS + 1
    assert_git_clean(project)


def test_a_chain_of_very_many_lines_is_taken_over(project: Repo) -> None:
    other = Clone(project)
    lines = [other.line(AT + number, stats={"n": number}) for number in range(LINES)]
    made = [other.snapshot(f"number {number}") for number in range(20)]
    objects = other.project.repository.objects
    keep = {
        f"{number:08x}" + "0" * 32: b"".join(lines) for number in range(0, 5_000 << 16, 1 << 16)
    }
    tree = notes.append(objects, EMPTY_TREE, {**keep, **dict.fromkeys(made, b"".join(lines))})
    tip = other.commit(layout.NOTES_MESSAGE, tree, *made)
    assert sum(1 for _ in notes.walk(objects, tree)) == 5_020
    left = notes.without(objects, tree, made)
    assert {target for target, _ in notes.walk(objects, left)} == keep.keys()
    assert notes.noted(objects, tree, [made[0], "f" * 40]) == {made[0]}
    project.git("update-ref", other.ref, tip)
    done = purging.let_go(other.project, {made[0]: SNAPSHOT}, absorb=True)
    assert done.dropped[SOMEONE] == {tip}
    own = refs.read_one(project.common_dir, layout.LOCAL_TIP)
    assert own is not None
    blobs = dict(notes.walk(objects, catalogue.notes_tree(other.project, own)))
    for target in keep:
        assert len(objects.blob(blobs[target]).splitlines()) == LINES
    assert made[0] not in blobs


def test_what_stands_on_it_unnamed_is_said_to_everybody(project: Repo) -> None:
    other = Clone(project)
    one = other.snapshot("one")
    below = child(other, one, "below")
    other.tell(
        {
            one: other.line(AT, message="one"),
            layout.PROJECT_ID: other.line(AT, **words(one)),
        }
    )
    with chain.writing(other.project) as writer:
        writer.note(below, set={"message": "ours", "visible": True})
    told = obeying.obey(other.project)
    assert any("let go of" in line for line in told)
    index = catalogue.refresh(other.project)
    assert set(purged.everybody_named(other.project, index)) == {one, below}
    own = refs.read_one(project.common_dir, layout.LOCAL_TIP)
    assert own is not None
    assert below not in project.git("rev-list", own).split()
    assert obeying.obey(other.project) == ()


def test_a_chain_that_alone_says_something_stays_until_another_says_it(project: Repo) -> None:
    other, third = Clone(project), Clone(project, OTHER)
    one, two = other.snapshot("one"), other.snapshot("two")
    alone = {two: other.line(AT, message="only here")}
    other.tell({one: other.line(AT, message="one"), **alone})
    third.tell({layout.PROJECT_ID: third.line(AT, **words(one))})
    told = obeying.obey(other.project)
    assert any(other.ref in line and purging.ALONE in line for line in told)
    assert other.ref in project.refs("refs/datmo-remotes")
    assert obeying.obey(other.project) == (), "nothing moved: it is not looked at again"
    third.tell({layout.PROJECT_ID: third.line(AT, **words(one)), **alone})
    assert any("let go of" in line for line in obeying.obey(other.project))
    assert other.ref not in project.refs("refs/datmo-remotes")
    assert listed(other) == {two}


def test_what_was_purged_cannot_be_pushed(project: Repo) -> None:
    other = Clone(project)
    one = other.snapshot("one")
    tip = other.tell(
        {one: other.line(AT, message="one"), layout.PROJECT_ID: other.line(AT, **words(one))}
    )
    ref = layout.SNAPSHOTS + one
    with pytest.raises(Conflict, match="it holds what was purged"):
        obeying.refuse(other.project, [(one, ref)])
    with pytest.raises(Conflict, match="it holds what was purged"):
        obeying.refuse(other.project, [(tip, layout.notes_ref(SOMEONE))])
    obeying.refuse(other.project, [("0" * 40, ref), (one, "refs/heads/main")])
