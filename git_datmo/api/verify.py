"""Whether snapshots, runs and artifacts are what their makers recorded: signature and content."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress

from git_datmo.api import subject
from git_datmo.errors import Corrupt, InvalidArgumentType, RunUnderWay, SnapshotNotFound
from git_datmo.model.artifact import FOLDER, REFERENCE
from git_datmo.model.run import Run
from git_datmo.model.verification import (
    BAD,
    COMPLETE,
    DAMAGED,
    EXPIRED,
    GOOD,
    MISSING,
    REVOKED,
    UNKNOWN,
    UNSIGNED,
    Problem,
    Signature,
    Verdict,
    Verification,
)
from git_datmo.records import artifacts, catalogue, layout, runs, snapshots
from git_datmo.records.kinds import ARTIFACT, HOLDERS, RUN, SNAPSHOT
from git_datmo.records.project import Project
from git_datmo.storage import signing
from git_datmo.storage.audit import Audit
from git_datmo.storage.index import Record
from git_datmo.storage.objects import Commit

_SIGNATURES = {
    BAD: "it was changed after it was signed, or signed with another key: do not trust it",
    EXPIRED: "ask its maker whether the key was theirs at that time",
    REVOKED: "ask its maker: the key was taken back",
    UNSIGNED: "git config datmo.sign true signs what you record from now on",
}


def verify(
    project: Project,
    ids: Sequence[str] | str = (),
    *,
    require_signature: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Verification:
    """Judge the signatures of snapshots, runs and artifacts, named as any command takes them, and
    read all that they hold; nothing named means all that are not deleted.

    Signatures are judged by git with the user's setup, content by computing every digest anew. A
    run is judged with the snapshots before and after it. No remote is asked and nothing is
    changed. `require_signature` takes nothing for verified that is not signed; `progress` is told
    bytes of stored content. What is wrong is in the verdicts, and is not raised.
    Raises ProjectNotInitialized, EntityNotFound, AmbiguousId, InvalidArgumentType, RunUnderWay.
    """
    project.require_known()
    if isinstance(ids, str):
        ids = [ids]
    index = catalogue.refresh(project)
    if ids:
        records = [_named(project, name) for name in ids]
    else:
        records = [row for kind in HOLDERS for row in index.select(kind, include_hidden=True)]
    judge = _Judge(project, Audit(project.repository.objects, project.store, progress))
    verdicts = [judge.verdict(record) for record in records]
    return Verification(tuple(verdicts), require_signature)


def _named(project: Project, name: object) -> Record:
    if not isinstance(name, str):
        raise InvalidArgumentType(f"it is named by text, not by {type(name).__name__}")
    found = subject.find(project, name)
    if isinstance(found, Run):
        raise RunUnderWay(
            f"the run {found.id[:12]} has not ended yet: there is nothing to verify",
            hint=f"git datmo stop {found.id[:12]}, or wait for it",
        )
    # A revision names a snapshot by its files, which says nothing of that commit's signature.
    said = found.id.startswith(name.lower()) or name in (found.label, "latest") or "@{-" in name
    if found.kind == SNAPSHOT and not said and _is_commit(project, name) not in (None, found.id):
        raise SnapshotNotFound(
            f"'{name}' is no snapshot, though {found.id[:12]} holds the same files",
            hint=f"git datmo verify {found.id[:12]}, or git verify-commit for a commit of git's",
        )
    return found


def _is_commit(project: Project, name: str) -> str | None:
    """The commit that git itself knows by this name."""
    if name.startswith("-") or "\0" in name:
        return None
    code, out, _ = project.repository.git.attempt(
        "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}"
    )
    return out.decode().strip() if code == 0 else None


class _Judge:
    """Judges one record after another over one audit, which reads nothing twice."""

    def __init__(self, project: Project, audit: Audit) -> None:
        self._project, self._audit = project, audit
        try:
            cut = (project.repository.common_dir / "shallow").read_text("ascii").split()
        except (OSError, UnicodeDecodeError):
            cut = []
        self._cut = frozenset(cut)

    def verdict(self, record: Record) -> Verdict:
        audit = self._audit
        before = audit.objects, audit.files, audit.size
        commit, data, problems = audit.commit(record.id)
        signature = Signature(UNSIGNED)
        if commit is not None:
            signature = signing.signature_of(self._project.repository.git, record.id, data)
            problems += self._below(record.kind, commit)
            problems = problems or self._inconsistent(record.kind, commit)
        name = str(record.doc["run_id"]) if record.kind == RUN else record.id
        done = Verdict(
            *(name, record.id, record.kind, _title(record, commit), signature, tuple(problems)),
            *(audit.objects - before[0], audit.files - before[1], audit.size - before[2]),
        )
        return Verdict(**{**vars(done), "hint": self._hint(done)})

    def _below(self, kind: str, commit: Commit) -> list[Problem]:
        """What is wrong with the trees and the commits that it stands on."""
        audit = self._audit
        problems = audit.tree(commit.tree)
        if kind == SNAPSHOT and snapshots.is_snapshot(commit):
            problems += audit.tree(self._environment(commit))
        for parent in commit.parents if commit.id not in self._cut else ():
            other, _, found = audit.commit(parent)
            problems += found
            if other is not None and kind == RUN:
                problems += audit.tree(other.tree)
        return problems

    def _environment(self, commit: Commit) -> str:
        try:
            return str(snapshots.facts(commit)["environment_id"])
        except Corrupt:
            return commit.tree  # `_inconsistent` says what is wrong with it.

    def _inconsistent(self, kind: str, commit: Commit) -> list[Problem]:
        """Where a record, all of which is here, contradicts itself."""
        said = None
        try:
            if kind == SNAPSHOT:
                snapshots.facts(commit)
            elif kind == RUN:
                said = self._run(commit)
            elif kind == ARTIFACT:
                said = self._artifact(commit)
        except Corrupt as error:
            said = error.message
        return [Problem(DAMAGED, commit.id, said)] if said else []

    def _run(self, commit: Commit) -> str | None:
        facts = runs.facts(self._project, commit)
        ends = [facts.get("before_id"), facts.get("after_id")]
        named = tuple(dict.fromkeys(str(end) for end in ends if end))
        if commit.id not in self._cut and named != commit.parents:
            return "run.json names other snapshots before and after than its commit stands on"
        for parent in commit.parents:
            if not snapshots.is_snapshot(self._project.repository.objects.commit(parent)):
                return f"it stands on {parent}, which is no snapshot"
        return None

    def _artifact(self, commit: Commit) -> str | None:
        facts = artifacts.facts(self._project, commit)
        listed = artifacts.entries(self._project, commit.tree)
        files = [entry for entry in listed if entry.mode not in (FOLDER, REFERENCE)]
        size = sum(entry.size or 0 for entry in files)
        if (len(files), size) == (facts["files"], facts["size"]):
            return None
        return (
            f"artifact.json counts {facts['files']} files of {facts['size']} bytes, and there are "
            f"{len(files)} of {size}"
        )

    def _hint(self, done: Verdict) -> str | None:
        """What to do about a verdict."""
        short = done.id[:12]
        if done.content == MISSING:
            whole = not self._project.repository.objects.promised.remotes
            if any("the git " in problem.message for problem in done.problems):
                if not whole:
                    return "a partial clone left it out: git fetch --refetch --no-filter REMOTE"
                return "git datmo fetch brings it from a remote that has it"
            return f"git datmo pull --content REMOTE {short}"
        if done.content != COMPLETE:
            return "git datmo fsck says what else is affected, and whether a remote has it"
        if done.signature.state == UNKNOWN:
            return _unknown(done.signature)
        if done.signature.state == GOOD:
            return None
        return _SIGNATURES[done.signature.state]


def _title(record: Record, commit: Commit | None) -> str:
    """What it is called by what was signed; a message may be another one since."""
    if record.kind == SNAPSHOT and commit is not None:
        with suppress(Corrupt):
            return layout.trailers(commit.message)[0].partition("\n")[0]
    return subject.title(record)


def _unknown(signature: Signature) -> str:
    if signature.format != "ssh":
        return (
            "get the signer's public key from a place you trust: gpg --import, then gpg --sign-key"
        )
    if signature.key is None:
        return (
            "list the keys you trust in a file, and name it: git config gpg.ssh.allowedSignersFile"
        )
    return "if you trust this key, add it to the file that gpg.ssh.allowedSignersFile names"
