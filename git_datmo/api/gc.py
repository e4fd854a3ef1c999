"""Freeing the space of content that is not needed, here or on a remote."""

from __future__ import annotations

import time

from git_datmo.api import lookup
from git_datmo.api.freeing import Agree, Freeing, Progress, confirmed
from git_datmo.errors import MutuallyExclusiveArguments, UsageError, ValidationFailed
from git_datmo.model.freed import Freed
from git_datmo.model.span import parse_span
from git_datmo.records import catalogue
from git_datmo.records.project import Project
from git_datmo.records.retention import Policy

DEFAULT_GRACE = "14d"


def gc(
    project: Project,
    *,
    remote: str | bool | None = None,
    dry_run: bool = False,
    keep: str | None = None,
    keep_last: int | None = None,
    older_than: str | None = None,
    agree: Agree | None = None,
    progress: Progress | None = None,
) -> Freed:
    """Free the content that nothing living mentions, older than `datmo.gcGrace`.

    Living is what no chain known here has deleted, and what was deleted within that time. With
    `keep` (an expression as in `where`), `keep_last` (so many of each session) or `older_than`
    (a span such as `30d`), content of the snapshots that none of these protect leaves this clone
    too, as far as a remote has it right now; it comes back when it is needed. Labelled snapshots
    and those that work trees stand on stay. With `remote` (a name, or True for the default one)
    content is freed there instead, after a fetch.

    `agree` is asked before anything goes. Raises Corrupt when not all that lives can be read,
    Conflict, RepositoryBusy, RemoteError, UsageError, MutuallyExclusiveArguments, QuerySyntaxError.
    """
    project.require_known()
    grace = _grace(project)
    chosen = (keep, keep_last, older_than)
    if remote not in (None, False):
        if any(option is not None for option in chosen):
            raise MutuallyExclusiveArguments(
                "content of living snapshots does not leave a remote: keep, keep_last and "
                "older_than are for this clone",
                hint="delete the snapshots first, then 'git datmo gc --remote'",
            )
        from git_datmo.api import freeing_remote

        name = remote if isinstance(remote, str) and remote else None
        return freeing_remote.gc(
            project, name, grace, dry_run=dry_run, agree=agree, progress=progress
        )
    policy = None
    if any(option is not None for option in chosen):
        policy = _policy(project, keep, keep_last, older_than)
    work = Freeing(project, policy, grace, progress)
    found = work.look(dry_run=dry_run)
    if dry_run or not found.rows:
        return found
    confirmed(found, agree)
    return work.free(found)


def _policy(
    project: Project, keep: str | None, keep_last: int | None, older_than: str | None
) -> Policy:
    if keep_last is not None and keep_last < 0:
        raise ValidationFailed(f"{keep_last} snapshots cannot be kept")
    expression = None
    if keep is not None:
        from git_datmo.api import filters

        expression = filters.read(keep, lookup.Names(catalogue.refresh(project)).ids())
    age = parse_span(older_than) if older_than is not None else None
    return Policy(expression, keep_last, age)


def _grace(project: Project) -> float:
    """Seconds. Raises UsageError for a setting that is no span of time."""
    text = project.repository.config.get("datmo.gcGrace") or DEFAULT_GRACE
    try:
        return min(parse_span(text), time.time())
    except ValidationFailed as error:
        raise UsageError(f"git config datmo.gcGrace: {error.message}") from error
