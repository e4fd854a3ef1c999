"""What a workspace runs, and what has to be there for it."""

from __future__ import annotations

import os
import pwd
import shlex
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from git_datmo.api.execution import Asked, Make
from git_datmo.api.user import User
from git_datmo.environments import interpreter
from git_datmo.environments import workspace as layering
from git_datmo.errors import EngineError
from git_datmo.model.workspace import RSTUDIO, TITLES
from git_datmo.records.project import Project
from git_datmo.runners.base import Prepared, Recipe

INSIDE = 8888  # the port in a container, where nobody else can have it
EVERYWHERE, HERE = "0.0.0.0", "127.0.0.1"
RSERVER = "/usr/lib/rstudio-server/bin"
MARK = "(git-datmo) "
# A shell's own start files set its prompt later than we can: this runs before each prompt.
MARKING = f'case $PS1 in "{MARK}"*) ;; *) PS1="{MARK}$PS1" ;; esac'


def server(project: Project, kind: str, asked: Asked, port: int) -> tuple[str, ...]:
    """The command that starts the server of a workspace.

    Raises EngineError where the program is not on this machine and is not going to be installed.
    """
    if asked.runner.name != "local":
        if kind == RSTUDIO:
            return ("sh", f"{layering.PLACE}/start.sh", EVERYWHERE, str(INSIDE))
        words = _jupyter(layering.PROGRAMS[kind], EVERYWHERE, INSIDE)
        # It listens on all addresses of the container, and is asked for by localhost alone.
        return (*words, "--ServerApp.allow_remote_access=False", "--allow-root")
    program = _program(project, kind, asked)
    if kind == RSTUDIO:
        script = project.home / "workspaces" / "rstudio.sh"
        script.parent.mkdir(parents=True, exist_ok=True)
        script.write_text(layering.RSTUDIO_START, encoding="utf-8")
        return ("sh", os.fspath(script), HERE, str(port))
    root = ("--allow-root",) if os.geteuid() == 0 else ()
    return (*_jupyter(program, HERE, port), *root)


def _jupyter(program: str, address: str, port: int) -> tuple[str, ...]:
    """Its own settings may say otherwise about all of this: words of the command win."""
    return (
        program,
        "--no-browser",
        f"--ip={address}",
        f"--port={port}",
        "--port-retries=0",
        "--ServerApp.base_url=/",
    )


def _program(project: Project, kind: str, asked: Asked) -> str:
    """The server's program on this machine; by its name where PATH has it or will have it."""
    name = layering.PROGRAMS[kind]
    path = asked.user.environ.get("PATH", os.defpath)
    if kind == RSTUDIO:
        if shutil.which(name, path=f"{path}{os.pathsep}{RSERVER}"):
            return name
        raise EngineError(
            "there is no RStudio server (rserver) on this machine",
            hint="install it, or use --runner docker with an image that has it (rocker/rstudio)",
        )
    if asked.chosen:
        return name
    home = project.repository.needs_work_tree(f"open {TITLES[kind]}")
    python = interpreter.find_interpreter(asked.user.environ, home, running=asked.user.running)
    if python is not None:
        beside = os.path.join(python.prefix, "bin", name)
        if os.access(beside, os.X_OK):
            return name if shutil.which(name, path=path) == beside else beside
    if shutil.which(name, path=path):
        return name
    package = layering.PACKAGES[kind]
    program = "python3" if python is None else os.path.join(python.prefix, "bin", "python3")
    raise EngineError(
        f"there is no {TITLES[kind]} in your Python environment",
        hint=f"install it: {shlex.quote(program)} -m pip install {package}; "
        "or name an environment with --environment-id, or use --runner docker",
    )


def layers(kind: str, in_container: bool) -> Callable[[Recipe | None, Make], Prepared]:
    """What makes the place a workspace runs in: its environment's, with the server added."""

    def dress(recipe: Recipe | None, make: Make) -> Prepared:
        if in_container:
            image = str(make(recipe).facts["image"])
            added = layering.layer(kind, image, user=(os.geteuid(), os.getegid()))
            return make(Recipe(added.key, "docker", added.context))
        if recipe is None or kind == RSTUDIO:
            return make(recipe)
        return make(
            replace(
                recipe,
                environment_id=f"{recipe.environment_id}-{kind}",
                install=(*recipe.install, layering.step(kind)),
            )
        )

    return dress


def secret(kind: str) -> str:
    """The variable in which a server finds what it shall ask for."""
    return "PASSWORD" if kind == RSTUDIO else "JUPYTER_TOKEN"


def user_name(kind: str, in_container: bool) -> str | None:
    """Who logs in, where the server asks for a name."""
    if kind != RSTUDIO:
        return None
    if in_container:
        return "rstudio-user"
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return None


def shell(user: User, in_container: bool) -> tuple[str, ...]:
    """The user's own shell; in a container the best that its image has."""
    if in_container:
        return ("sh", "-c", "command -v bash >/dev/null && exec bash; exec sh")
    own = user.environ.get("SHELL") or "/bin/sh"
    return (own if os.access(own, os.X_OK) and Path(own).is_file() else "sh",)


def prompt(user: User, in_container: bool) -> dict[str, str]:
    """Variables that let a shell's prompt show where one is; not every shell heeds them."""
    own = "" if in_container else user.environ.get("PROMPT_COMMAND", "")
    marking = f"{MARKING}; {own}" if own else MARKING
    return {"PS1": f"{MARK}$ ", "PROMPT_COMMAND": marking}
