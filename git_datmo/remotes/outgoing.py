"""What a push of snapshots takes along: the commits they stand on, and secrets in either.

A snapshot's parent is a commit of the user's. If that was never pushed, sharing the snapshot
shares it too, so it is named and looked through first.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass

from git_datmo.errors import Conflict
from git_datmo.records import catalogue
from git_datmo.records.kinds import RUN
from git_datmo.records.project import Project
from git_datmo.remotes import places
from git_datmo.storage import secrets

SHOWN = 10
# Reading stops here: a scan must not make a push of large text files endless.
MAX_BYTES = 256 * 1024 * 1024

_FILE = re.compile(rb"^\+\+\+ (?:b/)?(.*)$")
_HUNK = re.compile(rb"^@@ -\S+ \+(\d+)")


@dataclass(frozen=True)
class Outgoing:
    """`commits` of the user's that go along (id and subject), `findings` as commit, path, line."""

    commits: tuple[tuple[str, str], ...]
    findings: tuple[tuple[str, str, int, str], ...]

    def notices(self) -> tuple[str, ...]:
        """What to tell about it, in sentences."""
        if not self.commits:
            return ()
        shown = "; ".join(f"{oid[:10]} {subject}" for oid, subject in self.commits[:SHOWN])
        more = f" and {len(self.commits) - SHOWN} more" if len(self.commits) > SHOWN else ""
        return (
            f"{len(self.commits)} commits that no branch there has go along, because snapshots "
            f"stand on them: {shown}{more} (git config datmo.parent pushed avoids that)",
        )

    def refuse(self) -> None:
        """Raise Conflict when anything looks like a secret."""
        if not self.findings:
            return
        listed = "; ".join(
            f"{path}:{line} in {oid[:10]} ({kind})"
            for oid, path, line, kind in self.findings[:SHOWN]
        )
        raise Conflict(
            f"{len(self.findings)} places that would be pushed look like secrets: {listed}",
            hint="if they are none: git -c datmo.allowSecrets=true push …",
        )


def look(project: Project, remote: str, snapshots: Iterable[str]) -> Outgoing:
    """Find what pushing `snapshots` to `remote` takes along beside them."""
    wanted = list(snapshots)
    if not wanted:
        return Outgoing((), ())
    git = project.repository.git
    known = f"--remotes={remote}" if remote in places.remotes(project) else "--remotes"
    index = catalogue.refresh(project)
    own = set(wanted)
    parents = {p for oid in wanted for p in project.repository.objects.commit(oid).parents}
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
    found = _findings(project, revisions, ["--not", known])
    made = [oid for oid in wanted if (record := index.get(oid)) and record.kind == RUN]
    if made:
        # A run stands on two snapshots, and its own tree holds only what it recorded.
        alone = ["--no-walk", "-m", "--first-parent", "--diff-filter=A"]
        found += _findings(project, "".join(f"{oid}\n" for oid in made).encode(), alone)
    return Outgoing(tuple(commits), tuple(found))


def _findings(
    project: Project, revisions: bytes, chosen: list[str]
) -> list[tuple[str, str, int, str]]:
    """Secrets in lines that these revisions add, each place once."""
    options = ["--format=commit %H", "-p", "-U0", "--no-renames", "--no-ext-diff"]
    process = project.repository.git.start(
        "log", "--no-textconv", *options, "--stdin", *chosen, stdin=subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(revisions)
    process.stdin.close()
    oid, path, line, read = "", "", 0, 0
    found: dict[tuple[str, int, str], str] = {}
    for text in process.stdout:
        read += len(text)
        if read > MAX_BYTES:
            process.kill()
            break
        if text.startswith(b"+") and not text.startswith(b"+++ "):
            kind = secrets.in_content(text)
            if kind is not None:
                found.setdefault((path, line, kind), oid)
            line += 1
        elif match := _FILE.match(text):
            path = match[1].decode(errors="replace").rstrip("\t")
        elif match := _HUNK.match(text):
            line = int(match[1])
        elif text.startswith(b"commit "):
            oid = text[7:].decode().strip()
    process.stdout.close()
    process.wait()
    return [(oid, path, line, kind) for (path, line, kind), oid in found.items()]
