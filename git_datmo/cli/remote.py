"""push, fetch, pull, clone, remote."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import click

from git_datmo.cli import door
from git_datmo.cli.door import Group, verb

MISSING = 5


def _options(command: Callable[..., Any]) -> Callable[..., Any]:
    """What push, fetch and pull have in common."""
    for option in (
        click.argument("ids", nargs=-1, metavar="[SNAPSHOT|RUN|ARTIFACT]..."),
        click.argument("remote", required=False),
        click.option("--dry-run", "-n", is_flag=True, help="Only say what would be done."),
        door.as_json,
    ):
        command = option(command)
    return command


@verb("remote.push")
@click.command()
@click.option(
    "--content/--no-content",
    default=None,
    help="Look again for all content that should be there, or send none. Without either, only "
    "what is new is sent, and that of what is named.",
)
@_options
def push(
    remote: str | None, ids: tuple[str, ...], content: bool | None, dry_run: bool, json: bool
) -> None:
    """Share what this clone recorded: content first, then refs.

    Plain `git push REMOTE 'refs/datmo/*'` does the same through the pre-push hook.
    """
    done = _moved("push", "sending", remote, ids, content=content, dry_run=dry_run)
    if json:
        door.document(asdict(done))
        return
    _say(done, "Pushed to", "Would push to")


@verb("remote.fetch")
@click.command()
@click.option("--content/--no-content", default=False, help="Bring all large files too.")
@_options
def fetch(
    remote: str | None, ids: tuple[str, ...], content: bool, dry_run: bool, json: bool
) -> int:
    """Bring what others recorded; large files come when they are needed."""
    return _brought("fetch", remote, ids, content, dry_run, json)


@verb("remote.pull")
@click.command()
@click.option("--content/--no-content", default=False, help="Bring all large files too.")
@_options
def pull(remote: str | None, ids: tuple[str, ...], content: bool, dry_run: bool, json: bool) -> int:
    """The same as `fetch`: what all wrote is put together when it is read, nothing is merged.

    Names of snapshots, runs and artifacts bring their large files as well.
    """
    return _brought("pull", remote, ids, content, dry_run, json)


def _brought(
    name: str, remote: str | None, ids: tuple[str, ...], content: bool, dry_run: bool, json: bool
) -> int:
    done = _moved(name, "fetching", remote, ids, content=content, dry_run=dry_run)
    if json:
        door.document(asdict(done))
    else:
        _say(done, "Pulled from", "Would pull from")
    for line in done.missing:
        click.echo(f"missing: {line}", err=True)
    return MISSING if done.missing else 0


def _moved(name: str, label: str, *args: Any, **options: Any) -> Any:
    from git_datmo.ui.progress import progress

    with progress(f"{label} content", unit="B") as bar:
        done = door.call(
            f"remote.{name}",
            door.project(),
            *args,
            **options,
            progress=bar.advance,
            expect=bar.expect,
            report=bar.report if bar.shown else None,
        )
    door.note(done.notices)
    return done


def _say(done: Any, did: str, would: str) -> None:
    from git_datmo.ui.remote import exchange

    door.say(exchange(done, did, would))


@click.group(cls=Group)
def remote() -> None:
    """What is known of the remotes that snapshots are shared through."""


@verb("remote.show")
@remote.command()
@click.argument("remote", required=False)
@click.option("--check/--no-check", default=True, help="Ask the remote; otherwise only say how.")
@door.as_json
def show(remote: str | None, check: bool, json: bool) -> int:
    """Say where each remote keeps refs and content, and whether both can be reached.

    Exits with 7 when something that was asked does not answer.
    """
    found = door.call("remote.show", door.project(), remote, check=check)
    if json:
        door.document([asdict(one) for one in found])
    else:
        from git_datmo.ui.remote import remotes

        door.say(remotes(found, color=door.color()))
    return 7 if any(one.errors for one in found) else 0


@verb("remote.clone")
@click.command()
@click.argument("url")
@click.argument("directory", required=False)
@click.argument("options", nargs=-1, metavar="[-- GIT-OPTIONS]")
@click.option("--content/--no-content", default=False, help="Bring all large files too.")
@door.as_json
def clone(
    url: str, directory: str | None, options: tuple[str, ...], content: bool, json: bool
) -> int:
    """Clone a repository with everything that was shared through it, ready for work.

    The same as `git clone`, `git datmo init` and `git datmo pull`. Options of `git clone` come
    last, after two dashes: git datmo clone URL DIR -- --depth 1
    """
    from git_datmo.api import remote as verbs
    from git_datmo.cli.project import program
    from git_datmo.ui.progress import progress

    if directory is not None and directory.startswith("-"):
        options, directory = (directory, *options), None
    with progress("fetching content", unit="B") as bar:
        made = verbs.clone(
            url=url,
            directory=directory,
            folder=door.start(),
            options=options,
            content=content,
            program=program(),
            progress=bar.advance,
            expect=bar.expect,
            report=bar.report if bar.shown else None,
        )
    door.note(made.exchange.notices)
    if json:
        door.document(asdict(made))
    else:
        door.say(f"Cloned into {made.directory}")
        _say(made.exchange, "Pulled from", "Would pull from")
    for line in made.exchange.missing:
        click.echo(f"missing: {line}", err=True)
    return MISSING if made.exchange.missing else 0
