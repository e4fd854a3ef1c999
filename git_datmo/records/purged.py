"""What was purged: a set of objects that no reader takes in again, whatever chain still holds them.

The project's note says it: `{"purged": {"<object id>": {"kind": …}}}`. What stands on a purged
object goes with it, whether it was named or not: its bytes are in that commit's ancestry. The set
is derived from the notes like all of the index, and kept there in one row.

It only grows, and only snapshots, runs and artifacts count: else one who may push could keep all
from recording, by naming the history of a branch, or bring back what was purged, by a later word.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from git_datmo.errors import Corrupt
from git_datmo.records import layout
from git_datmo.records.kinds import ARTIFACT, HOLDERS, RUN, SNAPSHOT
from git_datmo.records.project import Project

if TYPE_CHECKING:
    from git_datmo.storage.index import Index, Update
    from git_datmo.storage.objects import Commit, Objects

KEY = "purged"
# Set while some chain or ref here may still hold what was purged; whoever obeys takes it away.
DUE = "purge-due"
# More would make a line longer than a note can hold.
NAMES_PER_LINE = 5_000
# Where a record says what it stands on.
_STANDS = (("parent", SNAPSHOT), ("before_id", RUN), ("after_id", RUN), ("previous", ARTIFACT))


def known(index: Index) -> dict[str, str]:
    """Every purged object that is known here, by id, with its kind (empty when nobody said)."""
    text = index.meta(KEY)
    return dict(json.loads(text)) if text else {}


def named(values: Mapping[str, Any]) -> dict[str, str]:
    """The objects that what was set on the project's note names as purged. Strangers write notes:
    what has another shape is passed over."""
    said = values.get("purged")
    found = {}
    for oid, facts in said.items() if isinstance(said, dict) else ():
        if layout.is_oid(str(oid)) and oid != layout.PROJECT_ID and isinstance(facts, dict):
            kind = facts.get("kind")
            found[str(oid)] = kind if kind in HOLDERS else ""
    return found


def operations(kinds: Mapping[str, str]) -> Iterable[dict[str, Any]]:
    """What to set on the project's note so that every clone lets go of these objects."""
    entries = sorted(kinds.items())
    for start in range(0, len(entries), NAMES_PER_LINE):
        part = entries[start : start + NAMES_PER_LINE]
        yield {"purged": {oid: {"kind": kind} if kind else {} for oid, kind in part}}


def follow(project: Project, index: Index, update: Update, touched: set[str]) -> set[str]:
    """Bring the set up to the notes that changed; returns those of `touched` that are in it.

    Adds to `touched` what is in it from now on, or is no longer. Only inside an update.
    """
    before = known(index)
    said = dict(before)
    if layout.PROJECT_ID in touched:
        said = everybody_named(project, index)
    if not said and not before:
        return set()
    gone = dict(said)
    news = [oid for oid in said if oid not in before]
    # Also what an earlier reading found to stand on a purged object: does it still?
    asked = touched | before.keys()
    while news or asked:
        _below(project.repository.objects, index, gone, news)
        standing = _Standing(project, index, gone, touched)
        found = set(gone)
        for oid in sorted(asked):
            standing.look(oid)
        news, asked = [oid for oid in gone if oid not in found], set()
    touched.update(before.keys() ^ gone.keys())
    if gone != before:
        update.set_meta(KEY, json.dumps(gone) if gone else None)
    objects = project.repository.objects
    found = {oid for oid in touched & gone.keys() if takes_along(objects, oid)}
    if found:
        update.set_meta(DUE, "1")
    return found


def everybody_named(project: Project, index: Index) -> dict[str, str]:
    """The objects that anybody ever named as purged: nothing that is said later, or dated so,
    takes one out again."""
    from git_datmo.model import operation
    from git_datmo.storage import notes

    made: list[operation.Operation] = []
    for blob in index.note_blobs(layout.PROJECT_ID):
        try:
            made += operation.parse_note(notes.read(project.repository.objects, blob))[0]
        except Corrupt:
            continue
    found: dict[str, str] = {}
    for one in sorted(made, key=lambda m: (m.at, m.clone, m.line)):
        found |= named(one.set)
    return found


def takes_along(objects: Objects, oid: str) -> bool:
    """Whether what stands on a purged object goes with it: on a snapshot, run or artifact, not on a
    commit of somebody's branch or chain that was named. What is not here is believed."""
    try:
        commit = objects.commit(oid)
    except Corrupt:
        return objects.kind(oid) is None
    return kind_of(commit) is not None


def kind_of(commit: Commit) -> str | None:
    """The kind of a commit that may be purged, None for any other."""
    from git_datmo.records import artifacts, runs, snapshots  # a listing never gets here

    if runs.is_run(commit):
        return RUN
    if artifacts.is_artifact(commit):
        return ARTIFACT
    return SNAPSHOT if snapshots.is_snapshot(commit) else None


def held(objects: Objects, tree: str, gone: Mapping[str, str]) -> set[str]:
    """What a notes tree has notes on although it is to be let go of."""
    from git_datmo.storage import notes

    return {oid for oid in notes.noted(objects, tree, gone) if takes_along(objects, oid)}


def _below(objects: Objects, index: Index, gone: dict[str, str], news: list[str]) -> None:
    """Add what the index knows to stand on newly purged objects."""
    while news:
        oid = news.pop()
        for name, kind in _STANDS:
            for child in index.find_text((name,), oid, kind):
                if child not in gone and takes_along(objects, oid):
                    gone[child] = kind
                    news.append(child)


class _Standing:
    """Whether objects stand on purged ones, by their commits; each is looked at once."""

    def __init__(
        self, project: Project, index: Index, gone: dict[str, str], touched: set[str]
    ) -> None:
        self._objects, self._index = project.repository.objects, index
        self._gone, self._touched = gone, touched
        self._clean: set[str] = set()

    def look(self, target: str) -> bool:
        """True, and noted as gone, when `target` stands on a purged object."""
        stack = [target]
        while stack:
            oid = stack[-1]
            parents = self._parents(oid)
            open_ones = [p for p in parents if p not in self._gone and p not in self._clean]
            if oid not in self._gone and any(map(self._takes_along, parents)):
                self._gone[oid] = kind_of(self._objects.commit(oid)) or SNAPSHOT
            elif open_ones and oid not in self._gone:
                stack += open_ones
                continue
            elif oid not in self._gone:
                self._clean.add(oid)
            stack.pop()
        return target in self._gone

    def _takes_along(self, parent: str) -> bool:
        return parent in self._gone and takes_along(self._objects, parent)

    def _parents(self, oid: str) -> tuple[str, ...]:
        """The parents that are worth a look: of what is noted and has no settled record."""
        settled = oid not in self._touched and self._index.get(oid) is not None
        if oid in self._gone or oid in self._clean or settled:
            return ()
        if not self._index.note_blobs(oid):
            return ()
        try:
            return self._objects.commit(oid).parents
        except Corrupt:
            return ()
