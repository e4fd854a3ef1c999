"""report: what some runs gave, as one page or as Markdown for a pull request."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from git_datmo.cli import door
from git_datmo.cli.door import verb

if TYPE_CHECKING:
    from git_datmo.model.report import Report

FILE = click.Path(dir_okay=False, path_type=Path)
FOLDER = click.Path(file_okay=False, path_type=Path)


@verb("report.report")
@click.command()
@click.argument("ids", metavar="[RUN|SNAPSHOT]...", nargs=-1)
@click.option("--where", metavar="EXPR", help="Runs for which EXPR holds: 'results.acc > 0.9'.")
@click.option("--session-id", metavar="SESSION", help="Runs of this session.")
@click.option("--sort", metavar="KEYS", help="Order by keys, -KEY for descending: -results.acc.")
@click.option(
    "--limit",
    "-n",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    metavar="N",
    help="At most N, where none is named.",
)
@click.option("--snapshots", is_flag=True, help="Snapshots, where none is named, and not runs.")
@click.option("--base", metavar="REV", help="Compare to this branch, commit, tag, run or snapshot.")
@click.option("--metric", multiple=True, metavar="NAME", help="Curves of this metric alone.")
@click.option("--title", metavar="TEXT", help="What stands above it.")
@click.option(
    "--context",
    "-U",
    type=click.IntRange(min=0),
    default=3,
    metavar="N",
    help="Lines of code around a change.",
)
@click.option("--html", type=FILE, metavar="FILE", help="Write a page that opens without a net.")
@click.option("--md", is_flag=True, help="Print Markdown; so it is without --html and --json.")
@click.option(
    "--pictures", type=FOLDER, metavar="DIR", help="Draw curves into DIR, for the Markdown."
)
@door.as_json
def report(
    ids: tuple[str, ...],
    html: Path | None,
    md: bool,
    pictures: Path | None,
    json: bool,
    **given: Any,
) -> None:
    """Report on runs and snapshots: results, settings, curves, differences, environment.

    Of the named ones, else of the newest runs. With --base, all are compared to one: of a branch
    or commit, to the newest run that began with exactly its code, or that of the nearest ancestor
    that has one. Markdown is short enough for a comment on a pull request.
    """
    found: Report = door.call("report.report", door.project(), ids=ids, **given)
    if html is not None:
        from git_datmo.ui import outfile
        from git_datmo.ui.report import page

        outfile.write(html, page.render(found).encode())
        door.note([f"wrote {html}"])
    if json:
        from git_datmo.ui.report.document import to_dict

        door.document(to_dict(found))
    elif md or html is None:
        from git_datmo.ui.report import markdown

        drawn = {} if pictures is None else _draw(found, pictures)
        door.say(markdown.render(found, pictures=drawn))


def _draw(found: Report, folder: Path) -> dict[str, str]:
    """One picture for each metric; where each lies, by its metric."""
    from git_datmo.ui import outfile, picture
    from git_datmo.ui.report.sheet import drawable
    from git_datmo.ui.strokes import by_metric

    drawn = {}
    for number, (metric, curves) in enumerate(by_metric(drawable(found)).items(), 1):
        plain = re.sub(r"[^A-Za-z0-9_-]+", "-", metric).strip("-")[:40]
        target = folder / f"{number}-{plain or 'metric'}.png"
        outfile.write(target, picture.render(curves, form=picture.PNG))
        drawn[metric] = target.as_posix()
        if lost := picture.boxes(curves):
            door.note([f"no font that is installed here has {lost[:20]}: boxes in {target}"])
    return drawn
