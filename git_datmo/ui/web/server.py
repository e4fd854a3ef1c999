"""The server: a port on this machine, the one way in, and an end when it is told to."""

from __future__ import annotations

import gc
import os
import socket
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from git_datmo.errors import Conflict, ExtraMissing
from git_datmo.ui.web.guard import Key

if TYPE_CHECKING:
    from git_datmo.records.project import Project

HOST = "127.0.0.1"
WAITING = 64
NEEDED = ("starlette", "uvicorn", "jinja2", "plotly")


@dataclass
class Site:
    """An open port with pages behind it, until `serve` returns."""

    key: Key
    folder: Path
    name: str
    listener: socket.socket

    @property
    def link(self) -> str:
        """The link that lets one browser in, once."""
        return self.key.link

    def door(self) -> Path:
        """A file that only its owner can read and that leads to the link: so the token stands in
        no list of processes. Whoever asked removes it."""
        fd, name = tempfile.mkstemp(prefix="git-datmo-", suffix=".html")
        with os.fdopen(fd, "w") as file:
            file.write(f'<!doctype html><meta http-equiv="refresh" content="0; url={self.link}">')
        return Path(name)

    def serve(self) -> None:
        """Answer until a signal to end."""
        import uvicorn

        from git_datmo.ui.web import app
        from git_datmo.ui.web.connection import Connection
        from git_datmo.ui.web.desk import Desk

        config = uvicorn.Config(
            app.make(Desk(self.folder), self.key, self.name),
            log_level="error",
            access_log=False,
            server_header=False,
            http=Connection,
            # So many are taken at once, before any that is too many is let go.
            backlog=WAITING,
            ws="none",
            lifespan="on",
            timeout_graceful_shutdown=1,
        )
        # What is here by now stays: it need not be looked through again and again.
        gc.freeze()
        with self.listener:
            uvicorn.Server(config).run(sockets=[self.listener])


def serve(project: Project, *, port: int | None = None) -> Site:
    """Open the pages of a project on this machine; call `serve()` of what is returned.

    `port` is free to choose unless given. Raises ExtraMissing, Conflict when the port is taken,
    ProjectNotInitialized.
    """
    project.require_known()
    ExtraMissing.unless(*NEEDED, purpose="a server of pages")
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port or 0))
        listener.listen(WAITING)
    except OSError as error:
        listener.close()
        raise Conflict(
            f"cannot listen on port {port} of {HOST}: {error.strerror}",
            hint="leave --port out for a free one",
        ) from error
    repository = project.repository
    folder = Path(repository.work_tree or repository.git_dir)
    return Site(Key(listener.getsockname()[1]), folder, folder.resolve().name, listener)
