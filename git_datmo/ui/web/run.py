"""The pages of one run: what it was and gave, its files, environment, changes and lineage."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from git_datmo.api import beginning, comparison, environment, files, logs
from git_datmo.api import run as run_api
from git_datmo.errors import DatmoError
from git_datmo.model.curve import AXES, INDEX
from git_datmo.model.diff import SnapshotDiff
from git_datmo.model.document import flatten
from git_datmo.model.environment import NONE
from git_datmo.model.run import Run
from git_datmo.model.workspace import WORKSPACES
from git_datmo.ui import run as text
from git_datmo.ui.preview import HEAD, PICTURE_ENDINGS, preview
from git_datmo.ui.rows import literal, size
from git_datmo.ui.web import answers, differences, graphs, log
from git_datmo.ui.web.address import Choices, choices, to
from git_datmo.ui.web.desk import project_of
from git_datmo.ui.web.fileaddress import file_address
from git_datmo.ui.web.runfigures import known_of, metric_figures, system_figures, types_of

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from git_datmo.records.project import Project

PARTS = (
    *(("", "Summary"), ("files", "Files"), ("changes", "Changes")),
    *(("environment", "Environment"), ("lineage", "Inputs and outputs")),
)
PICTURES, PICTURE_BYTES = 12, 4 << 20

T = TypeVar("T")


class Part:
    """What a part of a page shows, or why it cannot be shown."""

    def __init__(self, make: Callable[[], object]) -> None:
        self.problem: DatmoError | None = None
        self.value: Any = None
        try:
            self.value = make()
        except DatmoError as error:
            self.problem = error


def page(request: Request) -> Response:
    """Status, command, config, results, curves, what it printed."""
    project, run, asked = _of(request)
    known = Part(lambda: known_of(project, run))
    series = known.value or []
    shown, more = metric_figures(run.id, series, asked, **_most(asked))
    return _page(
        request,
        run,
        "",
        facts=facts(run),
        documents=[
            ("Results", _rows(run.results)),
            ("Config", _rows(run.config)),
            ("Stats", _rows({k: v for k, v in run.stats.items() if run.results.get(k) != v})),
        ],
        known=known,
        types=types_of(series),
        figures=shown,
        more=more,
        machine=system_figures(run.id, series),
        axes=[axis for axis in AXES if axis != INDEX],
        log=Part(lambda: log.view(project, run.id)),
    )


def files_page(request: Request) -> Response:
    """What the run changed, the pictures among it, and all that was there after it."""
    project, run, _ = _of(request)
    after = run.after_id

    def changed() -> dict[str, Any]:
        found, total = files.changed(project, before=run.before_id, after=after)
        rows = [differences.moved(change, after) for change in found]
        pictures = [
            change.path
            for change in found
            if change.status != "D"
            and change.path.lower().endswith(PICTURE_ENDINGS)
            and (change.after_size or PICTURE_BYTES) < PICTURE_BYTES
        ]
        return {"rows": rows, "more": total - len(rows), "pictures": pictures[:PICTURES]}

    return _page(
        request,
        run,
        "files",
        changed=Part(changed) if after else None,
        top=Part(lambda: files.folder(project, id=after)) if after else None,
        address=file_address,
    )


def changes_page(request: Request) -> Response:
    """What differs from the snapshot that it started from to what it left."""
    project, run, _ = _of(request)
    before, after = run.before_id, run.after_id
    made = None
    if before and after and before != after:
        # What people would say of the two is made up: "before run …".
        made = Part(
            lambda: differences.view(
                replace(comparison.glance(project, before, after), attributes=())
            )
        )

    def uncommitted() -> differences.View | None:
        found = beginning.uncommitted(project, run_id=run.id)
        return differences.view(found) if found is not None else None

    return _page(request, run, "changes", difference=made, begun=Part(uncommitted))


def environment_page(request: Request) -> Response:
    """What it was run in: definition files and packages, runner, machine, git."""
    project, run, _ = _of(request)
    found = None
    if run.environment_id not in (None, "", NONE):
        found = Part(lambda: environment.inspect(project, run.environment_id))
    contents = [] if found is None or found.problem else found.value.contents
    return _page(
        request,
        run,
        "environment",
        environment=found,
        contents=[
            (path, len(data), preview(path, data[:HEAD], len(data))) for path, data in contents
        ],
        documents=[
            ("Built", _rows(run.built)),
            ("Resources", _rows(run.resources, sizes=("memory",))),
            (
                "Variables",
                [
                    (k, "(value not recorded)" if v is None else literal(v))
                    for k, v in run.variables.items()
                ],
            ),
            ("Git", _rows(run.git)),
            ("Platform", _rows(run.platform, sizes=("memory",))),
        ],
    )


def lineage_page(request: Request) -> Response:
    """What went into it and what came of it, as a graph."""
    project, run, asked = _of(request)
    depth = asked.number("depth", graphs.DEPTH, least=1, most=graphs.MOST)
    return _page(
        request,
        run,
        "lineage",
        lineage=Part(lambda: graphs.view(project, run.id, depth)),
        address_of=graphs.address_of,
    )


def facts(run: Run) -> list[tuple[str, str, str | None]]:
    """(name, text, address) of what is said of a run at the top of its page."""
    found: list[tuple[str, object, str | None]] = [
        ("Message", run.message.strip(), None),
        ("Description", run.description.strip(), None),
        ("Labels", ", ".join(run.labels), None),
        ("Other name", run.alternative_name, None),
        ("Session", run.session, to("runs", session=run.session)),
        ("Author", run.author, None),
        ("Runner", run.runner, None),
        ("Folder", run.folder, None),
        ("Data", ", ".join(run.data), None),
        ("Left out", ", ".join(run.skipped[:20]), None),
    ]
    for name, other, noun in (
        *(("Before", run.before_id, "snapshots"), ("After", run.after_id, "snapshots")),
        *(("Repeats", run.rerun_of, "runs"), ("Goes on with", run.continues, "runs")),
    ):
        found.append((name, (other or "")[: answers.SHORT], to(noun, other) if other else None))
    return [(name, str(said), address) for name, said, address in found if said]


def _changes(project: Project, before: str, after: str) -> SnapshotDiff:
    return replace(comparison.glance(project, before, after), attributes=())


def _of(request: Request) -> tuple[Project, Run, Choices]:
    project = project_of(request)
    return project, run_api.inspect(project, request.path_params["id"]), choices(request)


def _page(request: Request, run: Run, part: str, **values: Any) -> Response:
    points = 0 if run.commit else logs.grown(project_of(request), run_id=run.id)[0]
    said = run.message.strip().partition("\n")[0]
    named = run.alternative_name or said or run.id[: answers.SHORT]
    return answers.page(
        request,
        f"run_{part or 'summary'}.html",
        title=run.label or text.headline(run) or named,
        name=run.label or named,
        run=run,
        part=part,
        points=points,
        # As `rerun` takes them.
        repeatable=bool(run.command) and run.type not in WORKSPACES,
        parts=[
            (name, to("runs", run.id, name) if name else to("runs", run.id), words)
            for name, words in PARTS
        ],
        ending=text.ending(run),
        took=text.took(run),
        **values,
    )


def _rows(document: Any, sizes: tuple[str, ...] = ()) -> list[tuple[str, str]]:
    """The leaves of a document by dotted name."""
    return [
        (name, size(value) if name in sizes and isinstance(value, int) else literal(value))
        for name, value in flatten(dict(document)).items()
    ]


def _most(asked: Choices) -> dict[str, Any]:
    return {"most": None} if asked.flag("figures") else {}
