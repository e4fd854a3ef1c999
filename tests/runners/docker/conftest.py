"""The docker runner, with folders of its own for each test."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from git_datmo.runners.base import Job, Recipe
from git_datmo.runners.docker.container import RUN_LABEL
from git_datmo.runners.docker.runner import DockerRunner

pytest.register_assert_rewrite("tests.contracts.place")

from tests.contracts.place import Place  # noqa: E402 -- after its asserts are rewritten

Make = Callable[..., Place]


@pytest.fixture
def make_place(
    tmp_path: Path, docker_api: docker.APIClient, base_image: str
) -> Iterator[Callable[..., Place]]:
    """Makes a runner with settings, and another environment than the test's own where `environ`
    is given."""
    made: list[Place] = []
    image = str(docker_api.inspect_image(base_image)["Id"])

    def remains(job: Job) -> list[str]:
        found = docker_api.containers(all=True, filters={"label": f"{RUN_LABEL}={job.run_id}"})
        return [str(container["Id"]) for container in found]

    def make(environ: dict[str, str] | None = None, **settings: Any) -> Place:
        settings = {"state": tmp_path / "engine", **settings}
        place = Place(
            "docker",
            DockerRunner(environ={**os.environ, **(environ or {})}, settings=settings),
            tmp_path,
            recipe=Recipe("0" * 40, "image", (("image", image.encode()),)),
            settings=settings,
            remains=remains,
        )
        made.append(place)
        return place

    yield make
    for place in made:
        place.end()


@pytest.fixture
def place(make_place: Callable[..., Place]) -> Place:
    """The docker runner as it is without settings."""
    return make_place()
