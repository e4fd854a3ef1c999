"""t9k's folders on a git server: a ref for each run or artifact that was put somewhere.

`refs/datmo-folders/<user>/<folder…>/<name>` points to the commit of a run, of what is known of a
run under way, or of an artifact. A folder is there as long as a ref lies below it; an empty one
has the ref `@folder`, which points to a constant blob. That git keeps no ref below another is why
two things can never have one path. Whoever moves a ref says what it was before: of two that want
one place, one gets it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from git_datmo.errors import DamagedObject, RemoteError
from git_datmo.model.folder import Path, is_path
from git_datmo.records import layout
from git_datmo.records.project import Project
from git_datmo.remotes import places
from git_datmo.remotes.gitwire import Change, Wire
from git_datmo.remotes.refusals import Stale, refusal, without_secrets
from git_datmo.remotes.signingin import signing_in
from git_datmo.storage.git import Git

SELF = "."
"""The repository itself, as git names it: where folders lie while no remote was chosen."""

_STALE = re.compile(rb"stale info|cannot lock ref|failed to update ref|already exists")

EMPTY = "@folder"
EMPTY_BLOB = b"datmo folder\n"


@dataclass
class Listing:
    """What lies at a server: commits by their path, empty folders, and runs under way by id."""

    nodes: dict[Path, str] = field(default_factory=dict)
    empty: set[Path] = field(default_factory=set)
    live: dict[str, str] = field(default_factory=dict)

    def is_folder(self, path: Path) -> bool:
        """Whether something lies below a path, or an empty folder is there."""
        size = len(path)
        return any(
            found[:size] == path and (len(found) > size or found in self.empty)
            for found in (*self.nodes, *self.empty)
        )

    def blocked(self, path: Path) -> Path | None:
        """The run or artifact that lies where a folder of this path would have to be."""
        parts = (path[:size] for size in range(1, len(path) + 1))
        return next((part for part in parts if part in self.nodes), None)

    def below(self, path: Path) -> dict[Path, str | None]:
        """What lies right in a folder: commits, and None for the folders in it."""
        size = len(path) + 1
        found: dict[Path, str | None] = {}
        for other in (*self.nodes, *self.empty):
            if other[: len(path)] == path and len(other) >= size:
                found[other[:size]] = self.nodes.get(other[:size])
        return found


def ref_of(path: Path) -> str:
    """The ref of a run or artifact at a path."""
    return layout.FOLDERS + "/".join(layout.encoded(part) for part in path)


def marker_of(path: Path) -> str:
    """The ref that keeps an empty folder."""
    return f"{ref_of(path)}/{EMPTY}"


def live_ref(run_id: str) -> str:
    """The ref of what is known of a run under way."""
    return layout.LIVE + run_id


def address(project: Project, remote: str) -> str:
    """Where the folders of a remote lie: where it is pushed to first. Raises RemoteError."""
    return SELF if remote == SELF else places.urls_of(project, remote, push=True)[0]


def shown(url: str) -> str:
    """An address without passwords."""
    return without_secrets(url)


def listing(project: Project, url: str) -> Listing:
    """What lies in all folders there. Refs that git-datmo did not write mean nothing.

    Raises RemoteError.
    """
    found = Listing()
    for ref, oid in Wire(project.repository.git, url).refs("refs/datmo-*").items():
        if ref.startswith(layout.LIVE):
            run_id = ref.removeprefix(layout.LIVE)
            if layout.is_run_id(run_id):
                found.live[run_id] = oid
            continue
        if not ref.startswith(layout.FOLDERS):
            continue
        *parts, last = ref.removeprefix(layout.FOLDERS).split("/")
        try:
            path = tuple(map(layout.decoded, parts if last == EMPTY else (*parts, last)))
        except DamagedObject:
            continue
        if not is_path(path):
            continue
        if last == EMPTY:
            found.empty.add(path)
        else:
            found.nodes[path] = oid
    return found


def move(
    git: Git, url: str, changes: Sequence[Change], env: Mapping[str, str] | None = None
) -> None:
    """Move refs there, all or none, each only from where it was said to be. `env` is that of a
    scratch folder where the objects lie in one.

    Raises Stale when somebody was faster, RemoteError.
    """
    flags = ["--porcelain", "--atomic", "--no-verify", "--no-follow-tags", "--quiet"]
    flags += ["--recurse-submodules=no"]
    leases = [f"--force-with-lease={c.ref}:{c.old or ''}" for c in changes]
    specs = [f"{c.new or ''}:{c.ref}" for c in changes]
    options = ("-c", "protocol.ext.allow=never", "-c", "push.gpgSign=false")
    given = {"GIT_DATMO_IN_HOOK": "1", **signing_in(git), **(env or {})}
    code, out, err = git.attempt(*options, "push", *flags, *leases, "--", url, *specs, env=given)
    if code == 0:
        return
    error = refusal("push", shown(url), out, err)
    if b"hidden ref" in out:
        raise RemoteError(
            f"{shown(url)} hides refs/datmo-folders/* and takes none of them",
            hint="ask whoever runs it to let refs/datmo-folders and refs/datmo-live through",
        )
    # A server that was told nothing hangs up, which says less than why.
    raise Stale(error.message, hint=error.hint) if _STALE.search(out) else error
