"""lineage: what a snapshot, run or artifact came from, and what came of it."""

from __future__ import annotations

from typing import Any

import click

from git_datmo.cli import door
from git_datmo.cli.door import verb


@verb("lineage.lineage")
@click.command()
@click.argument("id", metavar="ID", default="latest")
@click.option("--depth", type=click.IntRange(min=1), metavar="N", help="At most N steps.")
@click.option("--up", is_flag=True, help="Only what it came from.")
@click.option("--down", is_flag=True, help="Only what came of it.")
@click.option(
    "--limit",
    "-n",
    type=click.IntRange(min=1),
    default=1000,
    metavar="N",
    help="At most N each way; 1000 unless said.",
)
@door.as_json
def lineage(json: bool, **given: Any) -> None:
    """Show what a snapshot, a run or an artifact came from, and what came of it.

    ID is any of the three, as other commands take it: an id or its beginning, a label, the name
    of an artifact (`models/resnet:v3`), latest. What is shown twice is opened once, and is
    `(above)` from then on; three dots mark what has more than was asked for.
    """
    found = door.call("lineage.lineage", door.project(), **given)
    from git_datmo.ui import lineage as ui

    if json:
        door.document(ui.to_dict(found))
    else:
        door.say(ui.render(found, color=door.color(), width=door.width()))
