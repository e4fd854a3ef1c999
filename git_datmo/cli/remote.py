"""push, fetch, pull."""

from __future__ import annotations

from dataclasses import asdict

import click

from git_datmo.cli import door
from git_datmo.cli.door import verb


@verb("remote.push")
@click.command()
@click.argument("remote", required=False)
@door.as_json
def push(remote: str | None, json: bool) -> None:
    """Share this clone's snapshots: content first, then refs.

    Plain `git push REMOTE 'refs/datmo/*'` does the same through the pre-push hook.
    """
    _exchange("push", remote, json)


@verb("remote.fetch")
@click.command()
@click.argument("remote", required=False)
@door.as_json
def fetch(remote: str | None, json: bool) -> None:
    """Bring a remote's snapshots and notes; large files come when they are needed."""
    done = door.call("remote.fetch", door.project(), remote)
    door.note(done.notices)
    if json:
        door.document(asdict(done))
    else:
        door.say(f"Fetched from {done.remote}: {done.refs} refs changed")


@verb("remote.pull")
@click.command()
@click.argument("remote", required=False)
@click.argument("ids", nargs=-1, metavar="[SNAPSHOT]...")
@click.option("--content/--no-content", default=False, help="Bring all large files too.")
@door.as_json
def pull(remote: str | None, ids: tuple[str, ...], content: bool, json: bool) -> int:
    """Fetch, and bring the large files of the snapshots named, or of all with --content."""
    from git_datmo.ui.progress import progress

    with progress("fetching content", unit="B") as bar:
        done = door.call(
            "remote.pull", door.project(), remote, ids, content=content, progress=bar.advance
        )
    door.note(done.notices)
    if json:
        door.document(asdict(done))
    else:
        from git_datmo.ui.rows import size

        door.say(
            f"Pulled from {done.remote}: {done.refs} refs changed, "
            f"{done.content_files} files ({size(done.content_bytes)})"
        )
        for line in done.missing:
            click.echo(f"missing everywhere: {line}", err=True)
    return 5 if done.missing else 0


def _exchange(name: str, remote: str | None, json: bool) -> None:
    from git_datmo.ui.progress import progress
    from git_datmo.ui.rows import size

    with progress("sending content", unit="B") as bar:
        done = door.call(f"remote.{name}", door.project(), remote, progress=bar.advance)
    door.note(done.notices)
    if json:
        door.document(asdict(done))
    else:
        door.say(
            f"Pushed to {done.remote}: {done.refs} refs, "
            f"{done.content_files} files ({size(done.content_bytes)})"
        )
