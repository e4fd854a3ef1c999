"""doctor."""

from __future__ import annotations

import click

from git_datmo.cli import door
from git_datmo.cli.door import verb


@verb("doctor.doctor")
@click.command()
@click.option("--dry-run", "-n", is_flag=True, help="Only say what is wrong; change nothing.")
@click.option("--full", is_flag=True, help="Also read all objects and content, as fsck does.")
@door.as_json
def doctor(dry_run: bool, full: bool, json: bool) -> int:
    """Find and mend what went wrong with a project; exit 1 if something is left.

    Looks at locks, litter, the index, refs, hooks, fetch lines, the store, runs, settings and the
    machine. Only litter is removed; what might be of use to you is moved to .git/datmo/aside.
    With --full, content that is damaged or missing is brought back from the work tree or a remote.
    """
    from git_datmo.api import location
    from git_datmo.cli.project import program
    from git_datmo.ui import doctor as ui
    from git_datmo.ui.progress import progress

    # As it lies: tidying would mend before anybody has looked.
    found = location.find(door.start(), tidy=False)
    with progress("reading stored content", unit="B") as bar:
        checkup = door.call(
            "doctor.doctor",
            found,
            dry_run=dry_run,
            full=full,
            program=program(),
            user=door.user(),
            progress=bar.advance,
        )
    if json:
        door.document(ui.to_dict(checkup))
    else:
        door.say(ui.render(checkup))
    return 0 if checkup.ok else 1
