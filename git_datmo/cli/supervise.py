"""supervise: what watches a run in the background."""

from __future__ import annotations

import click

from git_datmo.cli import door
from git_datmo.cli.door import verb


@verb("run.supervise")
@click.command(hidden=True)
@click.argument("run_id")
def supervise(run_id: str) -> None:
    """Start a run that was prepared, watch it to its end and record it; not for people."""
    door.call("run.supervise", door.project(), run_id)
