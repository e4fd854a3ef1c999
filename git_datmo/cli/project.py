"""init, status, cleanup, version."""

from __future__ import annotations

import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from git_datmo.cli import door
from git_datmo.cli.door import verb
from git_datmo.errors import Conflict
from git_datmo.model.quantity import are
from git_datmo.version import __version__

ANSWER_SECONDS = 2


def program() -> tuple[str, ...]:
    """The words that start this git-datmo from a hook: absolute paths and flags.

    The interpreter is named too, so that a hook notices when either is gone.
    """
    own = Path(sys.argv[0])
    beside = Path(sys.executable).with_name("git-datmo")
    for script in (own, beside):
        if script.name == "git-datmo" and script.is_file():
            return (sys.executable, os.path.abspath(script))
    # -P: what lies in the user's folder must not be imported in our place.
    return (sys.executable, "-P", "-m", "git_datmo")


@verb("project.init")
@click.command()
@click.option("--name", help="The project's name; the folder's name if none was ever given.")
@click.option("--description", help="What the project is about.")
@click.option(
    "--force", "-f", "--no-prompt", is_flag=True, help="Ask nothing: keep or take the defaults."
)
@door.as_json
def init(name: str | None, description: str | None, force: bool, json: bool) -> None:
    """Make a project of this repository, or of an empty folder.

    Writes below .git only: config, hooks and the folder .git/datmo. Run again, it keeps what is
    there and renews the hooks.
    """
    from git_datmo.api import location
    from git_datmo.api import project as verbs

    found, fresh = location.find_or_make(door.start())
    asking = not force and sys.stdin.isatty()
    if asking:
        name, description = _ask(found, name, description)
    elif not force and (name is None or description is None):
        name, description = _read(name, description)
    try:
        done = verbs.init(found, name=name, description=description, force=force, program=program())
    except BaseException:
        if fresh:
            import shutil

            shutil.rmtree(found.repository.git_dir)
        raise
    if json:
        door.document({**asdict(done), "repository_made": fresh})
        return
    if fresh:
        door.say(f"Made a git repository in {found.repository.git_dir} (sha1, loose-file refs)")
    word = "Initialized" if done.created else "Updated"
    door.say(f"{word} project {done.project.name} @ {done.project.path}")
    door.say(f"  {step}" for step in done.steps)
    if done.manual:
        door.say("git runs hooks from a folder that is not below .git. Add to them:")
        door.say(f"  {line}" for line in done.manual)
    if asking:
        _offer_environment(found)


def _ask(found: Any, name: str | None, description: str | None) -> tuple[str, str]:
    from git_datmo.api import project as verbs

    known = verbs.info(found)
    name = name or click.prompt("Enter name for the project", default=known.name)
    if description is None:
        description = click.prompt(
            "Enter description for the project", default=known.description, show_default=False
        )
    return str(name), str(description)


def _offer_environment(found: Any) -> None:
    """Ask whether to set up an environment, where none is selected."""
    from git_datmo.cli import environment

    if found.repository.config.get("datmo.environment"):
        return
    if door.agreed("Set up an environment to run in?"):
        environment.set_up(found, {})


def _read(name: str | None, description: str | None) -> tuple[str | None, str | None]:
    """Answers piped in, one line a question; the end of input keeps the defaults."""
    import select

    # A pipe that nobody ever writes to or closes (a job runner's) must not hold init up.
    if sys.stdin.closed or not select.select([sys.stdin], [], [], ANSWER_SECONDS)[0]:
        return name, description
    if name is None:
        name = sys.stdin.readline().strip() or None
    if description is None:
        description = sys.stdin.readline().strip() or None
    return name, description


@verb("project.status")
@click.command()
@door.as_json
def status(json: bool) -> None:
    """Show which snapshot you are on, what is unsaved, and what is running."""
    found = door.call("project.status", door.project(), user=door.user())
    from git_datmo.cli.snapshot_table import as_dict
    from git_datmo.ui import run as runs
    from git_datmo.ui import status as ui

    shown = {
        "initialized": True,
        "project": {
            "name": found.project.name,
            "description": found.project.description,
            "id": found.project.id,
            "path": found.project.path,
        },
        "session": found.session,
        "current": as_dict(found.current),
        "clean": found.clean,
        "unsaved": found.unsaved,
        "latest_user": as_dict(found.latest_user),
        "latest_automatic": as_dict(found.latest_automatic),
        "running": [runs.to_dict(run) for run in found.running],
        "warnings": list(found.warnings),
    }
    if json:
        door.document(shown)
    else:
        door.say(ui.render(shown, color=door.color()))


@verb("project.cleanup")
@click.command()
@door.sure
@door.as_json
def cleanup(yes: bool, json: bool) -> None:
    """Undo init: remove our refs, hooks, config and .git/datmo; keep the repository."""
    found = door.project()
    found.require_initialized()
    if not yes:
        lost = door.call("project.unshared", found)
        if lost:
            click.echo(f"{are(lost, 'snapshot')} on no remote and will be lost.", err=True)
        question = "Are you sure you want to delete all git-datmo data of this repository?"
        if not door.agreed(question):
            raise Conflict("nothing was removed: it was not confirmed", hint="--yes does not ask")
    done = door.call("project.cleanup", found)
    if json:
        door.document({"removed": list(done)})
    else:
        door.say(f"Removed project: {', '.join(done)}")


@verb("project.version")
@click.command()
@door.as_json
def version(json: bool) -> None:
    """Print the version."""
    if json:
        door.document({"version": __version__})
    else:
        door.say(f"git-datmo version: {__version__}")
