"""verify."""

from __future__ import annotations

import click

from git_datmo.cli import door
from git_datmo.cli.door import verb


@verb("verify.verify")
@click.command()
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option(
    "--require-signature", is_flag=True, help="Take nothing for verified that is not signed."
)
@door.as_json
def verify(ids: tuple[str, ...], require_signature: bool, json: bool) -> int:
    """Check signature and content of snapshots, runs and artifacts, without asking a remote.

    Without ID all of them are checked. Signatures are judged by git, with your own keys. Ends
    with 0 if all is verified, else with 1.
    """
    from git_datmo.ui.progress import progress
    from git_datmo.ui.verification import report

    with progress("reading stored content", unit="B") as bar:
        found = door.call(
            *("verify.verify", door.project(), ids),
            require_signature=require_signature,
            progress=bar.advance,
        )
    if json:
        door.document(found.to_dict())
    else:
        door.say(report(found))
    return 0 if found.ok else 1
