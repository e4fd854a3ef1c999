"""ui: the pages of the project, in a browser on this machine."""

from __future__ import annotations

import os
import sys
import threading
from typing import TYPE_CHECKING

import click

from git_datmo.cli import door
from git_datmo.cli.door import verb

if TYPE_CHECKING:
    from pathlib import Path


@verb("ui.web.server.serve")
@click.command()
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    metavar="N",
    help="The port to listen on; a free one unless said.",
)
@click.option("--no-browser", is_flag=True, help="Print the link, and open nothing.")
def ui(port: int | None, no_browser: bool) -> None:
    """Look at snapshots, runs and artifacts in a browser.

    The pages are for this machine and for reading alone: nothing can be changed or run from them,
    and nothing is fetched from elsewhere. The link that is printed lets one browser in, once; to
    let in another, start the command again. Runs that are under way are shown as they go on.
    Ctrl-C ends it.
    """
    from git_datmo.ui.escape import safe
    from git_datmo.ui.web import server

    site = server.serve(door.project(), port=port)
    door.say(f"Pages of {safe(site.name)}: {site.link}")
    remarks = ["the link is good for one browser, once; Ctrl-C ends"]
    if "SSH_CONNECTION" in os.environ:
        here = site.key.port
        remarks.append(f"from your own machine, first: ssh -N -L {here}:127.0.0.1:{here} THIS_HOST")
    door.note(remarks)
    way_in = None if no_browser or not _sees_windows() else site.door()
    try:
        if way_in is not None:
            threading.Thread(target=_open, args=(way_in,), daemon=True).start()
        site.serve()
    except KeyboardInterrupt:
        door.note(["the pages are closed"])
    finally:
        if way_in is not None:
            way_in.unlink(missing_ok=True)


def _sees_windows() -> bool:
    """Whether a browser would open beside the terminal, and not in it."""
    if sys.platform == "darwin":
        return "SSH_CONNECTION" not in os.environ
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"))


def _open(way_in: Path) -> None:
    """Open the browser, which may take its time to come back."""
    import webbrowser

    if not webbrowser.open(way_in.as_uri()):
        door.note(["no browser could be opened: open the link yourself"])
