"""The `git datmo` command."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from typing import ClassVar

import click

from git_datmo.cli.door import Group
from git_datmo.cli.errors import guard
from git_datmo.errors import InvalidProjectPath
from git_datmo.version import __version__

# Every command by name: the module that defines it, imported when it is called or listed.
COMMANDS = {
    "init": "project",
    "status": "project",
    "cleanup": "project",
    "version": "project",
    "snapshot": "snapshot",
    "session": "session",
    "environment": "environment",
    "artifact": "artifact",
    "run": "run",
    "ls": "runs",
    "logs": "runs",
    "stop": "runs",
    "delete": "runs",
    "rerun": "rerun",
    "lineage": "lineage",
    "plot": "plot",
    "report": "report",
    "ui": "ui",
    "task": "task",
    "notebook": "workspace",
    "jupyterlab": "workspace",
    "rstudio": "workspace",
    "terminal": "workspace",
    "push": "remote",
    "fetch": "remote",
    "pull": "remote",
    "clone": "remote",
    "remote": "remote",
    "em": "em",
    "purge": "purge",
    "gc": "gc",
    "fsck": "fsck",
    "doctor": "doctor",
    "verify": "verify",
    "demo": "demo",
    "hook": "hook",
    "supervise": "supervise",
}


class Root(Group):
    """Commands whose modules are imported only when they are needed."""

    aliases: ClassVar = {"dashboard": "ui"}

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        cmd_name = self.aliases.get(cmd_name, cmd_name)
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"git_datmo.cli.{COMMANDS[cmd_name]}")
        found: click.Command = getattr(module, cmd_name)
        return found


def _enter(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
    """Work from the folder of `-C`, as git does: every relative path starts there."""
    if value is None or ctx.resilient_parsing:
        return
    try:
        os.chdir(value)
    except OSError as error:
        raise InvalidProjectPath(f"cannot work in {value}: {error.strerror}") from error


def _print_version(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value:
        click.echo(f"git-datmo version: {__version__}")
        ctx.exit()


@click.group(
    cls=Root,
    name="git-datmo",
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.option(
    "-C",
    "directory",
    type=click.Path(),
    metavar="DIR",
    help="Work as if started in DIR.",
    expose_value=False,
    callback=_enter,
)
@click.option(
    "-v",
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_print_version,
    help="Print the version.",
)
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Track experiments in git itself.

    A snapshot records code, environment, files, config and stats together, as a commit on a
    hidden ref. Large files lie in a store beside it. `git push origin 'refs/datmo/*'` shares
    everything.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def main(args: Sequence[str]) -> int:
    """Run one command and return its exit code."""

    def run() -> int:
        code = cli.main(
            args=list(args),
            prog_name="git datmo",
            complete_var="_GIT_DATMO_COMPLETE",
            standalone_mode=False,
        )
        return code if isinstance(code, int) else 0

    _fill_streams()
    return guard(run)


def _fill_streams() -> None:
    """Put the null device where a standard stream is closed: a file that is opened later would
    take its number, and get what is meant for a screen."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            stream = open(os.devnull, mode)  # noqa: SIM115
            os.set_inheritable(stream.fileno(), True)
            setattr(sys, name, stream)
