"""rerun."""

from __future__ import annotations

import click

from git_datmo.cli import door
from git_datmo.cli.door import verb


@verb("run.rerun")
@click.command()
@click.argument("run_id", metavar="RUN")
def rerun(run_id: str) -> None:
    """Run a recorded run again."""
    door.call("run.rerun", door.project(), run_id)
