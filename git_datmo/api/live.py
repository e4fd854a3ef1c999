"""Runs under way in the folders of a remote: what is known of one so far, uploaded again and
again until it has been recorded."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from git_datmo.api import folder as folders
from git_datmo.api import settling
from git_datmo.api.nodes import Known
from git_datmo.api.placing import Wish, place
from git_datmo.errors import EntityNotFound
from git_datmo.model import folder as model
from git_datmo.model.folder import Live, Placed, check_strategy, path_of, text_of
from git_datmo.records.project import Project
from git_datmo.remotes import folders as refs
from git_datmo.remotes import live

INTERVAL_SECONDS: Final = 5
HEARTBEAT_SECONDS: Final = 60


def interval(project: Project) -> int:
    """How often a run under way is uploaded, in seconds (`datmo.autoUpload`). Raises UsageError."""
    return max(1, project.repository.config.number("datmo.autoUpload", INTERVAL_SECONDS))


class Upload:
    """One run under way and its place in a folder of a remote.

    Made in the thread that uses it: it opens the repository anew. Nothing is asked or sent before
    the first `send`. Raises ValidationFailed for what is no strategy or no folder.
    """

    def __init__(
        self,
        project: Project,
        *,
        run_id: str,
        name: str,
        alternative_name: str,
        folder: str = model.DEFAULT,
        make_folder: bool = False,
        conflict_strategy: str = model.NEW,
        remote: str | None = None,
        owner: str | None = None,
        at: str | None = None,
    ) -> None:
        repository = project.repository
        self._project = Project.open(repository.work_tree or repository.git_dir)
        self._remote = folders.remote_of(self._project, remote)
        owner = owner or folders.owner_of(self._project)
        self._wish = Wish(
            oid="",
            kind="Run",
            folder=path_of(folder, owner),
            name=name,
            alternative_name=alternative_name,
            owner=owner,
            make_folder=make_folder,
            strategy=check_strategy(conflict_strategy),
            run_id=run_id,
            live=True,
            at=path_of(at, owner) if at else None,
        )
        self._run_id = run_id
        self._feed = live.Feed(self._project, run_id)
        self._sign: object = None
        self._sent_at = 0.0
        self.path = at

    def send(self, said: Mapping[str, Any], files: Mapping[str, Path]) -> Placed | None:
        """Upload what is known now, where it differs from what was sent, or a minute has gone.

        `said` is what is told of the run (name, alternative_name, labels, created and more, JSON
        values); `files` has what it printed (`log`) and its points (`metrics`). None: nothing was
        sent, as nothing is new, or the strategy is `skip` and the name is taken.
        Raises what `folder.put` raises.
        """
        sign = (dict(said), {name: _size(path) for name, path in files.items()})
        if sign == self._sign and time.monotonic() - self._sent_at < HEARTBEAT_SECONDS:
            return None
        url = refs.address(self._project, self._remote)
        if self._sign is None:
            settling.remember(self._project, self._run_id, url)
        now = time.time_ns() // 1_000_000
        wish = self._wish.to(self._feed.commit({**said, "updated": now}, files))
        known = Known(self._project, self._remote, url)
        found = place(
            self._project, url, wish, known.owner, lambda changes: self._feed.push(url, changes)
        )
        self._sign, self._sent_at = sign, time.monotonic()
        if found is None:
            return None
        path, created = found
        self._wish.at, self.path = path, text_of(path)
        host = folders.host_of(self._project, self._remote)
        return Placed(self.path, wish.oid, self._remote, host, created)

    def close(self) -> None:
        """Let go of what lies here for it; what was sent stays until the run is put there."""
        self._feed.close()


def read(project: Project, *, id: str, remote: str | None = None) -> Live:
    """A run under way as it was uploaded last, with all that it printed and logged by then.

    `id` is the commit that `folder.find` gave. Raises EntityNotFound, RemoteError.
    """
    chosen = folders.remote_of(project, remote)
    url = refs.address(project, chosen)
    found = live.read(project, url, [id], streams=True)
    if not found:
        raise EntityNotFound(f"{id} is no run under way on {folders.host_of(project, chosen)}")
    return found[0]


def _size(path: Path) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0
