"""Who stands on whom: what a notes chain carries, and what reaches given commits."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from git_datmo.errors import Corrupt
from git_datmo.records import layout
from git_datmo.records.project import Project

# Commits with more parents than this make other programs slow.
PARENTS = 1_000
_TITLE = layout.NOTES_MESSAGE.partition("\n")[0] + "\n"


def mentions(project: Project, tips: Iterable[str]) -> list[str]:
    """The commits that notes chains carry: all parents of theirs that are not notes themselves,
    oldest first. What is missing here, as in a shallow clone, is left out."""
    objects = project.repository.objects
    found: dict[str, None] = {}
    seen: set[str] = set()
    stack = list(tips)
    while stack:
        oid = stack.pop()
        if oid in seen:
            continue
        seen.add(oid)
        try:
            commit = objects.commit(oid)
        except Corrupt:
            continue
        if commit.message.startswith(_TITLE) and "\nDatmo-Format: " in commit.message:
            stack += commit.parents
        else:
            found[oid] = None
    return list(reversed(found))


def batches(commits: Sequence[str]) -> Iterator[Sequence[str]]:
    """The parents of each commit of a chain that is to carry `commits`; one at least."""
    for start in range(0, max(1, len(commits)), PARENTS - 1):
        yield commits[start : start + PARENTS - 1]


def by_age(project: Project, commits: Iterable[str]) -> dict[str, int]:
    """The time of each commit in seconds, the oldest first.

    A chain whose commits are as old as what they carry is walked in flat memory: who looks for
    the newest commit first meets each with its batch, not all of them at once.
    """
    times = {oid: project.repository.objects.commit(oid).time for oid in commits}
    return dict(sorted(times.items(), key=lambda item: item[1]))


def standing_on(project: Project, roots: Collection[str]) -> set[str]:
    """`roots`, and every commit here that stands on one of them, from any ref or reflog.

    Raises GitFailed when git cannot read its history.
    """
    found = set(roots)
    if not found:
        return found
    options = ["--parents", "--topo-order", "--reverse", "--all", "--reflog", "--ignore-missing"]
    process = project.repository.git.start(
        "rev-list", *options, env={"GIT_NO_REPLACE_OBJECTS": "1"}
    )
    assert process.stdout is not None
    assert process.stderr is not None
    for line in process.stdout:
        oid, *parents = line.decode("ascii").split()
        if not found.isdisjoint(parents):
            found.add(oid)
    said = process.stderr.read()
    process.stdout.close()
    if process.wait() != 0:
        from git_datmo.storage.git import failure

        raise failure(["rev-list"], process.returncode, said)
    return found


def unreached(project: Project, commits: Iterable[str], tips: Iterable[str]) -> list[str]:
    """Those of `commits` that none of `tips` is or stands on. Raises GitFailed."""
    wanted = dict.fromkeys(commits)
    if not wanted:
        return []
    asked = "".join([*(f"{oid}\n" for oid in wanted), *(f"^{oid}\n" for oid in tips)])
    out = project.repository.git.run(
        "rev-list", "--stdin", data=asked.encode(), env={"GIT_NO_REPLACE_OBJECTS": "1"}
    )
    left = set(out.decode("ascii").split())
    return [oid for oid in wanted if oid in left]
