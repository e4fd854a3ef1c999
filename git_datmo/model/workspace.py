"""Workspaces: runs in which people work, and how they get in."""

from __future__ import annotations

from git_datmo.model.frozen import field, frozen

NOTEBOOK, JUPYTERLAB, RSTUDIO, TERMINAL = "notebook", "jupyterlab", "rstudio", "terminal"
SERVERS = frozenset({NOTEBOOK, JUPYTERLAB, RSTUDIO})
WORKSPACES = SERVERS | {TERMINAL}
TITLES = {
    NOTEBOOK: "Jupyter Notebook",
    JUPYTERLAB: "JupyterLab",
    RSTUDIO: "RStudio",
    TERMINAL: "a terminal",
}


@frozen
class Access:
    """The way into a workspace. Whoever has it can do what its owner can: it is recorded nowhere.

    `url` is what a browser opens, with the token in it where the server takes one; `user` and
    `password` are for the page of one that asks for them.
    """

    url: str = field(repr=False)
    user: str | None = None
    password: str | None = field(default=None, repr=False)
