"""The image that all other tests run in holds what tasks need."""

from __future__ import annotations

import platform

import docker
import pytest

pytestmark = pytest.mark.docker


SCRIPT = """
python3 -c 'import ssl, sqlite3, ctypes, platform; print(platform.python_version())'
git --version
id -u
"""


def test_python_a_shell_and_git_run_in_it(docker_api: docker.APIClient, base_image: str):
    made = docker_api.create_container(base_image, ["sh", "-ec", SCRIPT], user="12345:12345")
    docker_api.start(made)
    assert docker_api.wait(made)["StatusCode"] == 0, docker_api.logs(made)
    version, git, user = docker_api.logs(made).decode().splitlines()
    assert version == platform.python_version()
    assert git.startswith("git version ")
    assert user == "12345"
