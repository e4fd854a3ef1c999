"""purge."""

from __future__ import annotations

import click

from git_datmo.cli import door
from git_datmo.cli.door import verb
from git_datmo.errors import Conflict

FAILED = 7


@verb("purge.purge")
@click.command()
@click.argument("ids", nargs=-1, metavar="[SNAPSHOT|RUN|ARTIFACT]...")
@click.option(
    "--path",
    multiple=True,
    metavar="PATH",
    help="Also all others that hold the same bytes as these have at PATH.",
)
@click.option("--remote/--no-remote", default=True, help="On all remotes too (the default).")
@click.option("--dry-run", "-n", is_flag=True, help="Only show what would go.")
@door.sure
@door.as_json
def purge(
    ids: tuple[str, ...],
    path: tuple[str, ...],
    remote: bool,
    dry_run: bool,
    yes: bool,
    json: bool,
) -> int:
    """Take snapshots, runs or artifacts back for good: a secret, say, that was recorded.

    They go with all that stands on them, from this clone's notes, from all remotes, and from
    every other clone when it hears of it; stored content that only they have goes at once. What
    was purged is never taken in again. Your own commits and branches are not touched: what still
    holds it is listed. Exits with 7 if a remote could not do its part. Without an id it goes on
    with what was purged before, wherever that has turned up again.
    """
    from git_datmo.ui import purge as ui
    from git_datmo.ui.progress import progress

    found = door.project()
    if dry_run or not yes:
        planned = door.call("purge.purge", found, ids, path=path, remote=remote, dry_run=True)
        if dry_run and json:
            door.document(ui.to_dict(planned))
            return 0
        if dry_run:
            door.note(planned.notices)
            door.say([*ui.plan(planned), *ui.left(planned)])
            return 0
        for line in ui.plan(planned):
            click.echo(line, err=True)
        if not door.agreed("This cannot be undone. Purge them?"):
            raise Conflict("nothing was purged: it was not confirmed", hint="--yes does not ask")
    with progress("sending content", unit="B") as bar:
        done = door.call("purge.purge", found, ids, path=path, remote=remote, progress=bar.advance)
    door.note(done.notices)
    if json:
        door.document(ui.to_dict(done))
    else:
        door.say([*ui.report(done), *ui.left(done)])
    return 0 if done.complete else FAILED
