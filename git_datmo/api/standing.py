"""What stands for a name of git's: the run or snapshot that was recorded where a branch is."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress

from git_datmo.api import content, lookup, revision, run_lookup
from git_datmo.errors import CommitDoesNotExist, EntityNotFound, RunNotFound, SnapshotNotFound
from git_datmo.model.expression import In
from git_datmo.model.revision import Revision
from git_datmo.model.run import SUCCESS, Run
from git_datmo.model.snapshot import Snapshot
from git_datmo.records import catalogue
from git_datmo.records.kinds import RUN, SNAPSHOT
from git_datmo.records.project import Project
from git_datmo.storage import treediff
from git_datmo.storage.index import Record
from git_datmo.storage.objects import EMPTY_TREE, TREE

# How far back from a branch's tip something recorded is looked for, along first parents.
ANCESTORS = 50
# Of each commit so many runs, and snapshots, are looked at.
TRIED = 20


def find(
    project: Project, name: str, *, apart_from: Collection[str] = ()
) -> tuple[Run | Snapshot | Revision, str | None]:
    """The run or snapshot with an id, beginning of an id or label; else what was recorded on the
    branch, tag or commit of that name, or on the nearest ancestor of it: the newest successful
    run that began with exactly that code, else a snapshot of it with stats. Ids `apart_from` are
    never meant. Where nothing was recorded it is the revision itself.

    The text says what was taken in place of what was named. Raises EntityNotFound, AmbiguousId.
    """
    with suppress(RunNotFound):
        return run_lookup.resolve(project, name), None
    with suppress(SnapshotNotFound):
        record = lookup.snapshot(project, name)
        meant = (record.label, "latest")
        if record.id.startswith(name.lower()) or name in meant or name.startswith("@{-"):
            return lookup.value(project, record, lookup.Names(project.index)), None
    try:
        named = revision.find(project, revision=name)
    except CommitDoesNotExist as error:
        raise EntityNotFound(
            f"no run, snapshot, branch or commit is called '{name}'",
            hint="'git datmo ls', 'git datmo snapshot ls' and 'git branch' list them",
        ) from error
    return _recorded(project, named, apart_from)


def _recorded(
    project: Project, named: Revision, apart_from: Collection[str]
) -> tuple[Run | Snapshot | Revision, str | None]:
    names = lookup.Names(catalogue.refresh(project))
    ground = _Ground(project, _trees(project, named.commit), apart_from)
    for commit in ground.trees:
        where = f"on {commit[:12]}" + ("" if commit == named.commit else f", before {_text(named)}")
        run = ground.run(commit)
        if run is not None:
            found = run_lookup.value(project, run, names)
            return found, f"{_text(named)} is run {found.id[:12]}, {where}"
        state = ground.snapshot(commit)
        if state is not None:
            said = f"{_text(named)} is snapshot {state.id[:12]}, {where}"
            return lookup.value(project, state, names), said
    return named, f"nothing was recorded on {_text(named)}: only code is compared to it"


class _Ground:
    """What was recorded on some commits, by their ids in the order given; `trees` are theirs."""

    def __init__(
        self, project: Project, trees: Mapping[str, str], apart_from: Collection[str]
    ) -> None:
        self._project, self._index = project, catalogue.refresh(project)
        self.trees = trees
        self._exact: dict[tuple[str, str], bool] = {}
        self._runs: dict[str, list[Record]] = {}
        self._states: dict[str, list[Record]] = {}
        for record in self._index.select(RUN, where=In(("git", "commit"), tuple(trees))):
            if record.doc.get("run_id") not in apart_from:
                self._runs.setdefault(_commit(record), []).append(record)
        by_tree = {tree: commit for commit, tree in trees.items()}
        for path, known in ((("parent",), {c: c for c in trees}), (("code_id",), by_tree)):
            for record in self._index.select(SNAPSHOT, where=In(path, tuple(known))):
                if record.id not in apart_from and record.doc.get("stats"):
                    commit = known[str(record.doc[path[0]])]
                    self._states.setdefault(commit, []).append(record)

    def run(self, commit: str) -> Record | None:
        """The newest successful run, else the newest, that began with exactly a commit's code."""
        found = self._runs.get(commit, [])
        found.sort(key=lambda one: (one.doc.get("status") == SUCCESS, one.created), reverse=True)
        for record in found[:TRIED]:
            state = self._index.get(str(record.doc.get("before_id")))
            if state is not None and self._is(state, commit):
                return record
        return None

    def snapshot(self, commit: str) -> Record | None:
        """The newest snapshot of exactly a commit's code that says how good it is."""
        found = sorted(self._states.get(commit, []), key=lambda one: one.created, reverse=True)
        return next((one for one in found[:TRIED] if self._is(one, commit)), None)

    def _is(self, state: Record, commit: str) -> bool:
        """Whether a snapshot's tree is a commit's but for untracked and large files."""
        key = (state.id, commit)
        if key not in self._exact:
            read = self._project.repository.objects.tree
            moved = treediff.diff(read, self.trees[commit], state.tree or EMPTY_TREE)
            files = content.files_of(self._project, state.id)
            self._exact[key] = all(
                path in files or all(leaf is None or leaf[0] == TREE for leaf in leaves)
                for path, *leaves in moved
            )
        return self._exact[key]


def _commit(run: Record) -> str:
    """The commit that was checked out when a run began."""
    git = run.doc.get("git")
    return str(git.get("commit")) if isinstance(git, Mapping) else ""


def _trees(project: Project, commit: str) -> dict[str, str]:
    """The trees of a commit and its ancestors, by their ids, the commit first."""
    arguments = ("rev-list", "--first-parent", f"--max-count={ANCESTORS}", "--format=%H %T")
    lines = project.repository.git.run(*arguments, commit).decode().splitlines()
    # Each is preceded by a line that only says `commit` and its id.
    pairs = (line.partition(" ") for line in lines if not line.startswith("commit "))
    return {oid: tree for oid, _, tree in pairs}


def _text(named: Revision) -> str:
    return named.name if named.name != named.commit else named.commit[:12]
