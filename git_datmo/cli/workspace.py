"""notebook, jupyterlab, rstudio, terminal: runs in which people work."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from git_datmo.cli import door
from git_datmo.cli import execution as running
from git_datmo.cli.door import verb
from git_datmo.errors import MutuallyExclusiveArguments

if TYPE_CHECKING:
    from git_datmo.model.run import Run
    from git_datmo.model.workspace import Access
    from git_datmo.ui.live import Live

# How much of what a server said is shown when it ended badly.
LAST_LINES = 10

port_option = click.option(
    "--port", type=click.IntRange(1, 65535), metavar="N", help="Listen there, not on a free one."
)
place_options = running.together(
    click.option(
        "--in-place/--no-in-place",
        default=True,
        help="Work in your work tree (the default), or in a copy of it.",
    ),
    running.apply_option,
)
quiet_option = click.option("--quiet", "-q", is_flag=True, help="Print the address and no more.")
verbose_option = click.option("--verbose", is_flag=True, help="Show what the server prints.")

rstudio_options = running.together(
    running.environment_options,
    running.runner_option,
    port_option,
    running.limit_options,
    running.timeout_option,
    running.given_options,
    running.detach_option,
    place_options,
    running.name_options,
    running.secrets_option,
    quiet_option,
    verbose_option,
    click.option("--json", is_flag=True, help="Print the run as JSON; its address to stderr."),
)
server_options = running.together(running.gpu_options, rstudio_options)


@verb("workspace.notebook")
@click.command()
@server_options
def notebook(**given: Any) -> int:
    """Work in Jupyter notebooks, in the environment, and record it.

    Prints the address to open, with its token, once the server answers: on 127.0.0.1 alone.
    Ctrl-C, or `git datmo stop`, ends it; what you saved is the snapshot after. You work in your
    work tree itself; --no-in-place makes a copy, whose changes come back at the end.
    """
    return serve("notebook", **given)


@verb("workspace.jupyterlab")
@click.command()
@server_options
def jupyterlab(**given: Any) -> int:
    """Work in JupyterLab, in the environment, and record it.

    Prints the address to open, with its token, once the server answers: on 127.0.0.1 alone.
    Ctrl-C, or `git datmo stop`, ends it; what you saved is the snapshot after. You work in your
    work tree itself; --no-in-place makes a copy, whose changes come back at the end.
    """
    return serve("jupyterlab", **given)


@verb("workspace.rstudio")
@click.command()
@rstudio_options
def rstudio(**given: Any) -> int:
    """Work in RStudio, in the environment, and record it.

    Prints the address to open, a user and a password, once the server answers: on 127.0.0.1
    alone. Ctrl-C, or `git datmo stop`, ends it. It needs RStudio's server: on this machine, or
    in the image (FROM rocker/rstudio) with --runner docker.
    """
    return serve("rstudio", **given)


@verb("workspace.terminal")
@click.command()
@running.together(
    running.environment_options,
    running.runner_option,
    running.gpu_options,
    running.ports_option,
    running.limit_options,
    running.network_option,
    running.timeout_option,
    running.given_options,
    place_options,
    running.name_options,
    running.secrets_option,
    click.option("--quiet", "-q", is_flag=True, help="Print nothing of our own."),
    click.option("--json", is_flag=True, help="Print the run as JSON when it has ended."),
)
def terminal(quiet: bool, json: bool, **given: Any) -> int:
    """Work in a shell, in the environment, and record it.

    It is your own shell, in a container bash or sh; its prompt says (git-datmo) where the shell
    lets it. Leave it with exit. What it shows is the log of the run, the state you leave the
    snapshot after, and the exit code is the shell's.
    """
    found = door.project(capture=True)
    from git_datmo.ui.live import Live

    with Live(quiet=quiet, apart=json) as live:
        done = door.call(
            "workspace.terminal",
            found,
            **given,
            user=door.user(),
            # On a terminal of its own it is shown there already.
            output=None if sys.stdin.isatty() else live.output,
            report=reporter(live),
            progress=live.advance,
        )
        show(done, live, json=json)
    return running.exit_code(done)


def serve(kind: str, *, quiet: bool, verbose: bool, json: bool, **given: Any) -> int:
    """Run a server, print where it is, and return 0 when it ended because it was told to."""
    if quiet and verbose:
        raise MutuallyExclusiveArguments("quiet and verbose exclude each other")
    found = door.project(capture=True)
    from git_datmo.ui.live import Live

    with Live(quiet=quiet, apart=json) as live:

        def opened(access: Access) -> None:
            # Only the address on standard output: a program may read it there.
            live.output("stdout", f"{access.url}\n".encode())
            if access.user is not None:
                live.say([f"user: {access.user}", f"password: {access.password}"])
            if not given["detach"]:
                live.say(["Ctrl-C ends it."])

        def aside(stream: str, data: bytes) -> None:
            live.output("stderr", data)

        done = door.call(
            f"workspace.{kind}",
            found,
            **given,
            user=door.user(),
            output=aside if verbose else None,
            report=reporter(live),
            progress=live.advance,
            opened=opened,
        )
        if done.is_running:
            live.say(f"note: {text}" for text in done.notices)
            live.say([f"It runs on. End it: git datmo stop {done.id[:12]}"])
        elif done.status == "failed" and not verbose:
            live.say(last_lines(done))
        show(done, live, json=json)
    return 0 if done.status == "stopped" else running.exit_code(done)


def reporter(live: Live) -> Any:
    """What hears of long work; how to leave a terminal stays to be read."""
    tell = running.teller(live)

    def report(text: str) -> None:
        if text.startswith("terminal: "):
            live.say([text])
        else:
            tell(text)

    return report


def last_lines(done: Run) -> list[str]:
    """The end of what a server said."""
    from git_datmo.ui.escape import safe

    return [safe(line) for line in done.logs.splitlines()[-LAST_LINES:]]


def show(done: Run, live: Live, *, json: bool) -> None:
    """The lines after a run, and its document where that is wanted."""
    from git_datmo.ui import run as ui

    if not done.is_running:
        live.say(ui.summary(done, color=door.color(errors=True)))
    if json:
        door.document(ui.to_dict(done))
