"""task run, ls, inspect, logs, stop, delete, undelete, rerun: the older name of `run`."""

from __future__ import annotations

from typing import Any, ClassVar

import click

from git_datmo.cli import rerun as rerunning
from git_datmo.cli import runs
from git_datmo.cli.door import Group, verb
from git_datmo.cli.execution import execute, run_options


class Tasks(Group):
    aliases: ClassVar = {"list": "ls", "show": "inspect", "log": "logs", "rm": "delete"}


@click.group(cls=Tasks)
def task() -> None:
    """Run commands and record them; the same as `git datmo run`."""


@verb("run.run", input="inputs", output="outputs")
@task.command("run", context_settings={"allow_interspersed_args": False})
@click.argument("command", nargs=-1, type=click.UNPROCESSED, metavar="WORDS...")
@run_options
def task_run(command: tuple[str, ...], **given: Any) -> int:
    """Run a command and record it: the state before, what it did, the state after.

    The same as `git datmo run`, but every first word is a program's name.
    """
    return execute(command, **given)


for command in (*runs.EVERY, rerunning.rerun):
    task.add_command(command)
