"""demo."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from typing import Any

import click

from git_datmo.cli import door
from git_datmo.cli.door import verb

NEXT = (
    ("how it looks from here", "git datmo status"),
    ("filter by anything", "git datmo snapshot ls --where 'stats.accuracy > 0.95'"),
    ("everything about one", "git datmo snapshot inspect {best}"),
    ("change config.json or train.py, then", "python3 train.py"),
    ("record what came out", "git datmo snapshot -m 'my own try' --label mine"),
    ("compare it with the best", "git datmo snapshot diff {best} mine"),
    ("the best, in a folder beside", "git datmo snapshot checkout {best} --into ../{best}"),
    ("is everything sound?", "git datmo fsck"),
)


@verb("demo.demo")
@click.command()
@click.argument("directory", required=False, metavar="[DIR]")
def demo(directory: str | None) -> None:
    """Make a small real project in DIR and show what snapshots are for.

    DIR (default ./git-datmo-demo) must be new or empty. Takes a few seconds, needs no network and
    no git identity. Delete the folder when you are done.
    """
    from git_datmo.api import demo as verbs
    from git_datmo.cli.project import program

    target = door.start() / (directory or "git-datmo-demo")
    done = verbs.demo(directory=target, program=program(), user=door.user(), report=_show)
    _next(done.directory, str(done.best.label))


def _show(step: Any) -> None:
    """Print one step as a user would have seen it."""
    from git_datmo.ui.style import paint

    color = door.color()
    door.say(paint(f"# {step.says}", "dim", color=color))
    if step.command:
        door.say(paint(f"$ {step.command}", "bold", color=color))
    door.say(_lines(step.shown))
    door.say("")


def _lines(shown: Any) -> list[str]:
    from git_datmo.cli.snapshot import table_of
    from git_datmo.model.diff import SnapshotDiff
    from git_datmo.model.snapshot import Snapshot
    from git_datmo.ui import diff, table
    from git_datmo.ui.escape import safe

    if isinstance(shown, Snapshot):
        return [f"Created snapshot with id: {shown.id}"]
    if isinstance(shown, SnapshotDiff):
        return list(diff.render(shown, color=door.color(), width=door.width()))
    if isinstance(shown, list):
        names, rows = table_of(shown, None, False, exact=False)
        heads = [
            table.Column(name, flexible=name in ("message", "config", "stats")) for name in names
        ]
        cells = ([row.get(name) for name in names] for row in rows)
        return list(table.render(heads, cells, width=door.width(), color=door.color()))
    return [safe(line) for line in str(shown or "").splitlines()]


def _next(directory: str, best: str) -> None:
    """Commands to copy, and how to make `git datmo` work in this shell if it does not."""
    lines = [(f"cd {shlex.quote(os.path.relpath(directory))}", "")]
    if shutil.which("git-datmo") is None:
        folder = os.path.dirname(os.path.abspath(sys.argv[0]))
        if not os.path.isfile(os.path.join(folder, "git-datmo")):
            folder = os.path.dirname(sys.executable)
        lines.append((f'export PATH={shlex.quote(folder)}:"$PATH"', "so that 'git datmo' works"))
    lines += [(command.format(best=best), says) for says, command in NEXT]
    longest = max(len(command) for command, _ in lines[1:])
    door.say("What to try next:")
    door.say("")
    for command, says in lines:
        door.say(f"  {command:<{longest}}  # {says}" if says else f"  {command}")
