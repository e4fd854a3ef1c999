"""The `git datmo` command."""

from __future__ import annotations

import importlib
from collections.abc import Sequence

import click

from git_datmo.cli.door import Group
from git_datmo.cli.errors import guard
from git_datmo.version import __version__

# Every command by name: the module that defines it, imported when it is called or listed.
COMMANDS = {
    "init": "project",
    "status": "project",
    "cleanup": "project",
    "version": "project",
    "snapshot": "snapshot",
    "session": "session",
    "push": "remote",
    "fetch": "remote",
    "pull": "remote",
    "fsck": "fsck",
    "demo": "demo",
    "hook": "hook",
}


class Root(Group):
    """Commands whose modules are imported only when they are needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"git_datmo.cli.{COMMANDS[cmd_name]}")
        found: click.Command = getattr(module, cmd_name)
        return found


def _print_version(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value:
        click.echo(f"git-datmo version: {__version__}")
        ctx.exit()


@click.group(cls=Root, name="git-datmo", context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "-C",
    "directory",
    type=click.Path(),
    metavar="DIR",
    help="Work as if started in DIR.",
    expose_value=False,
    callback=lambda ctx, param, value: ctx.meta.__setitem__("directory", value),
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
def cli() -> None:
    """Track experiments in git itself.

    A snapshot records code, environment, files, config and stats together, as a commit on a
    hidden ref. Large files lie in a store beside it. `git push origin 'refs/datmo/*'` shares
    everything.
    """


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

    return guard(run)
