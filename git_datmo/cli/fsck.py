"""fsck."""

from __future__ import annotations

from dataclasses import asdict

import click

from git_datmo.cli import door
from git_datmo.cli.door import verb
from git_datmo.model.quantity import counted


@verb("fsck.fsck")
@click.command()
@click.option("--fast", is_flag=True, help="Do not read git's objects and stored content.")
@door.as_json
def fsck(fast: bool, json: bool) -> int:
    """Check git's objects, notes, pointers and stored content; exit 5 if anything is wrong."""
    from git_datmo.ui.escape import safe
    from git_datmo.ui.progress import progress

    with progress("reading stored content", unit="B") as bar:
        health = door.call("fsck.fsck", door.project(), fast=fast, progress=bar.advance)
    if json:
        document = {"ok": health.ok, "checked": health.checked}
        door.document({**document, "findings": [asdict(f) for f in health.findings]})
    else:
        for finding in health.findings:
            touched = ", ".join(oid[:12] for oid in finding.snapshots[:5])
            door.say(safe(f"{finding.kind}: {finding.message}"))
            if touched:
                door.say(f"  touches {counted(len(finding.snapshots), 'object')}: {touched}")
        counts = ", ".join(f"{n} {what}" for what, n in health.checked.items())
        door.say(f"checked {counts}: {'all is well' if health.ok else 'damage was found'}")
    return 0 if health.ok else 5
