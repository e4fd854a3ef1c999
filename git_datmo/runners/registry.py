"""The runners by name. None is loaded before it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from git_datmo.errors import ValidationFailed
from git_datmo.runners.base import Runner

NAMES = ("local", "docker")


def make(name: str, *, environ: Mapping[str, str], settings: Mapping[str, Any]) -> Runner:
    """The runner called `name`.

    `environ` is the user's environment. `settings`: `venvs` is the folder in which the local
    runner keeps virtual environments; what the docker runner takes, its class says. Each takes
    what it knows and passes over the rest. Raises ValidationFailed for another name.
    """
    if name == "local":
        from git_datmo.runners.local.runner import LocalRunner

        return LocalRunner(environ=environ, settings=settings)
    if name == "docker":
        from git_datmo.runners.docker.runner import DockerRunner

        return DockerRunner(environ=environ, settings=settings)
    raise ValidationFailed(
        f"there is no runner called {name!r}", hint=f"choose one of: {', '.join(NAMES)}"
    )
