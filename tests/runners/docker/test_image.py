"""Images: built once from a recipe, found again, and explained when they cannot be made."""

from __future__ import annotations

import io
import os
import secrets
import tarfile
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from git_datmo.errors import EngineError, RequiredArgumentMissing
from git_datmo.runners.base import Recipe
from git_datmo.runners.docker.engine import Engine
from git_datmo.runners.docker.image import REPOSITORY, has_image, image_of, pack

pytestmark = pytest.mark.docker


@pytest.fixture
def engine_here(engine: None) -> Engine:
    return Engine(os.environ)


@pytest.fixture
def environment(docker_api: docker.APIClient) -> Iterator[str]:
    """A new environment's id; its image is removed in the end."""
    made = secrets.token_hex(20)
    yield made
    name = f"{REPOSITORY}:{made[:24]}"
    if docker_api.images(name):
        docker_api.remove_image(name, force=True)


def recipe(environment: str, dockerfile: str, **files: bytes) -> Recipe:
    context = (("Dockerfile", dockerfile.encode()), *files.items())
    return Recipe(environment, "docker", context)


def test_it_is_built_once(engine_here: Engine, environment: str, base_image: str):
    asked = recipe(environment, f"FROM {base_image}\nCOPY word /word\nRUN cat /word\n", word=b"hi")
    said: list[str] = []
    first = image_of(engine_here, asked, said.append)
    assert first.startswith("sha256:")
    assert "hi" in said
    assert any(line.startswith("Step 2/") for line in said)
    again: list[str] = []
    assert image_of(Engine(os.environ), asked, again.append) == first
    assert again == []


def test_its_name_and_label(
    engine_here: Engine, environment: str, base_image: str, docker_api: docker.APIClient
):
    made = image_of(engine_here, recipe(environment, f"FROM {base_image}\n"), print)
    found = docker_api.inspect_image(f"git-datmo/env:{environment[:24]}")
    assert found["Id"] == made
    assert found["Config"]["Labels"]["git-datmo.environment"] == environment


def test_another_environment_with_the_same_start_is_another_image(
    engine_here: Engine, environment: str, base_image: str
):
    one = image_of(engine_here, recipe(environment, f"FROM {base_image}\nENV A=1\n"), print)
    twin = environment[:24] + "f" * 16
    two = image_of(engine_here, recipe(twin, f"FROM {base_image}\nENV A=2\n"), print)
    assert one != two


def test_the_step_that_fails_is_named(engine_here: Engine, environment: str, base_image: str):
    text = f"FROM {base_image}\nRUN true\nRUN echo last words; echo more >&2; exit 9\nRUN true\n"
    said: list[str] = []
    with pytest.raises(EngineError, match=r"at step 3 of \d, `RUN echo last words.*9") as error:
        image_of(engine_here, recipe(environment, text), said.append)
    assert "last words" in str(error.value.hint)
    assert "more" in str(error.value.hint)
    assert "last words" in said
    assert "\x1b" not in error.value.message


@pytest.mark.parametrize("text", ["", "NONSENSE", "FROM", "RUN true\n", "FROM x:y:z\n"])
def test_a_dockerfile_that_is_none(engine_here: Engine, environment: str, text: str):
    with pytest.raises(EngineError, match=r"could not"):
        image_of(engine_here, recipe(environment, text), print)


def test_a_file_that_is_not_in_the_context(engine_here: Engine, environment: str, base_image: str):
    text = f"FROM {base_image}\nCOPY missing /x\n"
    with pytest.raises(EngineError, match=r"step 2 of.*missing"):
        image_of(engine_here, recipe(environment, text), print)


def test_a_base_image_that_nobody_has(engine_here: Engine, environment: str):
    text = "FROM localhost:1/no/such:image\n"
    with pytest.raises(EngineError, match="step 1 of") as error:
        image_of(engine_here, recipe(environment, text), print)
    assert "base image" in str(error.value.hint)


def test_a_full_disk_in_a_build(engine_here: Engine, environment: str, base_image: str):
    asked = recipe(
        environment,
        f"FROM {base_image}\nCOPY said /said\nRUN cat /said && exit 1\n",
        said=b"OSError: [Errno 28] No space left on device\n",
    )
    with pytest.raises(EngineError, match="step 3 of") as error:
        image_of(engine_here, asked, print)
    assert "docker system df" in str(error.value.hint)


def test_a_recorded_image_is_never_pulled(engine_here: Engine):
    asked = Recipe("", "image", (("image", b"sha256:" + b"0" * 64),))
    with pytest.raises(EngineError, match="never pulled") as error:
        image_of(engine_here, asked, print)
    assert "docker load" in str(error.value.hint)


def test_nothing_to_run_in(engine_here: Engine):
    for asked in (None, Recipe("a" * 40, "pip", (("requirements.txt", b"numpy"),))):
        with pytest.raises(RequiredArgumentMissing) as error:
            image_of(engine_here, asked, print)
        assert "Dockerfile" in str(error.value.hint)


def test_whether_an_image_is_there(base_image: str, docker_api: docker.APIClient):
    there = docker_api.inspect_image(base_image)["Id"]
    assert has_image(os.environ, there)
    assert not has_image(os.environ, "sha256:" + "0" * 64)
    with pytest.raises(EngineError):
        has_image({"DOCKER_HOST": "unix:///no/such.sock"}, there)


def test_a_build_sees_no_proxy_passwords(environment: str, base_image: str, tmp_path: Path):
    config = '{"proxies": {"default": {"httpProxy": "http://user:s3cret@proxy:1"}}}'
    (tmp_path / "config.json").write_text(config)
    said: list[str] = []
    engine = Engine({**os.environ, "DOCKER_CONFIG": str(tmp_path)})
    text = f"FROM {base_image}\nRUN env\n"
    image_of(engine, recipe(environment, text), said.append)
    assert not [line for line in said if "s3cret" in line]
    assert [line for line in said if line.startswith("PATH=")]


def test_a_context_is_the_same_for_the_same_files():
    files = [("b/run.sh", b"#!/bin/sh\n"), ("a", b"1"), ("é ü", b"")]
    one, two = io.BytesIO(), io.BytesIO()
    pack(files, {}, one)
    pack(reversed(files), {}, two)
    assert one.getvalue() == two.getvalue()
    one.seek(0)
    with tarfile.open(fileobj=one) as tar:
        assert [(m.name, m.mode) for m in tar] == [
            ("a", 0o644),
            ("b/run.sh", 0o755),
            ("é ü", 0o644),
        ]


@pytest.mark.parametrize("path", ["/etc/passwd", "../x", "a/../../x", ".."])
def test_a_context_holds_nothing_outside(path: str):
    with pytest.raises(EngineError, match="outside"):
        pack([(path, b"")], {}, io.BytesIO())
