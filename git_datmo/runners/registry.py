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


def engine_answers(environ: Mapping[str, str]) -> bool:
    """Whether a container engine answers; costs a few milliseconds at most."""
    from git_datmo.runners.docker.probe import reachable

    return reachable(environ)


def has_image(environ: Mapping[str, str], image: str) -> bool:
    """Whether the engine has the image with this id. Raises EngineError when none answers."""
    from git_datmo.runners.docker.image import has_image as held

    return held(environ, image)
