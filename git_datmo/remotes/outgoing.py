"""What a push of snapshots takes along: the commits they stand on, and secrets in either.

A snapshot's parent is a commit of the user's. If that was never pushed, sharing the snapshot
shares it too, so it is named and looked through first.
"""

from __future__ import annotations

from collections.abc import Iterable

from git_datmo.errors import Conflict
from git_datmo.model.frozen import frozen
from git_datmo.model.quantity import counted
from git_datmo.records import catalogue
from git_datmo.records.kinds import RUN
from git_datmo.records.project import Project
from git_datmo.remotes import disclosure, places

SHOWN = 10


@frozen
class Outgoing:
    """`commits` of the user's that go along (id and subject), what looks like secrets, and how
    many bytes were `unread`."""

    commits: tuple[tuple[str, str], ...]
    findings: tuple[disclosure.Finding, ...]
    unread: int = 0

    def notices(self) -> tuple[str, ...]:
        """What to tell about it, in sentences."""
        told: tuple[str, ...] = ()
        if self.unread:
            told = (
                f"{self.unread} bytes of text that go along were not looked through for secrets: "
                f"a push reads {disclosure.MAX_BYTES} at most",
            )
        if not self.commits:
            return told
        shown = "; ".join(f"{oid[:10]} {subject}" for oid, subject in self.commits[:SHOWN])
        more = f" and {len(self.commits) - SHOWN} more" if len(self.commits) > SHOWN else ""
        return (
            f"{counted(len(self.commits), 'commit')} that no branch there has will go along, "
            f"because of snapshots on top: {shown}{more} "
            "(git config datmo.parent pushed avoids that)",
            *told,
        )

    def refuse(self) -> None:
        """Raise Conflict when anything looks like a secret."""
        if not self.findings:
            return
        listed = "; ".join(
            f"{path}:{line} in {oid[:10]} ({kind})"
            for oid, path, line, kind in self.findings[:SHOWN]
        )
        many = len(self.findings)
        look = "looks" if many == 1 else "look"
        raise Conflict(
            f"{counted(many, 'place')} that would be pushed {look} like secrets: {listed}",
            hint="if they are none: git -c datmo.allowSecrets=true push …",
        )


def look(
    project: Project,
    remote: str,
    snapshots: Iterable[str],
    chains: Iterable[tuple[str | None, str]] = (),
) -> Outgoing:
    """Find what pushing `snapshots` to `remote` takes along beside them, and secrets also in the
    notes of `chains`: what it knows of each, and what it is to know."""
    along = _along(project, remote, snapshots)
    if project.repository.config.boolean("datmo.allowSecrets", False):
        return along
    more = disclosure.look_at_notes(project, chains)
    return Outgoing(along.commits, (*along.findings, *more.found), along.unread + more.unread)


def _along(project: Project, remote: str, snapshots: Iterable[str]) -> Outgoing:
    wanted = list(snapshots)
    if not wanted:
        return Outgoing((), ())
    git = project.repository.git
    known = f"--remotes={remote}" if remote in places.remotes(project) else "--remotes"
    index = catalogue.refresh(project)
    own = set(wanted)
    made = [project.repository.objects.commit(oid) for oid in wanted]
    parents = {parent for commit in made for parent in commit.parents}
    # What a snapshot or run stands on may have been shared with an earlier push.
    shared = [f"^{oid}\n" for oid in sorted(parents - own) if index.get(oid) is not None]
    revisions = "".join([*(f"{oid}\n" for oid in wanted), *shared]).encode()
    listed = git.run("log", "--format=%H %s", "--stdin", "--not", known, data=revisions)
    commits = []
    for line in listed.decode(errors="replace").splitlines():
        oid, _, subject = line.partition(" ")
        if oid not in own and index.get(oid) is None:
            commits.append((oid, subject))
    if project.repository.config.boolean("datmo.allowSecrets", False):
        return Outgoing(tuple(commits), ())
    found, unread = disclosure.look(project, revisions, ["--not", known])
    messages = [(commit.id, commit.message) for commit in made]
    messages += [(oid, project.repository.objects.commit(oid).message) for oid, _ in commits]
    found = (*found, *disclosure.in_messages(messages))
    runs = [oid for oid in wanted if (record := index.get(oid)) and record.kind == RUN]
    if runs:
        # A run stands on two snapshots, and its own tree holds only what it recorded.
        alone = ["--no-walk", "-m", "--first-parent", "--diff-filter=A"]
        more = disclosure.look(project, "".join(f"{oid}\n" for oid in runs).encode(), alone)
        found, unread = (*found, *more.found), unread + more.unread
    return Outgoing(tuple(commits), found, unread)
