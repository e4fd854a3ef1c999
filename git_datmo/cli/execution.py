"""What the commands that run something share: their options, the call, the exit code."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from git_datmo.cli import door

if TYPE_CHECKING:
    from git_datmo.model.run import Run
    from git_datmo.ui.live import Live

F = TypeVar("F", bound=Callable[..., Any])

# By status; one that failed has the task's own.
EXIT_CODES = {"success": 0, "timeout": 124, "stopped": 130, "oom": 137, "lost": 6}

# How remarks begin that must not make way for the next one.
STAYS = ("runner: ", "environment ", "the value of ")


def together(*options: Callable[[F], F]) -> Callable[[F], F]:
    """Several options as one decorator, in the order given."""

    def decorate(function: F) -> F:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


environment_options = together(
    click.option("--environment-id", metavar="ID", help="An environment that is kept already."),
    click.option(
        "--environment-def", metavar="FILE", help="The file that defines the environment."
    ),
    click.option(
        "--environment-paths", multiple=True, metavar="SRC[>DEST]", help="Files that define it."
    ),
)
runner_option = click.option("--runner", metavar="NAME", help="Where it runs: local or docker.")
gpu_options = together(
    click.option("--gpu", is_flag=True, help="Give it all GPUs."),
    click.option("--gpus", metavar="WHICH", help="Give it GPUs: all, a number, or ids 0,2."),
)
ports_option = click.option(
    "--ports", "-p", multiple=True, metavar="HOST:TASK", help="Publish a port on 127.0.0.1."
)
limit_options = together(
    click.option("--mem-limit", "-m", metavar="SIZE", help="At most this memory: 512m, 4g."),
    click.option("--cpus", metavar="N", help="At most this many processors: 1.5."),
)
network_option = click.option(
    "--network", metavar="NAME", help="none, bridge, host, or a network's name."
)
timeout_option = click.option("--timeout", metavar="TIME", help="End it after 30s, 10m, 2h.")
given_options = together(
    click.option(
        "--env",
        "-e",
        multiple=True,
        metavar="KEY=VALUE",
        help="A variable for the task; KEY alone takes yours.",
    ),
    click.option(
        "--data",
        multiple=True,
        metavar="SRC[>NAME]",
        help="A folder or file it may use and change.",
    ),
)
artifact_options = together(
    click.option(
        "--input",
        multiple=True,
        metavar="ARTIFACT[>PATH]",
        help="An artifact it reads, in inputs/ or at PATH.",
    ),
    click.option(
        "--output",
        multiple=True,
        metavar="NAME=PATH",
        help="A path it leaves that becomes a version of the artifact NAME.",
    ),
)
detach_option = click.option(
    "--detach", "-d", is_flag=True, help="Let it run on in the background."
)
apply_option = click.option(
    "--apply/--no-apply", default=True, help="Put what it wrote into your work tree, or not."
)
name_options = together(
    click.option("--session-id", metavar="SESSION", help="The session it belongs to."),
    click.option("--message", metavar="TEXT", help="What this run is for."),
    click.option("--label", "-l", metavar="NAME", help="A short name for it."),
)
secrets_option = click.option(
    "--include-secrets", is_flag=True, help="Keep untracked files that look secret."
)

# What a run is, beside its command.
run_options = together(
    environment_options,
    runner_option,
    gpu_options,
    ports_option,
    limit_options,
    network_option,
    timeout_option,
    given_options,
    artifact_options,
    detach_option,
    click.option("--interactive", "-i", is_flag=True, help="Connect it to this terminal."),
    click.option("--in-place", is_flag=True, help="Run it in your work tree, not in a copy."),
    apply_option,
    name_options,
    click.option(
        "--paths", multiple=True, metavar="SRC[>DEST]", help="Ignored or outside files it needs."
    ),
    click.option("--config", "-c", multiple=True, metavar="KEY:VALUE", help="A setting to record."),
    secrets_option,
    click.option("--quiet", "-q", is_flag=True, help="Print what the task prints and no more."),
    click.option("--json", is_flag=True, help="Print the run as JSON; its output to stderr."),
)


def execute(
    words: tuple[str, ...], *, config: tuple[str, ...], quiet: bool, json: bool, **given: Any
) -> int:
    """Run a command, show what it prints as it comes, and return the exit code of it all."""
    found = door.project(capture=True)
    from git_datmo.api.settings import parse_items
    from git_datmo.ui import run as ui
    from git_datmo.ui.live import Live

    given |= {"inputs": given.pop("input"), "outputs": given.pop("output")}
    direct = given["interactive"] and sys.stdin.isatty()
    with Live(quiet=quiet, apart=json) as live:
        done = door.call(
            "run.run",
            found,
            as_typed(words),
            **given,
            config=parse_items("config", config) if config else None,
            user=door.user(),
            # What has the terminal shows itself there, and wipes no line of ours.
            output=None if direct else live.output,
            report=teller(live, keep=direct),
            progress=live.advance,
        )
        if done.is_running:
            live.say(f"note: {text}" for text in done.notices)
            live.say(["It runs on. Look: git datmo logs -f ID. End it: git datmo stop ID."])
        else:
            live.say(ui.summary(done, color=door.color(errors=True)))
    if json:
        door.document(ui.to_dict(done))
    elif done.is_running:
        door.say(done.id)
    return exit_code(done)


def teller(live: Live, *, keep: bool = False) -> Callable[[str], None]:
    """What hears of long work: facts about the run stay, what a build prints comes and goes,
    unless `keep`."""
    from git_datmo.ui.escape import safe

    def report(text: str) -> None:
        if keep or text.startswith(STAYS):
            live.say([safe(text)])
        else:
            live.report(text)

    return report


def as_typed(words: tuple[str, ...]) -> str | tuple[str, ...] | None:
    """A command as the verb takes it: one quoted text is for a shell, words are as they are."""
    if len(words) == 1 and len(words[0].split()) > 1:
        return words[0]
    return words or None


def exit_code(run: Run) -> int:
    """The task's own code, 128 + n when signal n ended it; see EXIT_CODES for the rest.

    A run that goes on in the background is 0.
    """
    if run.is_running:
        return 0
    if run.status in EXIT_CODES:
        return EXIT_CODES[run.status]
    code: int | None = run.exit_code
    if run.signal is not None:
        code = 128 + run.signal
    return (code or 0) & 0xFF or 1
