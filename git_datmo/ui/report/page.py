"""A report as one HTML file that opens anywhere, without a server or a net."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import resources
from typing import Any

from git_datmo.errors import ExtraMissing
from git_datmo.model.report import RUN, Difference, Report
from git_datmo.ui import figures, patch, standalone
from git_datmo.ui.escape import clip, safe
from git_datmo.ui.report.sheet import again, drawable, ends, members, name_of, sheet
from git_datmo.ui.report.spark import spark
from git_datmo.ui.rows import cell, local_time, size
from git_datmo.ui.run import duration
from git_datmo.ui.strokes import by_metric

COLUMNS = 40
PATCH_LINES = 2000
FILE_LINES = 500
LONG = 4000
# The place in the body that the figures take: nothing foreign can say it, `<` being escaped.
_PLOTS = "<!--plots-->"
_KINDS = {"+": "added", "-": "removed", "@": "hunk"}


def render(report: Report) -> str:
    """The page. Raises ExtraMissing."""
    ExtraMissing.unless("jinja2", purpose="a report as a page")
    from jinja2 import Environment, PackageLoader, StrictUndefined

    made = Environment(
        loader=PackageLoader("git_datmo.ui.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "shown": lambda text: clip(safe(str(text), multiline=True), LONG),
        "cell": cell,
        "cut": _cut,
        "duration": duration,
        "moment": local_time,
        "size": size,
    }
    table = sheet(report, most=COLUMNS)
    metrics = by_metric(drawable(report))
    body = made.get_template("report.html").render(
        report=report,
        sheet=table,
        heads=list(zip((*table.results, *table.config), table.numeric, strict=True)),
        rows=list(zip(table.items, table.rows, strict=True)),
        runs=any(item.kind == RUN for item in table.items),
        about=any(item.about for item in table.items),
        metrics=metrics,
        curves=[(one, spark(one.x, one.y), ends(one)) for some in metrics.values() for one in some],
        reference=report.base_name or (name_of(report.reference) if report.reference else ""),
        differences=[_difference(one, report) for one in report.differences],
        equipment=[(one, members(one.items, report)) for one in report.equipment],
        platforms=sorted({cell(item.platform) for item in report.items if item.platform}),
        again=list(again(report.compared)),
    )
    drawn = {
        f"f{n}": figures.lines(some, title=name) for n, (name, some) in enumerate(metrics.items())
    }
    places = "\n".join(f"<div>{standalone.place(*pair)}</div>" for pair in drawn.items())
    return standalone.document(
        title=safe(report.title),
        body=body.replace(_PLOTS, f'<div class="plots">{places}</div>'),
        figures=drawn,
        style=_style(),
    )


def _style() -> str:
    """The sheet of the pages, and what reports need besides."""
    pages = resources.files("git_datmo.ui") / "web" / "static" / "style.css"
    own = resources.files("git_datmo.ui.report") / "templates" / "report.css"
    return pages.read_text("utf-8") + own.read_text("utf-8")


def _difference(found: Difference, report: Report) -> tuple[Any, ...]:
    """Whose it is, the difference, counts of lines by path, and the lines of its patch."""
    text = found.diff.code_patch
    lines = [(safe(line, multiline=True), kind) for line, kind in _kinds(text)]
    left = max(0, len(lines) - PATCH_LINES)
    return (
        members(found.items, report),
        found.diff,
        patch.count(text),
        lines[:PATCH_LINES],
        left,
    )


def _kinds(text: str) -> Iterator[tuple[str, str]]:
    for line, inside in patch.lines(text):
        yield line, _KINDS.get(line[:1], "") if inside else "head"


def _cut(files: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str, int]]:
    """Definition files with as many lines as are shown, and how many more there are."""
    for path, text in files:
        lines = text.splitlines()
        shown = safe("\n".join(lines[:FILE_LINES]), multiline=True)
        yield path, shown, max(0, len(lines) - FILE_LINES)
