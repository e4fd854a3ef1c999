"""The pages of one snapshot: code, environment, files, config and stats, and what it is tied to."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from git_datmo.api import comparison, environment, files
from git_datmo.api import run as run_api
from git_datmo.api import snapshot as snapshot_api
from git_datmo.api.remotes import having
from git_datmo.api.remotes import names as remotes
from git_datmo.errors import DatmoError
from git_datmo.model.document import flatten
from git_datmo.model.environment import NONE
from git_datmo.ui.rows import key, literal
from git_datmo.ui.web import answers, differences, graphs
from git_datmo.ui.web.address import choices, to
from git_datmo.ui.web.desk import project_of
from git_datmo.ui.web.fileaddress import file_address

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from git_datmo.model.environment import Environment
    from git_datmo.model.snapshot import Snapshot
    from git_datmo.records.project import Project

SUMMARY, FILES, CHANGES, ENVIRONMENT, LINEAGE = "", "files", "changes", "environment", "lineage"
PARTS = (
    *((SUMMARY, "Summary"), (FILES, "Files"), (CHANGES, "Changes")),
    *((ENVIRONMENT, "Environment"), (LINEAGE, "Lineage")),
)
FILES_SHOWN = 12
TEXT = 65_536

T = TypeVar("T")


def page(request: Request) -> Response:
    """One snapshot; its path says which part of it, `against` what it is compared to."""
    project, asked = project_of(request), choices(request)
    found = snapshot_api.inspect(project, request.path_params["id"])
    part = request.path_params.get("part", SUMMARY)
    if part not in dict(PARTS):
        return answers.missing(request)
    before = asked.one("against") or _before(project, found)
    shown: dict[str, Any] = dict.fromkeys(("folder", "diff", "environment", "lineage"))
    if part in (SUMMARY, FILES):
        limit = asked.rows if part == FILES else FILES_SHOWN
        shown["folder"] = _tried(lambda: files.folder(project, id=found.id, limit=limit))
    if part in (SUMMARY, CHANGES) and before is not None:
        shown["diff"] = _tried(
            lambda: differences.view(comparison.glance(project, str(before), found.id))
        )
    if part in (SUMMARY, ENVIRONMENT) and found.environment_id not in ("", NONE):
        shown["environment"] = _tried(lambda: environment.inspect(project, found.environment_id))
    if part == SUMMARY:
        shown["lineage"] = _tried(lambda: graphs.view(project, found.id, 1))
    elif part == LINEAGE:
        shown["lineage"] = _tried(lambda: graphs.view(project, found.id))
    return answers.page(
        request,
        "snapshot.html",
        title=found.label or found.message.partition("\n")[0] or found.id[: answers.SHORT],
        snapshot=found,
        part=part,
        parts=[
            (name, to("snapshots", found.id, *([name] if name else [])), text)
            for name, text in PARTS
        ],
        before=before,
        values=(("Stats", _values(found.stats)), ("Config", _values(found.config))),
        at=having(project, found.id),
        remotes=remotes(project),
        address=file_address,
        address_of=graphs.address_of,
        texts=texts,
        shown=shown,
    )


def texts(found: Environment) -> list[tuple[str, str, bool]]:
    """(path, beginning, whether that is all) of an environment's files."""
    return [
        (path, data[:TEXT].decode("utf-8", "replace"), len(data) <= TEXT)
        for path, data in found.contents
    ]


def _before(project: Project, snapshot: Snapshot) -> str | None:
    """What a snapshot is compared to unless somebody says: where the run that left it began, else
    the one before it in its session."""
    if snapshot.task_id is not None:
        try:
            before = run_api.inspect(project, snapshot.task_id).before_id
            return None if before is None else str(before)
        except DatmoError:
            return None
    found = snapshot_api.ls(
        project,
        session_id=snapshot.session_id or None,
        where=f"created < {snapshot.created}",
        limit=1,
    )
    return str(found[0].id) if found else None


def _values(found: dict[str, Any]) -> list[tuple[str, str]]:
    return [(key(name), literal(value)) for name, value in flatten(found).items()]


def _tried(call: Callable[[], T]) -> tuple[T | None, DatmoError | None]:
    """What a part shows, or why it cannot be shown: the others are shown all the same."""
    try:
        return call(), None
    except DatmoError as error:
        return None, error
