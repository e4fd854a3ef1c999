"""supervise: what watches a run in the background."""

from __future__ import annotations

import json
import sys

import click

from git_datmo.cli import door
from git_datmo.cli.door import verb


@verb("run.supervise")
@click.command(hidden=True)
@click.argument("run_id")
def supervise(run_id: str) -> None:
    """Look after a run until it is recorded; not for people.

    The values of its variables come on standard input, as one JSON document.
    """
    given = sys.stdin.buffer.read()
    variables = json.loads(given) if given else {}
    door.call("run.supervise", door.project(), run_id, variables=variables, user=door.user())
