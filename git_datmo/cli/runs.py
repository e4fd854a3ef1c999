"""ls, inspect, logs, stop, delete, undelete: what can be done with runs."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from git_datmo.cli import door
from git_datmo.cli.door import verb
from git_datmo.cli.table import by_columns, for_programs, listing_options, show
from git_datmo.errors import MutuallyExclusiveArguments

if TYPE_CHECKING:
    from git_datmo.model.run import Run

STYLES = {"id": "yellow", "label": "cyan"}
WHICH = "RUN"
# Those of model.run, which help texts do without.
STATUSES = ("preparing", "running", "success", "failed", "stopped", "timeout", "oom", "lost")


@verb("run.ls")
@click.command()
@click.option("--session-id", metavar="SESSION", help="Only those of this session.")
@click.option("--all", "-a", is_flag=True, help="Hidden and deleted ones too.")
@click.option("--deleted", is_flag=True, help="Those that are deleted, and can be brought back.")
@click.option("--details", is_flag=True, help="How they ended, where they ran, their snapshots.")
@click.option(
    "--filter",
    metavar="TEXT",
    help="Only those whose command, message, label or other name has TEXT.",
)
@click.option("--label", metavar="LABEL", help="Only those that carry this label.")
@click.option("--status", type=click.Choice(STATUSES), help="Only those that stand so.")
@click.option(
    "--remote", metavar="REMOTE", help="Only those that REMOTE has, as far as is known; '.': none."
)
@click.option("--where", metavar="EXPR", help="Only those for which EXPR holds: 'results.acc > 1'.")
@click.option("--sort", metavar="KEYS", help="Order by keys, -KEY for descending: -results.acc.")
@click.option("--limit", "-n", type=int, metavar="N", help="At most N.")
@click.option("--columns", metavar="NAMES", help="The columns to show: id,status,results.acc.")
@listing_options
def ls(
    session_id: str | None,
    all: bool,
    deleted: bool,
    filter: str | None,
    label: str | None,
    status: str | None,
    remote: str | None,
    where: str | None,
    sort: str | None,
    limit: int | None,
    details: bool,
    columns: str | None,
    **shown: Any,
) -> None:
    """List the runs: first those under way, then the others, newest first.

    EXPR compares keys such as status, results.acc, config.lr, stats.acc, duration, runner with
    ==, !=, <, <=, >, >=, in, contains, `is null`, joined by and, or, not.
    """
    found = door.call(
        "run.ls",
        door.project(),
        session_id=session_id,
        all=all,
        deleted=deleted,
        filter=filter,
        label=label,
        status=status,
        remote=remote,
        where=where,
        sort=sort,
        limit=limit,
        user=door.user(),
    )
    from git_datmo.ui import run as ui

    if for_programs(shown, columns):
        show("run", [], [ui.to_dict(item) for item in found], **shown)
        return
    exact = shown["format"] == "csv"
    names, rows = table_of(found, columns, details, exact=exact, narrow=door.width() is not None)
    show("run", names, rows, styles=STYLES, **shown)
    if not found and shown["format"] == "table":
        chosen = any((filter, label, status, remote, where, session_id, deleted))
        door.note(["no run matches" if chosen else "no run yet: git datmo run -- python train.py"])


def table_of(
    found: Sequence[Run], columns: str | None, details: bool, *, exact: bool, narrow: bool
) -> tuple[list[str], list[dict[str, Any]]]:
    """The names and the rows of a list of runs; `columns` are keys, the command one text."""
    from git_datmo.ui import run as ui

    if columns is None:
        short = not exact and not details
        names = ui.columns(found, details=details, narrow=narrow and not exact)
        return names, [ui.row(item, exact=exact, short=short) for item in found]
    return by_columns(found, columns, lambda item: {**ui.to_dict(item), "command": item.text})


@verb("run.inspect")
@click.command()
@click.argument("run_id", metavar=WHICH, default="latest")
@door.as_json
def inspect(run_id: str, json: bool) -> None:
    """Show everything about one run, also while it is under way."""
    from git_datmo.ui import run as ui

    found = door.call("run.inspect", door.project(), run_id, user=door.user())
    if json:
        door.document(ui.to_dict(found))
    else:
        door.say(ui.block(found, color=door.color()))


@verb("run.logs")
@click.command()
@click.argument("run_id", metavar=WHICH, default="latest")
@click.option("--follow", "-f", is_flag=True, help="Wait for more until it has ended.")
def logs(run_id: str, follow: bool) -> None:
    """Print what a run has printed, both streams in the order they came.

    On a terminal, control characters other than colours are shown as text.
    """
    from git_datmo.ui.terminal import passable

    pieces = door.call("run.logs", door.project(), run_id, follow=follow, user=door.user())
    out = sys.stdout.buffer
    for piece in passable(pieces) if sys.stdout.isatty() else pieces:
        out.write(piece)
        out.flush()


@verb("run.stop", named="run_id")
@click.command()
@click.argument("run_id", metavar=WHICH, required=False)
@click.option("--id", "named", metavar=WHICH, help="The run (older form).")
@click.option("--all", "-a", is_flag=True, help="Every run that is under way here.")
@click.option(
    "--grace",
    type=click.FloatRange(min=0),
    default=10.0,
    show_default=True,
    metavar="SECONDS",
    help="How long it may take before it is killed.",
)
@door.as_json
def stop(run_id: str | None, named: str | None, all: bool, grace: float, json: bool) -> None:
    """End a run that is under way; what it has done so far is recorded."""
    from git_datmo.ui import run as ui

    chosen = run_id or named
    if chosen and all:
        raise MutuallyExclusiveArguments("the name of a run and --all exclude each other")
    asked = time.time_ns() // 1_000_000
    ended = door.call("run.stop", door.project(), chosen, all=all, grace=grace, user=door.user())
    if json:
        door.document([ui.to_dict(item) for item in ended])
    elif not ended:
        door.say("Nothing is running")
    else:
        for item in ended:
            # One that is asked to end may do so with a code of its own, even with 0.
            stopped = item.status == "stopped" or (item.ended or 0) >= asked
            door.say(f"Stopped run {item.id}" if stopped else f"Had ended: {ui.line(item)}")


@verb("run.delete", named="run_id")
@click.command()
@click.argument("run_id", metavar=WHICH, required=False)
@click.option("--id", "named", metavar=WHICH, help="The run (older form).")
@door.as_json
def delete(run_id: str | None, named: str | None, json: bool) -> None:
    """Hide a run, in every clone that gets to know of it; its snapshots stay."""
    from git_datmo.ui import run as ui

    gone = door.call("run.delete", door.project(), run_id or named)
    if json:
        door.document(ui.to_dict(gone))
    else:
        door.say(f"Deleted run {gone.id}")


@verb("run.undelete", named="run_id")
@click.command()
@click.argument("run_id", metavar=WHICH, required=False)
@click.option("--id", "named", metavar=WHICH, help="The run (older form).")
@door.as_json
def undelete(run_id: str | None, named: str | None, json: bool) -> None:
    """Bring a deleted run back, in every clone that gets to know of it."""
    from git_datmo.ui import run as ui

    back = door.call("run.undelete", door.project(), run_id or named)
    door.note(back.notices)
    if json:
        door.document(ui.to_dict(back))
    else:
        door.say(f"Restored run {back.id}")


# What `run` and `task` have alike.
EVERY = (ls, inspect, logs, stop, delete, undelete)
