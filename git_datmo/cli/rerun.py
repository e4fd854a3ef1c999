"""rerun: what a run ran, once more, beside what it gave the first time."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from git_datmo.cli import door
from git_datmo.cli.door import verb
from git_datmo.cli.execution import exit_code, teller

if TYPE_CHECKING:
    from git_datmo.api.trust import Foreign


@verb("run.rerun")
@click.command()
@click.argument("run_id", metavar="RUN")
@click.option("--set", multiple=True, metavar="KEY=VALUE", help="A setting to change.")
@click.option("--onto", metavar="REV", help="Newer code: of a snapshot or commit.")
@click.option("--runner", metavar="NAME", help="Where it runs; else where it ran.")
@click.option("--environment-id", metavar="ID", help="Another environment than it had.")
@click.option(
    "--data", multiple=True, metavar="SRC[>NAME]", help="Where the data it used lies here."
)
@click.option(
    "--env", "-e", multiple=True, metavar="KEY=VALUE", help="A variable; KEY alone takes yours."
)
@click.option("--timeout", metavar="TIME", help="End it after 30s, 10m, 2h.")
@click.option(
    "--apply/--no-apply", default=False, help="Put what it wrote into your work tree, or not."
)
@click.option("--session-id", metavar="SESSION", help="The session it belongs to.")
@click.option("--message", metavar="TEXT", help="What this run is for.")
@click.option("--label", "-l", metavar="NAME", help="A short name for it.")
@click.option(
    "--rtol",
    type=click.FloatRange(0, 1),
    default=0.0,
    metavar="X",
    help="Numbers are equal that differ by this part of the larger one: 1e-6.",
)
@click.option(
    "--ignore", multiple=True, metavar="PATTERN", help="What may differ: seconds, files:*.png."
)
@click.option("--check", is_flag=True, help="Exit with 1 if the two differ, else with 0.")
@click.option("--details", is_flag=True, help="Equal files and near numbers too.")
@click.option("--yes", "-y", is_flag=True, help="Run what somebody else recorded, unasked.")
@click.option("--quiet", "-q", is_flag=True, help="Print the comparison and no more.")
@door.as_json
def rerun(
    run_id: str,
    check: bool,
    details: bool,
    yes: bool,
    quiet: bool,
    json: bool,
    **given: Any,
) -> int:
    """Run what a run ran, from the state it started from, and compare.

    RUN is a run or a snapshot that one made, also of another clone: then it is shown first and
    you are asked. It works in a copy of its own, and your work tree stays as it is. The
    comparison goes to standard output, what the task prints to standard error. The exit code is
    the task's, with --check that of the comparison.
    """
    found = door.project()
    from git_datmo.ui import comparison as comparing
    from git_datmo.ui import run as ui
    from git_datmo.ui.live import Live

    with Live(quiet=quiet, apart=True) as live:
        done = door.call(
            "run.rerun",
            found,
            run_id,
            **given,
            trust=(lambda foreign: True) if yes else _trusted,
            user=door.user(),
            output=None if quiet else live.output,
            report=teller(live),
            progress=live.advance,
        )
        live.say(ui.summary(done.run, color=door.color(errors=True)))
    if json:
        door.document(
            {
                "run": ui.to_dict(done.run),
                "original": ui.to_dict(done.original),
                "comparison": comparing.to_dict(done.comparison),
                "settings": [
                    {
                        "key": item.key,
                        "place": item.place,
                        "before": item.before,
                        "after": item.after,
                    }
                    for item in done.adjusted.changes
                ],
            }
        )
    else:
        door.say(
            comparing.render(
                done.comparison, color=door.color(), width=door.width(), details=details
            )
        )
    if check:
        return 0 if done.comparison.equal else 1
    return exit_code(done.run)


def _trusted(foreign: Foreign) -> bool:
    """Show what somebody else's run would do here, and ask whoever sits at the terminal."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    from git_datmo.ui.run import request

    color = door.color(errors=True)
    for line in request(foreign.run, foreign.asks, color=color):
        click.echo(line, err=True)
    return door.agreed("Run it here?")
