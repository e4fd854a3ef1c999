"""session create, select, update, delete, undelete, ls."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import Any, ClassVar

import click

from git_datmo.cli import door
from git_datmo.cli.door import Group, verb
from git_datmo.cli.table import listing_options, show
from git_datmo.errors import Conflict
from git_datmo.model.quantity import counted


class Sessions(Group):
    aliases: ClassVar = {"list": "ls", "rm": "delete", "show": "ls"}


@click.group(cls=Sessions)
def session() -> None:
    """Group snapshots and runs by name. `default` always exists."""


@verb("session.create", named="name")
@session.command()
@click.argument("name", required=False)
@click.option("--name", "-m", "named", help="The session's name.")
@click.option("--current/--no-current", default=True, help="Select it for new snapshots here.")
@door.as_json
def create(name: str | None, named: str | None, current: bool, json: bool) -> None:
    """Make a session, or find the one of this name, and select it."""
    found = door.project()
    known = {item.id for item in door.call("session.ls", found)}
    made = door.call("session.create", found, name=name or named, current=current)
    was = f"Session '{made.name}' is there already"
    done = was if made.id in known else f"Created session '{made.name}'"
    _told(json, made, f"{done} ({made.id[:12]}{', selected' if made.current else ''})")


@verb("session.ls")
@session.command()
@click.option("--deleted", is_flag=True, help="Those that are deleted, and can be brought back.")
@listing_options
def ls(deleted: bool, **shown: Any) -> None:
    """List the sessions, newest first."""
    found = door.call("session.ls", door.project(), deleted=deleted)
    rows = [{**asdict(item)} for item in found]
    show("session", ["name", "current", "snapshots", "id"], rows, **shown)


@verb("session.select", named="name")
@session.command()
@click.argument("name", required=False)
@click.option("--name", "named", help="The session's name or id.")
@door.as_json
def select(name: str | None, named: str | None, json: bool) -> None:
    """Make a session the one that new snapshots here belong to."""
    chosen = door.call("session.select", door.project(), name=name or named)
    _told(json, chosen, f"Selected session '{chosen.name}'")


@verb("session.update")
@session.command()
@click.argument("session_id")
@click.option("--name", required=True, help="The new name.")
@door.as_json
def update(session_id: str, name: str, json: bool) -> None:
    """Rename a session."""
    changed = door.call("session.update", door.project(), session_id, name=name)
    _told(json, changed, f"Renamed session to '{changed.name}'")


@verb("session.delete", named="name")
@session.command()
@click.argument("name", required=False)
@click.option("--name", "named", help="The session's name or id.")
@door.sure
@door.as_json
def delete(name: str | None, named: str | None, yes: bool, json: bool) -> None:
    """Delete a session and hide its snapshots."""
    found = door.project()
    chosen = name or named
    if not yes and chosen:
        count = next(
            (s.snapshots for s in door.call("session.ls", found) if chosen in (s.name, s.id)), 0
        )
        hide = f"Hide its {counted(count, 'snapshot')} too?"
        if count and sys.stdin.isatty() and not door.agreed(hide):
            raise Conflict("nothing was deleted: it was not confirmed", hint="--yes does not ask")
    gone = door.call("session.delete", found, name=chosen)
    count = counted(gone.snapshots, "snapshot")
    _told(json, gone, f"Deleted session '{gone.name}' and hid its {count}")


@verb("session.undelete", named="name")
@session.command()
@click.argument("name", required=False)
@click.option("--name", "named", help="The session's name or id.")
@door.as_json
def undelete(name: str | None, named: str | None, json: bool) -> None:
    """Bring a deleted session back, with the snapshots that were deleted with it."""
    back = door.call("session.undelete", door.project(), name=name or named)
    count = counted(back.snapshots, "snapshot")
    _told(json, back, f"Session '{back.name}' is there, with {count}")


def _told(json: bool, session: Any, text: str) -> None:
    if json:
        door.document(asdict(session))
    else:
        door.say(text)
