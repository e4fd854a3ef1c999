"""hook post-commit, hook pre-push: what the git hooks call."""

from __future__ import annotations

import sys

import click

from git_datmo.cli import door
from git_datmo.cli.door import Group, verb
from git_datmo.model.quantity import counted


@click.group(cls=Group, hidden=True)
def hook() -> None:
    """What the hooks call; not for people."""


@verb("hook.post_commit")
@hook.command("post-commit")
@click.argument("commit", required=False)
def post_commit(commit: str | None) -> None:
    """Take the automatic snapshot of a commit."""
    made = door.call("hook.post_commit", door.project(), commit, user=door.user())
    if made is not None:
        door.say(f"{made.id}")


@verb("hook.pre_push", remote="remote_name")
@hook.command("pre-push")
@click.argument("remote")
@click.argument("url")
def pre_push(remote: str, url: str) -> None:
    """Deliver content before git sends refs; the refs come on standard input."""
    from git_datmo.api import location

    lines = sys.stdin.buffer.read()
    done = door.call("hook.pre_push", location.find(door.start(), tidy=False), remote, url, lines)
    door.note(done.notices)
    if done.content_files:
        from git_datmo.ui.rows import size

        sent = counted(done.content_files, "file")
        click.echo(f"git-datmo: sent {sent} ({size(done.content_bytes)})", err=True)
