"""environment setup, create, select, update, delete, undelete, ls, inspect, templates."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import click

from git_datmo.cli import door
from git_datmo.cli.door import Group, verb
from git_datmo.cli.table import listing_options, show

STYLES = {"id": "yellow", "name": "cyan"}
WHICH = "ENVIRONMENT"
ANSWER_SECONDS = 2
QUIT = ("q", "quit")


class Environments(Group):
    aliases: ClassVar = {"list": "ls", "show": "inspect", "rm": "delete", "use": "select"}


@click.group(cls=Environments)
def environment() -> None:
    """Keep what runs need, by name, and choose which one they get.

    An environment is a set of files, such as a Dockerfile or a requirements.txt; it is named by
    its name, its id or the beginning of that. Without any, the files of the project decide.
    """


@verb("environment.setup")
@environment.command()
@click.option("--type", metavar="TYPE", help="cpu or gpu.")
@click.option("--framework", metavar="NAME", help="What is in it: pytorch, r-base, python-base.")
@click.option("--language", metavar="NAME", help="The version of Python: py312.")
@click.option("--name", "-n", help="What to call it; else as it was chosen: pytorch:gpu.")
@click.option("--description", "-d", help="What it is for.")
@click.option("--current/--no-current", default=True, help="Select it for new snapshots and runs.")
@door.as_json
def setup(
    type: str | None, framework: str | None, language: str | None, json: bool, **given: Any
) -> None:
    """Choose a ready environment: type, framework and language.

    What is not given is asked for on a terminal; elsewhere it is cpu, python-base and the usual
    language. `git datmo environment templates` lists the choices.
    """
    found = door.project()
    found.require_initialized()
    wanted = {"type": type, "framework": framework, "language": language}
    set_up(found, wanted, json=json, **given)


def set_up(
    found: Any, wanted: Mapping[str, str | None], *, json: bool = False, **given: Any
) -> None:
    """Ask for the choices that are missing, then make the environment and say so."""
    chosen = answers(wanted)
    if chosen is None:
        door.note(["no environment was set up"])
        return
    made = door.call("environment.setup", found, **chosen, **given)
    told(json, made, "Set up" if made.is_new else "Found")


def answers(wanted: Mapping[str, str | None]) -> dict[str, str | None] | None:
    """The choices for `setup`, asked for where they are missing; None when the user gave up."""
    from git_datmo.api.environment import templates

    given = {name: wanted.get(name) for name in ("type", "framework", "language")}
    left = templates()
    asking = sys.stdin.isatty()
    reading = not asking and not any(given.values())
    for name, value in given.items():
        there = list(dict.fromkeys(getattr(item, name) for item in left))
        if value is None and len(there) > 1:
            if asking:
                value = _asked(name, there)
                if value in QUIT:
                    return None
            elif reading:
                value = _named(_line(), there)
                reading = value is not None
            given[name] = value
        usual = value if value is not None else there[0]
        if name == "framework" and value is None and "python-base" in there:
            usual = "python-base"
        left = [item for item in left if getattr(item, name) == usual] or left
    return given


def _asked(name: str, there: Sequence[str]) -> str | None:
    """The answer on a terminal: a number or a name, asked again until it is one of `there`."""
    click.echo(f"Choose a {name}:", err=True)
    for number, value in enumerate(there, 1):
        click.echo(f"  ({number}) {value}", err=True)
    while True:
        text = click.prompt(
            f"{name} (number or name, q to quit)", default=there[0], show_default=True, err=True
        )
        answer = _named(str(text), there)
        if answer in there or answer in QUIT:
            return answer
        click.echo(f"there is no {name} '{answer}'", err=True)


def _named(text: str | None, there: Sequence[str]) -> str | None:
    """The choice that a text means, by number or name; None for an empty one."""
    word = (text or "").strip()
    if word.isdecimal() and 1 <= int(word) <= len(there):
        return there[int(word) - 1]
    return word or None


def _line() -> str | None:
    """A line that was piped in, None where there is none."""
    import select

    # A pipe that nobody ever writes to or closes (a job runner's) must not hold us up.
    if sys.stdin.closed or not select.select([sys.stdin], [], [], ANSWER_SECONDS)[0]:
        return None
    return sys.stdin.readline()


@verb("environment.create")
@environment.command()
@click.option(
    "--paths", multiple=True, metavar="SRC[>DEST]", help="The files that define it, as they are."
)
@click.option("--name", "-n", help="What to call it.")
@click.option("--description", "-d", help="What it is for.")
@click.option("--interpreter", is_flag=True, help="The packages of your Python.")
@click.option("--imports", is_flag=True, help="What the project's files import, with versions.")
@click.option("--current/--no-current", default=False, help="Select it for new snapshots and runs.")
@door.as_json
def create(json: bool, **given: Any) -> None:
    """Keep an environment: of files, of your Python's packages, or of what the project imports.

    Without --paths, --interpreter or --imports it is what a snapshot would have now: the files of
    the project that declare it, else the packages of your Python.
    """
    made = door.call("environment.create", door.project(), **given, user=door.user())
    told(json, made, "Created" if made.is_new else "Found")


@verb("environment.select")
@environment.command()
@click.argument("environment_id", metavar=f"[{WHICH}]", required=False)
@click.option("--none", is_flag=True, help="Let the files of the project decide.")
@door.as_json
def select(environment_id: str | None, none: bool, json: bool) -> None:
    """Choose the environment of new snapshots and runs in this clone."""
    chosen = door.call("environment.select", door.project(), environment_id, none=none)
    if chosen is not None:
        told(json, chosen, "Selected")
    elif json:
        door.document(None)
    else:
        door.say("No environment is selected: the files of the project decide")


@verb("environment.update")
@environment.command()
@click.argument("environment_id", metavar=WHICH)
@click.option("--name", "-n", help="A new name; empty for none.")
@click.option("--description", "-d", help="A new description; empty for none.")
@door.as_json
def update(environment_id: str, name: str | None, description: str | None, json: bool) -> None:
    """Give an environment another name or description."""
    done = door.call(
        "environment.update", door.project(), environment_id, name=name, description=description
    )
    told(json, done, "Updated")


@verb("environment.delete")
@environment.command()
@click.argument("environment_id", metavar=WHICH)
@door.as_json
def delete(environment_id: str, json: bool) -> None:
    """Hide an environment; snapshots and runs that have it keep it, and its whole id names it."""
    told(json, door.call("environment.delete", door.project(), environment_id), "Deleted")


@verb("environment.undelete")
@environment.command()
@click.argument("environment_id", metavar=WHICH)
@door.as_json
def undelete(environment_id: str, json: bool) -> None:
    """Bring a deleted environment back, with its name."""
    told(json, door.call("environment.undelete", door.project(), environment_id), "Restored")


@verb("environment.ls")
@environment.command()
@click.option("--all", "-a", is_flag=True, help="Those that only snapshots brought, too.")
@click.option("--deleted", is_flag=True, help="Those that are deleted, and can be brought back.")
@listing_options
def ls(all: bool, deleted: bool, **shown: Any) -> None:
    """List the environments, newest first."""
    found = door.call("environment.ls", door.project(), all=all, deleted=deleted)
    from git_datmo.ui import environment as ui

    if shown["json"] or shown["jsonl"] or shown["format"] in ("json", "jsonl"):
        show("environment", [], [ui.to_dict(item) for item in found], **shown)
        return
    exact = shown["format"] == "csv"
    rows = [ui.row(item, exact=exact) for item in found]
    show("environment", ui.COLUMNS, rows, styles=STYLES, **shown)


@verb("environment.inspect")
@environment.command()
@click.argument("environment_id", metavar=f"[{WHICH}]", required=False)
@door.as_json
def inspect(environment_id: str | None, json: bool) -> None:
    """Show an environment and what its files say; without a name, the selected one."""
    found = door.call("environment.inspect", door.project(), environment_id)
    from git_datmo.ui import environment as ui

    if json:
        door.document(ui.to_dict(found))
    else:
        door.say(ui.block(found, color=door.color()))


@verb("environment.templates")
@environment.command()
@listing_options
def templates(**shown: Any) -> None:
    """List the ready environments that setup offers, and the images they start from."""
    from git_datmo.api.environment import templates as every
    from git_datmo.ui import environment as ui

    show("template", ui.TEMPLATE_COLUMNS, [ui.template_row(item) for item in every()], **shown)


def told(json: bool, found: Any, done: str) -> None:
    """Say what was done to an environment, after the fact."""
    from git_datmo.ui import environment as ui

    if json:
        door.document({**ui.to_dict(found), "notices": list(found.notices)})
        return
    selected = ", selected" if found.current and done not in ("Deleted", "Selected") else ""
    door.say(f"{done} environment {ui.title(found)}{selected}")
    door.note(found.notices)
