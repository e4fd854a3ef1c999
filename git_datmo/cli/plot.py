"""plot: curves of metrics, in the terminal or as a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from git_datmo.cli import door
from git_datmo.cli.door import verb
from git_datmo.errors import MutuallyExclusiveArguments
from git_datmo.model.fields import lookup, setting
from git_datmo.model.quantity import are

if TYPE_CHECKING:
    from git_datmo.model.curve import Curve
    from git_datmo.records.project import Project

# The axes of model.curve, which help texts do without.
AXES = ("step", "epoch", "time", "relative", "index")
FILE = click.Path(dir_okay=False, path_type=Path)


@verb("curves.curves")
@click.command()
@click.argument("metric", required=False)
@click.argument("ids", metavar="[RUN]...", nargs=-1)
@click.option("--where", metavar="EXPR", help="Runs for which EXPR holds: 'config.lr < 0.1'.")
@click.option("--session-id", metavar="SESSION", help="Runs of this session.")
@click.option("--type", multiple=True, metavar="TYPE", help="Only these types: train, val, system.")
@click.option(
    "--x", "-x", type=click.Choice(AXES), default="step", show_default=True, help="What they go by."
)
@click.option("--log-x", is_flag=True, help="A logarithmic axis across.")
@click.option("--log-y", is_flag=True, help="A logarithmic axis upward.")
@click.option(
    "--smoothing",
    type=click.FloatRange(0, 1, max_open=True),
    default=0.0,
    metavar="WEIGHT",
    help="The weight of what was before: from 0 up to, and not, 1.",
)
@click.option(
    "--points",
    type=click.IntRange(min=3),
    default=1000,
    show_default=True,
    metavar="N",
    help="Draw at most N points of each, chosen so that the shape stays.",
)
@click.option(
    "--limit",
    "-n",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    metavar="N",
    help="At most N runs, the newest, where none is named.",
)
@click.option("--color-by", metavar="KEY", help="One colour for each value of a config key: lr.")
@click.option(
    "--mean",
    metavar="KEY",
    help="One line for each value of a config key, the mean of its runs, and a band around it.",
)
@click.option("--html", type=FILE, metavar="FILE", help="Write a page that opens without a net.")
@click.option("--png", type=FILE, metavar="FILE", help="Write a PNG picture.")
@click.option("--svg", type=FILE, metavar="FILE", help="Write an SVG picture.")
@door.as_json
def plot(
    metric: str | None,
    ids: tuple[str, ...],
    log_x: bool,
    log_y: bool,
    color_by: str | None,
    mean: str | None,
    html: Path | None,
    png: Path | None,
    svg: Path | None,
    json: bool,
    **given: Any,
) -> None:
    """Draw curves of metrics: of the runs that are named, else of the newest that have any.

    METRIC is a name, such as loss, a type and a name, such as val/loss, or several of them with
    commas; without it, it is every metric. RUN is an id or its beginning, a label, latest. The
    curves are drawn in the terminal unless a file is asked for; use of the machine is drawn with
    --type system.
    """
    if mean and color_by and setting(mean) != setting(color_by):
        raise MutuallyExclusiveArguments(
            "--mean and --color-by exclude each other", hint="a mean has the colour of its own key"
        )
    project = door.project()
    missing: list[str] = []
    given |= {"metric": _names(metric), "ids": ids, "mean": mean}
    found: list[Curve] = door.call("curves.curves", project, missing=missing, **given)
    if missing:
        who = are(len(missing), "run")
        door.note([f"{who} left out, whose points are not here: 'git datmo pull --content'"])
    if not ids and len({name for curve in found for name in _runs(curve)}) == given["limit"]:
        many = "run" if given["limit"] == 1 else f"{given['limit']:,} runs"
        door.note([f"of the newest {many}: --limit takes more, --where others"])
    from git_datmo.ui import strokes

    if json:
        door.document([strokes.document(curve) for curve in found])
    elif not found:
        raise _nothing(project, metric, ids, given["type"])
    by = mean or color_by
    if by and found and all(lookup(curve.config, setting(by)) is None for curve in found):
        door.note([f"none of these runs has the setting '{by}'"])
    looks: dict[str, Any] = {"log_x": log_x, "log_y": log_y, "color_by": setting(by) if by else ()}
    from git_datmo.ui import outfile
    from git_datmo.ui.plot import Plot

    plotted = Plot(tuple(found), **looks)
    files = ((html, plotted.page), (png, plotted.png), (svg, plotted.svg))
    for target, render in files if found else ():
        if target is not None:
            outfile.write(target, render())
            if not json:
                door.say(f"Wrote {target}")
    if (png or svg) and (hidden := plotted.hidden()):
        door.note([f"a picture has no room for {', '.join(hidden[:8])}: name fewer metrics"])
    if found and png is not None and (lost := plotted.boxes()):
        door.note([f"no font that is installed here has {lost[:20]}: boxes in {png}"])
    if not json and not any(target for target, _ in files):
        from git_datmo.ui import chart

        door.say(chart.render(found, width=door.width(), color=door.color(), **looks))


def _names(metric: str | None) -> tuple[str, ...]:
    return tuple(filter(None, (name.strip() for name in (metric or "").split(","))))


def _runs(curve: Curve) -> tuple[str, ...]:
    return curve.band.members if curve.band else (curve.run_id,)


def _nothing(
    project: Project, metric: str | None, ids: tuple[str, ...], types: tuple[str, ...]
) -> Exception:
    """Why there is nothing to draw, and what there would be."""
    from git_datmo.errors import EntityNotFound

    what = "points of a metric" if metric is None else f"points of '{metric}'"
    what += f" of type {', '.join(types)}" if types else ""
    who = "none of these runs has" if len(ids) > 1 else "this run has no" if ids else "no run has"
    others: list[Curve] = door.call("curves.curves", project, ids=ids, limit=1, points=3)
    there = list(dict.fromkeys(f"{curve.type}/{curve.name}" for curve in others))
    if there:
        more = ", …" if len(there) > 8 else ""
        hint = f"there are {', '.join(there[:8])}{more}"
    else:
        hint = "log some: git_datmo.log(loss=0.5, step=1), or lines of metrics.jsonl"
    return EntityNotFound(f"nothing to draw: {who} {what}", hint=hint)
