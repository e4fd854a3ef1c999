"""A Docker engine for tests, and an image to run in. CI must have one; elsewhere tests are skipped.

`base_image` is made once per machine, then named anew for each test process: whatever is built
from that name, and every container of it, carries a label by which it is removed at the end.
"""

from __future__ import annotations

import fcntl
import hashlib
import io
import os
import secrets
import tempfile
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
from docker.errors import APIError, ImageNotFound, NotFound

from git_datmo.runners.docker.place import locate
from git_datmo.runners.docker.probe import reachable
from tests.kit import machine
from tests.kit.absence import absent

REPOSITORY = "git-datmo-test/base"
LABEL = "git-datmo-test.session"
RUN_LABEL = "git-datmo.run"


@pytest.fixture(scope="session")
def engine() -> None:
    """A Docker engine answers: else the test is skipped, or fails where `CI` is set."""
    if reachable(os.environ):
        return
    reason = f"no Docker engine answers at {locate(os.environ).shown}"
    absent(reason)


@pytest.fixture(scope="session")
def docker_api(engine: None) -> Iterator[docker.APIClient]:
    """The engine's own API, for tests that look at what is there."""
    api = docker.APIClient(base_url=locate(os.environ).address, version="auto", timeout=300)
    yield api
    api.close()


@pytest.fixture(scope="session")
def base_image(docker_api: docker.APIClient) -> Iterator[str]:
    """The name of an image with this machine's Python, a shell, coreutils and git."""
    session = secrets.token_hex(8)
    name = f"{REPOSITORY}:{session}"
    text = f"FROM {machine_image(docker_api)}\nLABEL {LABEL}={session}\n"
    said = docker_api.build(fileobj=io.BytesIO(text.encode()), tag=name, decode=True, rm=True)
    assert not [line for line in said if "error" in line]
    yield name
    _clean(docker_api, f"{LABEL}={session}")


def machine_image(api: docker.APIClient) -> str:
    """The image made of this machine as it is now; built by the first who asks."""
    recipe = Path(machine.__file__).read_bytes() + repr(machine.settings()).encode()
    name = f"{REPOSITORY}:machine-{hashlib.sha256(recipe).hexdigest()[:12]}"
    with open(Path(tempfile.gettempdir(), "git-datmo-test-image.lock"), "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            api.inspect_image(name)
        except ImageNotFound:
            with tempfile.TemporaryDirectory() as folder:
                packed = Path(folder, "root.tar")
                machine.pack(packed)
                repository, _, tag = name.partition(":")
                api.import_image_from_file(
                    str(packed), repository=repository, tag=tag, changes=machine.settings()
                )
    return name


def _clean(api: docker.APIClient, label: str) -> None:
    """Remove the containers and images with a label, and the volumes of those containers."""
    for found in api.containers(all=True, filters={"label": label}):
        run = found["Labels"].get(RUN_LABEL)
        _quietly(api.remove_container, found["Id"], force=True, v=True)
        for volume in api.volumes(filters={"label": f"{RUN_LABEL}={run}"})["Volumes"] or ():
            _quietly(api.remove_volume, volume["Name"], force=True)
    # An image can go once those built on it are gone: the newest first.
    images = api.images(all=False, filters={"label": label})
    for image in sorted(images, key=lambda image: image["Created"], reverse=True):
        tags = [tag for tag in image["RepoTags"] or () if tag != "<none>:<none>"]
        for tag in tags or [image["Id"]]:
            _quietly(api.remove_image, tag, force=True)


def _quietly(remove, *args, **keywords) -> None:
    try:
        remove(*args, **keywords)
    except (NotFound, APIError) as error:
        print(f"not removed: {error}")
