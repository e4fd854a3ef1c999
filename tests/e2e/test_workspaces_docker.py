"""Workspaces in containers: a server that is reached from here alone, a shell at a terminal."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import docker
import pytest

from tests.kit.browser import NOTEBOOK, Opened, Server
from tests.kit.checks import assert_clean
from tests.kit.git import Repo
from tests.kit.program import datmo
from tests.kit.terminal import on_terminal

pytestmark = pytest.mark.docker


@pytest.fixture(autouse=True)
def contained(project: Repo, base_image: str) -> Iterator[Repo]:
    """A project with a Dockerfile, whose runs are containers."""
    project.git("config", "datmo.runner", "docker")
    project.write("Dockerfile", f"FROM {base_image}\n")
    project.write(".gitignore", ".ipynb_checkpoints\n")
    project.write("train.py", "print('accuracy: 0.9')\n")
    yield project
    datmo("stop", "--all", cwd=project.path)


def runs() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = datmo("ls", "--json").json()
    return found


@pytest.mark.slow
def test_a_lab_in_a_container(contained: Repo, docker_api: docker.APIClient):
    done = datmo("jupyterlab", "--detach", "--label", "lab")
    server = Server(done.stdout.strip())
    for wrong in ("", "0" * 48):
        assert server.ask("/api/status", token=wrong)[0] == 403
    _, listed = server.ask("/api/contents")
    assert {item["name"] for item in listed["content"]} == {"Dockerfile", "train.py"}, (
        "hidden ones are not listed"
    )
    status, _ = server.ask("/api/kernels", method="POST", body={})
    assert status == 201
    server.save("work.ipynb")
    assert json.loads((contained.path / "work.ipynb").read_text())["cells"] == NOTEBOOK["cells"]

    (run,) = runs()
    assert (run["type"], run["status"], run["runner"]) == ("jupyterlab", "running", "docker")
    assert run["resources"] == {
        "network": "bridge",
        "ports": [f"127.0.0.1:{server.port}:8888"],
    }
    (container,) = docker_api.containers(filters={"label": f"git-datmo.run={run['id']}"})
    assert [port["IP"] for port in container["Ports"] if "PublicPort" in port] == ["127.0.0.1"]
    inside = docker_api.inspect_container(container["Id"])
    assert server.token not in " ".join([inside["Path"], *inside["Args"]])

    stopped = datmo("stop", "lab")
    assert stopped.stdout == f"Stopped run {run['id']}\n"
    assert server.is_gone
    (run,) = runs()
    assert (run["status"], run["exit_code"]) == ("success", 0)
    assert run["outputs"] == ["work.ipynb"]
    kept = json.loads(contained.git("show", f"{run['after_id']}:work.ipynb"))
    assert kept["cells"] == NOTEBOOK["cells"]
    assert server.token not in json.dumps(run) + datmo("logs", "lab").stdout
    assert docker_api.containers(all=True, filters={"label": f"git-datmo.run={run['id']}"}) == []

    # A second one finds the image made, and Ctrl-C ends it.
    again = Opened("jupyterlab", "--no-in-place", cwd=contained.path, env={})
    try:
        again.server.save("apart.ipynb")
        assert not (contained.path / "apart.ipynb").exists()
        code, said = again.interrupt()
    finally:
        again.close()
    assert (code, "Step " in said) == (0, False), said
    assert (contained.path / "apart.ipynb").exists()
    assert [run["status"] for run in runs()] == ["success", "success"]


def test_a_shell_at_a_terminal(contained: Repo):
    code, seen = on_terminal(
        ["terminal"],
        ("(git-datmo) ", "test -t 0 && test -t 1 && echo made >made; echo $DATMO_TASK_DIR\r"),
        ("/task\r\n", "exit 4\r"),
    )
    assert code == 4, seen
    assert (contained.path / "made").read_text() == "made\n"
    (run,) = runs()
    assert (run["type"], run["exit_code"], run["outputs"]) == ("terminal", 4, ["made"])
    assert run["resources"] == {}
    assert_clean(contained)


def test_its_git_folder_is_hidden_from_a_shell(contained: Repo):
    listed = "ls -A .git | wc -l; git -C /home log; echo $?"
    done = datmo("terminal", "-q", input=listed, check=False)
    assert done.stdout.split()[0] == "0"
    assert (
        subprocess.run(["git", "status"], cwd=contained.path, capture_output=True).returncode == 0
    )


def test_rstudio_needs_an_image_that_has_it():
    done = datmo("rstudio", check=False)
    assert (done.code, done.stdout) == (6, "")
    assert "this image has no RStudio server" in done.stderr
    (run,) = runs()
    assert run["status"] == "failed"
    assert "rocker/rstudio" in datmo("logs").stdout
