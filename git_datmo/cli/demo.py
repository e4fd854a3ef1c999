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

MINE = '{"features": ["bill_length_mm", "body_mass_g"], "epochs": 9, "learning_rate": 1, "seed": 7}'
NEXT = (
    ("How it looks from here, and what can be asked:", "git datmo status"),
    ("", "git datmo ls --where 'results.accuracy > 0.95'"),
    ("", "git datmo snapshot inspect {best}"),
    (
        "The best one with another setting, beside your work:",
        "git datmo rerun --set epochs=3 flipper",
    ),
    ("A try of your own:", f"echo '{MINE}' >config.json"),
    ("", "git datmo run --message 'my own try' --label mine -- python3 train.py"),
    ("", "git datmo snapshot diff {best} mine"),
    (
        "The best one, written into a folder beside:",
        "git datmo snapshot checkout {best} --into ../best",
    ),
    ("Is everything sound?", "git datmo fsck"),
)


@verb("demo.demo")
@click.command()
@click.argument("directory", required=False, metavar="[DIR]")
def demo(directory: str | None) -> None:
    """Make a small real project in DIR and show what runs and snapshots are for.

    DIR (default ./git-datmo-demo) must be new or empty. Takes a few seconds, needs no network and
    no git identity. Delete the folder when you are done.
    """
    from git_datmo.api import demo as verbs
    from git_datmo.cli.project import program

    target = door.start() / (directory or "git-datmo-demo")
    done = verbs.demo(directory=target, program=program(), user=door.user(), report=_show)
    _next(done.directory, done.best.id[:12])


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
    from git_datmo.cli.snapshot import STYLES
    from git_datmo.cli.snapshot_table import table_of
    from git_datmo.cli.table import lines_of
    from git_datmo.model.comparison import Comparison
    from git_datmo.model.diff import SnapshotDiff
    from git_datmo.model.run import Run
    from git_datmo.ui import comparison, diff
    from git_datmo.ui import run as runs
    from git_datmo.ui.escape import safe

    if isinstance(shown, Run):
        said = (safe(line) for line in shown.logs.splitlines())
        return [*said, *runs.summary(shown, color=door.color())]
    if isinstance(shown, Comparison):
        return list(comparison.render(shown, color=door.color(), width=door.width()))
    if isinstance(shown, SnapshotDiff):
        return list(diff.render(shown, color=door.color(), width=door.width()))
    if isinstance(shown, list):
        names, rows = table_of(shown, None, False, exact=False)
        return list(lines_of("table", names, rows, door.width(), door.color(), STYLES))
    return [safe(line) for line in str(shown or "").splitlines()]


def _next(directory: str, best: str) -> None:
    """Commands to copy, and how to make `git datmo` work in this shell if it does not."""
    lines = [("", f"cd {shlex.quote(os.path.relpath(directory))}")]
    if shutil.which("git-datmo") is None:
        folder = os.path.dirname(os.path.abspath(sys.argv[0]))
        if not os.path.isfile(os.path.join(folder, "git-datmo")):
            folder = os.path.dirname(sys.executable)
        lines.append(("", f'export PATH={shlex.quote(folder)}:"$PATH"'))
    door.say("What to try next, line by line:")
    for says, command in (*lines, *NEXT):
        if says:
            door.say(["", f"  # {says}"])
        door.say(f"  {command.replace('{best}', best)}")
