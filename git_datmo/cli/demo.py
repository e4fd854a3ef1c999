"""demo."""

from __future__ import annotations

import click

from git_datmo.cli import door
from git_datmo.cli.door import verb


@verb("demo.demo", directory="folder")
@click.command()
@click.argument("directory", required=False, metavar="[DIR]")
def demo(directory: str | None) -> None:
    """Make a small real project and take snapshots of it."""
    door.say(str(directory))
