"""Finding the one path in a folder that something gets, decided where everybody decides."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from git_datmo.errors import Conflict, FileAlreadyExistsError, PathDoesNotExist, RemoteError
from git_datmo.model import folder as model
from git_datmo.model.folder import Path, text_of
from git_datmo.records.project import Project
from git_datmo.remotes import folders
from git_datmo.remotes.folders import Listing
from git_datmo.remotes.gitwire import Change
from git_datmo.remotes.refusals import Stale

TRIES = 40
PAUSE_SECONDS = 0.02

Send = Callable[[Sequence[Change]], None]
# The alternative name of what a commit at the server is; None where it has none.
Owner = Callable[[str, Listing], str | None]


@dataclass
class Wish:
    """What is to lie where: the commit `oid`, called `name`, in `folder`.

    `kind` is what messages call it. `at` is where it was put before. `run_id` is a run whose live
    ref goes along: it is set to the commit when `live`, and taken away when not.
    """

    oid: str
    kind: str
    folder: Path
    name: str
    alternative_name: str
    owner: str
    make_folder: bool = False
    strategy: str = model.NEW
    at: Path | None = None
    run_id: str | None = None
    live: bool = False
    sent: set[str] = field(default_factory=set)

    def to(self, oid: str) -> Wish:
        """The same for another commit."""
        return replace(self, oid=oid)


def target(wish: Wish, there: Listing, owner: Owner) -> Path | None:
    """The path that it gets as things lie; None where it is to be skipped.

    Raises PathDoesNotExist (no such folder), FileAlreadyExistsError (the name is taken), Conflict.
    """

    def ours(path: Path) -> bool:
        oid = there.nodes.get(path)
        return oid is not None and (oid in wish.sent or owner(oid, there) == wish.alternative_name)

    if wish.at is not None and ours(wish.at):
        return wish.at
    blocked = there.blocked(wish.folder)
    if blocked is not None:
        raise Conflict(f"'{text_of(blocked)}' is a run or an artifact, and no folder")
    usual = (wish.owner, model.DEFAULT)
    if not (wish.make_folder or wish.folder == usual or there.is_folder(wish.folder)):
        raise PathDoesNotExist(
            f"Folder does not exist: '{text_of(wish.folder)}'",
            hint="make_folder=True makes it, --make-folder in a shell",
        )
    path = (*wish.folder, wish.name)
    if _is_free(there, path) or ours(path):
        return path
    if wish.strategy == model.SKIP:
        return None
    if wish.strategy == model.NEW:
        path = (*wish.folder, wish.alternative_name)
        if _is_free(there, path) or ours(path):
            return path
    elif wish.strategy == model.REPLACE and path in there.nodes:
        return path
    raise FileAlreadyExistsError(
        f"{wish.kind} already exists in Folder {text_of(wish.folder)}: '{path[-1]}'",
        hint="conflict_strategy 'new' gives it another name there",
    )


def _is_free(there: Listing, path: Path) -> bool:
    return path not in there.nodes and not there.is_folder(path)


def place(
    project: Project, url: str, wish: Wish, owner: Owner, send: Send | None = None
) -> tuple[Path, bool] | None:
    """Put it where it belongs, or do nothing and return None where it is to be skipped.

    Returns its path, and whether it is new there. `send` moves refs; the default has the
    repository's own objects. Raises what `target` raises, and RemoteError.
    """
    for attempt in range(TRIES):
        there = folders.listing(project, url)
        path = target(wish, there, owner)
        if path is None:
            return None
        old = there.nodes.get(path)
        changes = [Change(folders.ref_of(path), old, wish.oid)] if old != wish.oid else []
        if wish.run_id is not None:
            before, now = there.live.get(wish.run_id), wish.oid if wish.live else None
            if before != now:
                changes.append(Change(folders.live_ref(wish.run_id), before, now))
        if not changes:
            return path, False
        try:
            if send is None:
                folders.move(project.repository.git, url, changes)
            else:
                send(changes)
        except Stale:
            # Others want the same: who waits a little less is through first.
            time.sleep(random.random() * PAUSE_SECONDS * min(attempt + 1, 8))
            continue
        wish.sent.add(wish.oid)
        return path, old is None
    raise RemoteError(
        f"the folder {text_of(wish.folder)} changes faster than anything can be put there",
        hint="try again",
    )
