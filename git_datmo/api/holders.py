"""Who still holds what was purged: other clones' chains, the user's refs, reflogs and commits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from git_datmo.errors import Corrupt, RemoteError
from git_datmo.model.purge import Holder
from git_datmo.records import layout, twins
from git_datmo.records.project import Project
from git_datmo.records.purging import Outcome, Survey
from git_datmo.remotes import exchange

_AGAIN = "it goes when that clone fetches and pushes, or by git datmo purge"


def of_remote(project: Project, remote: str, view: Survey) -> list[Holder]:
    """Refs that are on a remote all the same. What is not here cannot be looked into."""
    try:
        there = exchange.offered(project, remote)
    except RemoteError:
        return []
    found = []
    for ref, oid in there.items():
        clone = layout.clone_of(ref)
        if oid not in view.stained and oid not in view.idle:
            continue
        if clone is not None:
            found.append(Holder("clone", f"{remote} {ref}", _AGAIN, by=_maker(project, oid)))
        else:
            advice = f"git push {remote} --delete {ref}"
            found.append(Holder("ref", f"{remote} {ref}", advice, by=None))
    return found


def of_chains(project: Project, done: Outcome) -> list[Holder]:
    """Chains of others that could not be taken over, as they are kept here."""
    found = []
    for ref, reason in done.left.items():
        tip = _target(project, ref)
        by = _maker(project, tip) if tip is not None else None
        found.append(Holder("clone", ref, f"{reason}; {_AGAIN}", by=by))
    return found


def of_refs(project: Project, view: Survey) -> list[Holder]:
    """The user's own refs, work trees and reflogs that reach what was purged. They are named and
    never touched."""
    git, stained = project.repository.git, view.stained
    found = []
    listed = git.run("for-each-ref", "--format=%(objectname) %(*objectname) %(refname)")
    for line in listed.decode(errors="surrogateescape").splitlines():
        direct, peeled, ref = line.split(" ", 2)
        own = ref.startswith(("refs/datmo/", "refs/datmo-"))
        if (peeled or direct) in stained and (not own or ref.startswith(layout.FOLDERS)):
            found.append(Holder("ref", ref, _removal(ref)))
    trees = git.run("worktree", "list", "--porcelain", "-z").decode(errors="surrogateescape")
    for block in trees.split("\0\0"):
        facts = dict(line.partition(" ")[::2] for line in block.split("\0") if line)
        if "detached" in facts and facts.get("HEAD") in stained:
            found.append(Holder("ref", f"HEAD of {facts['worktree']}", "check out another commit"))
    logged = git.run("log", "--walk-reflogs", "--all", "--format=%H %gD")
    counts: Counter[str] = Counter()
    for line in logged.decode(errors="surrogateescape").splitlines():
        oid, _, entry = line.partition(" ")
        if oid in stained:
            counts[entry.rpartition("@{")[0]] += 1
    for ref, count in counts.items():
        entries = "1 entry" if count == 1 else f"{count} entries"
        advice = f"git reflog expire --expire=now {ref}"
        found.append(Holder("reflog", f"{ref} ({entries})", advice))
    return found


def of_commits(project: Project, blobs: Mapping[str, str]) -> list[Holder]:
    """The user's own commits that hold the same files."""
    return [
        Holder(
            "history",
            path,
            "your own commits hold it: git filter-repo rewrites those, this does not",
        )
        for path in twins.of_history(project, blobs)
    ]


def of_objects(project: Project, doomed: Sequence[str]) -> list[Holder]:
    """git's own objects, which nothing of ours names any more."""
    if not any(project.repository.objects.has(oid) for oid in doomed):
        return []
    advice = "git gc --prune=now (here; on a remote it is its host's to do)"
    return [Holder("objects", str(project.repository.common_dir / "objects"), advice)]


def _removal(ref: str) -> str:
    for prefix, advice in (
        ("refs/heads/", "git branch -D"),
        ("refs/tags/", "git tag -d"),
        ("refs/remotes/", "git branch -r -d"),
    ):
        if ref.startswith(prefix):
            return f"{advice} {ref.removeprefix(prefix)}"
    return "git stash drop" if ref == "refs/stash" else f"git update-ref -d {ref}"


def _target(project: Project, ref: str) -> str | None:
    from git_datmo.storage import refs

    return refs.read_one(project.repository.common_dir, ref)


def _maker(project: Project, oid: str) -> str | None:
    try:
        return project.repository.objects.commit(oid).author
    except Corrupt:
        return None
