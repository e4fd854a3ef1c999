"""What an examination is given, and what it finds: what is wrong, with the way to mend it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from git_datmo.api.user import User
from git_datmo.model.frozen import field, frozen
from git_datmo.records.project import Project


@frozen
class Patient:
    """A project that is looked at. With `dry` nothing at all may be written, no lock file either.

    `program` starts git-datmo from a hook, empty where that is not known. `seen` are the subjects
    of what was found so far.
    """

    project: Project
    dry: bool
    full: bool
    program: Sequence[str]
    user: User
    progress: Callable[[int], None]
    seen: set[str] = field(default_factory=set)


@frozen
class Symptom:
    """Something that is wrong.

    `cure` says in words what `mend` does; `mend` returns what it did where that turned out to be
    something else, and raises DatmoError or OSError when it could not. It looks again before it
    touches anything: other commands go on meanwhile. Without it only the user can do something,
    which `advice` says; a `remark` needs nothing.
    """

    kind: str
    subject: str
    message: str
    cure: str = ""
    mend: Callable[[], str | None] | None = None
    advice: str = ""
    remark: bool = False
