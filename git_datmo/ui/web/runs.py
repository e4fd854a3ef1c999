"""The table of runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from git_datmo.api import heard
from git_datmo.api import run as run_api
from git_datmo.api import session as sessions
from git_datmo.api.labels import labels
from git_datmo.api.remotes import names as remotes
from git_datmo.model.fields import Path
from git_datmo.model.run import ENDED, PREPARING, RUNNING, Run
from git_datmo.ui import run as text
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
FACTS = tuple(
    (name,)
    for name in (
        *("label", "session", "author", "type", "runner", "exit_code", "reason", "created"),
        *("started", "ended", "alternative_name", "rerun_of", "before_id", "after_id"),
        *("environment_id", "message", "description", "labels"),
    )
)
PARTS = ("results", "config", "stats", "metrics", "platform", "git")
FIELDS = (
    ("q", "Text", "command or name", 18),
    ("where", "Where", "results.acc > 0.9 and config.lr < 0.1", 34),
)
NARROWING = ("q", "where", "label", "status", "session", "remote", "deleted")
SWITCHES = {"all": "deleted ones too", "deleted": "only deleted"}


def page(request: Request) -> Response:
    """Runs that are under way and recorded, filtered, sorted and cut as the address says."""
    project, asked = project_of(request), choices(request)
    wanted: dict[str, Any] = {
        "session_id": asked.one("session"),
        "all": asked.flag("all"),
        "deleted": asked.flag("deleted"),
        "filter": asked.one("q"),
        "where": asked.one("where"),
        "label": asked.one("label"),
        "status": asked.one("status"),
        "remote": asked.one("remote"),
    }
    part = tables.part_of(asked, lambda **cut: run_api.ls(project, **wanted, **cut))
    total = part.count(lambda: run_api.count(project, **wanted))
    documents = [_document(run) for run in part.found]
    paths = usual(documents) if part.columns is None else part.columns
    chosen = forms.form(
        asked,
        fields=FIELDS,
        selects=(
            forms.select(
                asked, "status", "Status", ((s, s) for s in (RUNNING, PREPARING, *sorted(ENDED)))
            ),
            forms.sessions(asked, sessions.names(project)),
            forms.remotes(asked, remotes(project)),
        ),
        switches=SWITCHES,
        labels=labels(project, kind="run"),
        keys=[*FACTS, *(key for part in PARTS for key in tables.keys_of(documents, part))],
        shown=paths,
    )
    return answers.page(
        request,
        "runs.html",
        title="Runs",
        status=part.status,
        table=table(documents, paths, asked, total),
        form=chosen,
        problem=part.problem,
        elsewhere=heard.ls(project) if asked.page == 1 and not narrowed(asked) else [],
        all=_together(asked, total),
        live=any(run.is_running for run in part.found),
    )


def narrowed(asked: Choices) -> bool:
    """Whether an address asks for some runs alone."""
    return any(asked.one(name) for name in NARROWING)


def _together(asked: Choices, total: int) -> str | None:
    """The page that compares all that the table has on all its pages."""
    if total < 2 or any(asked.flag(name) for name in SWITCHES):
        return None
    said = {name: asked.one(name) for name in NARROWING}
    return to("compare", **said, limit=total)


def usual(documents: Sequence[Mapping[str, Any]]) -> list[Path]:
    """The columns of a table that nobody chose columns for."""
    return [
        path for part in ("results", "config") for path in tables.keys_of(documents, part)[:KEYS]
    ]


def table(
    documents: Sequence[Mapping[str, Any]], paths: Sequence[Path], asked: Choices, total: int
) -> tables.Table:
    """Runs as a table: what is known of all of them, then one column a path."""
    heads = [
        tables.head("run", "label", asked),
        tables.head("status", "status", asked),
        tables.head("command", "command_text", asked),
        tables.head("started", "created", asked),
        tables.head("took", "duration", asked, numeric=True),
    ]
    return tables.by_paths(documents, paths, asked, _first, heads, total=total)


def of_runs(runs: Sequence[Run], asked: Choices) -> tables.Table:
    """Some runs as a table with its usual columns."""
    documents = [_document(run) for run in runs]
    return table(documents, usual(documents), asked, len(documents))


def _document(run: Run) -> dict[str, Any]:
    return {**text.to_dict(run), "took": text.took(run)}


def _first(run: Mapping[str, Any]) -> list[Cell]:
    name = str(run["command_text"] or run["message"] or run["alternative_name"] or "").strip()
    status = str(run["status"])
    started = run["started"] or run["created"]
    return [
        tables.named(run, to("runs", run["id"])),
        Cell(status + (" (deleted)" if run["deleted"] else ""), kind=f"status {status}"),
        Cell(
            tables.cut(name.partition("\n")[0]),
            title=safe(name[:2000], multiline=True),
            kind="words",
        ),
        Cell(local_time(started) if started else "", kind="quiet"),
        Cell(run["took"] or "", kind="number", title=tables.exact(run["duration"])),
    ]
