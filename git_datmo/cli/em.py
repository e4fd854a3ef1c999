"""em ls, describe, upload: t9k.em's command, for local directories and folders of a remote."""

from __future__ import annotations

from typing import Any, ClassVar

import click

from git_datmo.cli import door
from git_datmo.cli.door import Group, verb
from git_datmo.cli.table import listing_options, show
from git_datmo.errors import NotARepository

STRATEGIES = ("skip", "error", "new", "replace")


class Em(Group):
    aliases: ClassVar = {"list": "ls", "show": "describe", "inspect": "describe"}


@click.group(cls=Em)
def em() -> None:
    """Runs and artifacts of scripts for t9k.em, in local directories and in folders of a remote.

    A path is a local directory such as .em/runs, or a folder: 'experiments' lies below your own
    folders, '/team/experiments' is anybody's.
    """


@verb("compat.em.verbs.ls")
@em.command()
@click.argument("path", default="")
@click.option("--details", "-d", is_flag=True, help="More columns.")
@click.option("--remote", help="The remote whose folders are meant.")
@listing_options
def ls(path: str, details: bool, remote: str | None, **shown: Any) -> None:
    """List the runs and artifacts of local directories, or of a folder of a remote.

    Without PATH: your own folders.
    """
    from git_datmo.compat.em import verbs
    from git_datmo.ui import em as ui

    nodes = verbs.ls(_project(), path=path, remote=remote)
    exact = shown["json"] or shown["jsonl"] or shown["format"] in ("json", "jsonl")
    if exact:
        show("em", [], [node.to_dict() for node in nodes], **shown)
        return
    names = ui.columns(nodes, details=details)
    show("em", names, [ui.row(node) for node in nodes], **shown)


@verb("compat.em.verbs.describe")
@em.command()
@click.argument("path")
@click.option("--details", "-d", is_flag=True, help="Platform, git and where it was sent, too.")
@click.option("--remote", help="The remote whose folders are meant.")
@door.as_json
def describe(path: str, details: bool, remote: str | None, json: bool) -> None:
    """Show one run or artifact: parameters and metrics, or the objects that it has."""
    from git_datmo.compat.em import verbs
    from git_datmo.ui import em as ui

    known = verbs.describe(_project(), path=path, remote=remote)
    if json:
        door.document(known)
    else:
        door.say(ui.block(known, details=details, color=door.color()))


@verb("compat.em.verbs.upload")
@em.command()
@click.argument("path")
@click.option("--folder", "-f", default="default", show_default=True, help="Where it is to lie.")
@click.option("--make-folder", "-m", is_flag=True, help="Make the folder if there is none.")
@click.option(
    "--conflict-strategy",
    "-c",
    type=click.Choice(STRATEGIES),
    default="new",
    show_default=True,
    help="What to do where something else has the name.",
)
@click.option("--remote", help="The remote to send to, not the usual one.")
@door.as_json
def upload(
    path: str,
    folder: str,
    make_folder: bool,
    conflict_strategy: str,
    remote: str | None,
    json: bool,
) -> None:
    """Send local directories of runs and artifacts to a folder of a remote.

    PATH is the directory of one, or of several. What was not recorded yet is recorded first.
    """
    from git_datmo.compat.em import verbs
    from git_datmo.ui import em as ui

    sent = verbs.upload(
        _project(),
        path=path,
        folder=folder,
        make_folder=make_folder,
        conflict_strategy=conflict_strategy,
        remote=remote,
    )
    if json:
        door.document([ui.sent_document(local, placed) for local, placed in sent])
    else:
        door.say(ui.sent_line(local, placed) for local, placed in sent)


def _project() -> Any:
    """The project around the folder; None where there is none, for local directories need none."""
    try:
        return door.project()
    except NotARepository:
        return None
