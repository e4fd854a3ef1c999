"""gc."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from git_datmo.cli import door
from git_datmo.cli.door import verb

if TYPE_CHECKING:
    from git_datmo.model.freed import Freed


@verb("gc.gc")
@click.command()
@click.option(
    "--remote",
    is_flag=False,
    flag_value="",
    metavar="[NAME]",
    help="Free content of a remote instead; without a name, of the usual one.",
)
@click.option("--dry-run", "-n", is_flag=True, help="Only show what would go.")
@click.option("--keep", metavar="EXPR", help="Let content leave, not of these: 'stats.acc > 1'.")
@click.option(
    "--keep-last", type=int, metavar="N", help="The same, not of the last N of each session."
)
@click.option("--older-than", metavar="SPAN", help="The same, only of older ones: 30d, 12h, 2w.")
@door.sure
@door.as_json
def gc(
    remote: str | None,
    dry_run: bool,
    keep: str | None,
    keep_last: int | None,
    older_than: str | None,
    yes: bool,
    json: bool,
) -> None:
    """Free the space of large files that nothing needs any more.

    What no snapshot, run or environment of any clone known here mentions goes, when it is older
    than datmo.gcGrace (14 days). With --keep, --keep-last or --older-than, content of the
    snapshots that none of these protect leaves this clone too, as far as a remote has it right
    now: the snapshots stay, and it comes back when it is needed. Labelled snapshots keep theirs.
    """
    from git_datmo.ui import freed as ui
    from git_datmo.ui.progress import progress

    asking = not yes and (remote is not None or (keep, keep_last, older_than) != (None,) * 3)

    def agree(found: Freed) -> bool:
        click.echo("\n".join(ui.render(replace(found, dry_run=True))), err=True)
        return door.agreed(ui.question(found))

    with progress("looking through snapshots") as bar:
        done = door.call(
            "gc.gc",
            door.project(),
            remote=None if remote is None else remote or True,
            dry_run=dry_run,
            keep=keep,
            keep_last=keep_last,
            older_than=older_than,
            agree=agree if asking else None,
            progress=bar.advance,
        )
    door.note(done.notices)
    if json:
        door.document(ui.to_dict(done))
    else:
        door.say(ui.render(done))
