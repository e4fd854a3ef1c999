"""The implementations that each suite is run with."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from git_datmo.runners import registry
from git_datmo.runners.base import Job, Recipe

pytest.register_assert_rewrite("tests.contracts.place")

from tests.contracts.place import Place  # noqa: E402 -- after its asserts are rewritten


@pytest.fixture
def local_place(tmp_path: Path) -> Place:
    settings = {"venvs": tmp_path / "venvs"}
    runner = registry.make("local", environ=dict(os.environ), settings=settings)
    return Place("local", runner, tmp_path, settings=settings, inherits=True)


@pytest.fixture
def docker_place(tmp_path: Path, docker_api: docker.APIClient, base_image: str) -> Place:
    image = docker_api.inspect_image(base_image)["Id"]
    settings = {"state": tmp_path / "engine"}

    def remains(job: Job) -> list[str]:
        label = {"label": f"git-datmo.run={job.run_id}"}
        found = docker_api.containers(all=True, filters=label)
        return [str(container["Id"]) for container in found]

    return Place(
        "docker",
        registry.make("docker", environ=dict(os.environ), settings=settings),
        tmp_path,
        recipe=Recipe("0" * 40, "image", (("image", image.encode()),)),
        settings=settings,
        remains=remains,
    )


@pytest.fixture(params=["local", pytest.param("docker", marks=pytest.mark.docker)])
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    """A runner, by the fixture `<name>_place`."""
    made: Place = request.getfixturevalue(f"{request.param}_place")
    yield made
    made.end()
