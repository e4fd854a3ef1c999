"""What every command shares: finding the project, one call of a verb, printing its value."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import click

from git_datmo.model.quantity import counted

if TYPE_CHECKING:
    from git_datmo.records.project import Project

F = TypeVar("F", bound=click.Command)


class Group(click.Group):
    """A group with aliases, and with a command that runs when none is named."""

    aliases: ClassVar[Mapping[str, str]] = {}
    default: str | None = None

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return super().get_command(ctx, self.aliases.get(cmd_name, cmd_name))

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if self.default and args and args[0].startswith("-") and args[0] not in ("-h", "--help"):
            args.insert(0, self.default)
        return super().parse_args(ctx, args)


def verb(name: str, **renames: str) -> Callable[[F], F]:
    """Say which function of the API a command calls, and which options it names otherwise."""

    def mark(command: F) -> F:
        command.verb = name  # type: ignore[attr-defined]
        command.renames = renames  # type: ignore[attr-defined]
        return command

    return mark


def call(title: str, project: Project, /, *args: Any, **kwargs: Any) -> Any:
    """Call the verb `title`, importing it now: help texts need none of it."""
    module, _, function = title.rpartition(".")
    verb = getattr(importlib.import_module(f"git_datmo.api.{module}"), function)
    found = verb(project, *args, **kwargs)
    if project is not None and project.unreadable and module not in ("doctor", "fsck"):
        what = counted(len(project.unreadable), "ref")
        note([f"{what} of snapshots and runs cannot be read: run 'git datmo doctor'"])
    return found


def start() -> Path:
    """The folder the command works from, which `-C DIR` has changed."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        from git_datmo.errors import InvalidProjectPath

        raise InvalidProjectPath("the current folder no longer exists") from None


def project(*, capture: bool = False) -> Project:
    """The project around the folder, its refs in order; `capture` if a capture follows."""
    from git_datmo.api import location

    return location.find(start(), capture=capture)


def user() -> Any:
    """What the verbs may know of the user's process."""
    from git_datmo.api.user import User

    return User(dict(os.environ), folder=start())


def say(lines: Iterable[str] | str) -> None:
    """Print lines to standard output."""
    for line in [lines] if isinstance(lines, str) else lines:
        click.echo(line)


def note(lines: Iterable[str]) -> None:
    """Print remarks to standard error."""
    from git_datmo.ui.escape import safe

    for line in lines:
        click.echo(f"note: {safe(line)}", err=True)


def document(value: object) -> None:
    """Print one JSON document."""
    from git_datmo.ui.documents import to_json

    click.echo(to_json(value))


def color(*, errors: bool = False) -> bool:
    """Whether standard output (or error) takes colour."""
    from git_datmo.ui.style import use_color

    return use_color(sys.stderr if errors else sys.stdout, os.environ)


def width() -> int | None:
    """The columns of the terminal; None when standard output is none."""
    if not sys.stdout.isatty():
        return None
    import shutil

    return shutil.get_terminal_size().columns


def page(lines: Iterable[str]) -> None:
    """Print long text through a pager on a terminal, plainly elsewhere."""
    if sys.stdout.isatty():
        click.echo_via_pager(line + "\n" for line in lines)
    else:
        say(lines)


def agreed(question: str) -> bool:
    """The answer to a question; the end of input means no."""
    try:
        return click.confirm(question, default=False, err=True)
    except click.Abort:
        if sys.stdin.isatty():
            raise
        click.echo(err=True)
        return False


as_json = click.option("--json", is_flag=True, help="Print one JSON document.")
sure = click.option("--yes", "-y", is_flag=True, help="Do not ask.")
