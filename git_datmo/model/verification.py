"""What a verification found: who signed something, and whether all of it is here and sound."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Final

from git_datmo.model.frozen import frozen

# States of a signature. UNKNOWN: it cannot be judged, for its key is not known or not trusted.
GOOD, BAD, UNKNOWN, EXPIRED, REVOKED = "good", "bad", "unknown key", "expired", "revoked"
UNSIGNED = "unsigned"
# States of content, the worse ones last.
COMPLETE, MISSING, DAMAGED = "complete", "missing", "damaged"
WORSE: Final = (COMPLETE, MISSING, DAMAGED)


@frozen
class Signature:
    """A signature as git judges it with the user's setup.

    `format` is git's word for it (`openpgp`, `ssh`, `x509`), `signer` who made it and `key` the
    fingerprint of their key, as far as that is known; `said` is what git or its program said.
    """

    state: str
    format: str | None = None
    signer: str | None = None
    key: str | None = None
    said: str = ""


@frozen
class Problem:
    """One thing that is MISSING or DAMAGED: `subject` is a path or the id of an object, and
    `message` says what is wrong with it in a sentence."""

    state: str
    subject: str
    message: str


@frozen
class Verdict:
    """What was found of one snapshot, run or artifact.

    `commit` is what was signed, and for all but a run its `id`; `title` is its message, command or
    name as it was signed, whatever was said of it since. `objects` are git's objects
    that were read, `files` and `size` (bytes) the stored content. `hint` is what helps.
    """

    id: str
    commit: str
    kind: str
    title: str
    signature: Signature
    problems: tuple[Problem, ...] = ()
    objects: int = 0
    files: int = 0
    size: int = 0
    hint: str | None = None

    @property
    def content(self) -> str:
        """COMPLETE, MISSING or DAMAGED."""
        states = {problem.state for problem in self.problems}
        return max(states, key=WORSE.index, default=COMPLETE)

    def ok(self, require_signature: bool) -> bool:
        """Whether it is verified: all of it is sound, and no signature is doubtful."""
        allowed = (GOOD,) if require_signature else (GOOD, UNSIGNED)
        return self.content == COMPLETE and self.signature.state in allowed


@frozen
class Verification:
    """What was found of all that was asked for."""

    verdicts: tuple[Verdict, ...]
    require_signature: bool = False

    @property
    def ok(self) -> bool:
        """Whether every one of them is verified."""
        return all(verdict.ok(self.require_signature) for verdict in self.verdicts)

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain values."""
        rows = [
            {
                **{name: value for name, value in asdict(verdict).items() if name != "problems"},
                "verified": verdict.ok(self.require_signature),
                "content": verdict.content,
                "problems": [asdict(problem) for problem in verdict.problems],
            }
            for verdict in self.verdicts
        ]
        return {"verified": self.ok, "verdicts": rows}
