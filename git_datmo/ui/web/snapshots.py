"""The table of snapshots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from git_datmo.api import session as sessions
from git_datmo.api import snapshot as snapshot_api
from git_datmo.api.labels import labels
from git_datmo.api.remotes import names as remotes
from git_datmo.model.fields import Path
from git_datmo.model.snapshot import Facts, Snapshot
from git_datmo.ui.escape import safe
from git_datmo.ui.rows import local_time
from git_datmo.ui.web import answers, forms, tables
from git_datmo.ui.web.address import Choices, choices, to
from git_datmo.ui.web.desk import project_of
from git_datmo.ui.web.tables import Cell

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

KEYS = 8
FACTS: tuple[Path, ...] = tuple(
    (name,)
    for name in (
        *("label", "session", "author", "visible", "parent", "tree", "code_id"),
        *("environment_id", "file_collection_id"),
    )
)
PARTS = ("stats", "config")
FIELDS = (
    ("q", "Text", "message or label", 18),
    ("where", "Where", "stats.acc > 0.9 and config.lr < 0.1", 34),
)
SWITCHES = {"all": "automatic ones too", "deleted": "only deleted"}


def page(request: Request) -> Response:
    """Snapshots, filtered, sorted and cut as the address says."""
    project, asked = project_of(request), choices(request)
    wanted: dict[str, Any] = {
        "session_id": asked.one("session"),
        "all": asked.flag("all"),
        "deleted": asked.flag("deleted"),
        "filter": asked.one("q"),
        "where": asked.one("where"),
        "label": asked.one("label"),
        "remote": asked.one("remote"),
    }
    part = tables.part_of(asked, lambda **cut: snapshot_api.ls(project, **wanted, **cut))
    total = part.count(lambda: snapshot_api.count(project, **wanted))
    documents = [document(one) for one in part.found]
    paths = usual(documents) if part.columns is None else part.columns
    chosen = forms.form(
        asked,
        fields=FIELDS,
        selects=(
            forms.sessions(asked, sessions.names(project)),
            forms.remotes(asked, remotes(project)),
        ),
        switches=SWITCHES,
        labels=labels(project, kind="snapshot"),
        keys=[
            *FACTS,
            *(k for part in ("stats", "config") for k in tables.keys_of(documents, part)),
        ],
        shown=paths,
    )
    # Runs leave snapshots of their own, which a listing shows only when it is asked to.
    hidden = 0
    if not (total or part.problem or wanted["all"] or wanted["deleted"]):
        hidden = snapshot_api.count(project, **{**wanted, "all": True})
    return answers.page(
        request,
        "snapshots.html",
        title="Snapshots",
        status=part.status,
        table=table(documents, paths, asked, total),
        form=chosen,
        problem=part.problem,
        hidden=hidden,
    )


def document(snapshot: Snapshot) -> dict[str, Any]:
    """A snapshot's stored fields; not the run that left it, which costs a search."""
    return {name: getattr(snapshot, name) for name in Facts.__dataclass_fields__}


def usual(documents: Sequence[Mapping[str, Any]]) -> list[Path]:
    """The columns of a table that nobody chose columns for."""
    found = (tables.keys_of(documents, part)[:KEYS] for part in PARTS)
    return [path for part in found for path in part]


def table(
    documents: Sequence[Mapping[str, Any]], paths: Sequence[Path], asked: Choices, total: int
) -> tables.Table:
    """Snapshots as a table: what is known of all of them, then one column a path."""
    heads = [
        tables.head("snapshot", "label", asked),
        tables.head("message", "message", asked),
        tables.head("created", "created", asked),
    ]
    return tables.by_paths(documents, paths, asked, _first, heads, total=total)


def _first(snapshot: Mapping[str, Any]) -> list[Cell]:
    message = str(snapshot["message"] or "").strip()
    marks = [] if snapshot["visible"] else ["automatic"]
    marks += ["deleted"] if snapshot["deleted"] else []
    shown = tables.cut(message.partition("\n")[0])
    if marks:
        shown = f"{shown} ({', '.join(marks)})" if shown else f"({', '.join(marks)})"
    return [
        tables.named(snapshot, to("snapshots", snapshot["id"])),
        Cell(shown, title=safe(message[:2000], multiline=True) or None, kind="words"),
        Cell(local_time(snapshot["created"]), kind="quiet"),
    ]
