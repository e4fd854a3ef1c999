"""run: what it runs is a command, unless its first word is one of its own."""

from __future__ import annotations

from typing import Any

import click

from git_datmo.cli import rerun as rerunning
from git_datmo.cli import runs
from git_datmo.cli.door import Group, verb
from git_datmo.cli.execution import execute, run_options


class Runs(Group):
    """A group that runs whatever is none of its commands; after `--` everything is."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args and not ctx.resilient_parsing:
            click.echo(ctx.get_help())
            ctx.exit()
        if args and args[0] in self.commands:
            return super().parse_args(ctx, args)
        rest = click.Command.parse_args(self, ctx, list(args))
        separated = len(rest) < len(args) and args[len(args) - len(rest) - 1] == "--"
        if rest and rest[0] in self.commands and not separated and not ctx.resilient_parsing:
            ctx.fail(f"to run the program '{rest[0]}', write -- before it")
        return rest


@verb("run.run", input="inputs", output="outputs")
@click.group(
    cls=Runs,
    invoke_without_command=True,
    subcommand_metavar="[--] WORDS... | 'ONE TEXT' | COMMAND",
)
@run_options
@click.pass_context
def run(ctx: click.Context, /, **given: Any) -> int:
    """Run a command and record it: the state before, what it did, the state after.

    `git datmo run python train.py` runs those words, `git datmo run 'a | b >c'` gives one text to
    a shell. It works in a copy of your project, and what it wrote comes back where you have
    changed nothing. Lines `key: value` that it prints become results. The exit code is the
    command's own; 124 after a timeout, 137 out of memory, 130 stopped, 6 lost.

    A first word that is one of the commands below is taken as that: `git datmo run -- ls` runs
    the program ls.
    """
    if ctx.invoked_subcommand is not None:
        return 0
    return execute(tuple(ctx.args), **given)


for command in (*runs.EVERY, rerunning.rerun):
    run.add_command(command)
