"""Notebooks and JupyterLab for real: opened, worked in, ended; and what is recorded of it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.kit.browser import NOTEBOOK, PROGRAM, Opened, Server, gone, processes_of
from tests.kit.git import Repo
from tests.kit.program import datmo

Open = Callable[..., Opened]


@pytest.fixture(autouse=True)
def local(project: Repo) -> Repo:
    """A project whose runs are processes of this machine."""
    project.git("config", "datmo.runner", "local")
    project.write("train.py", "print('accuracy: 0.9')\n")
    project.write(".gitignore", ".ipynb_checkpoints\n")
    return project


@pytest.fixture
def path(jupyter: Path) -> dict[str, str]:
    """A PATH that has Jupyter on it."""
    return {"PATH": f"{os.environ['PATH']}{os.pathsep}{jupyter}"}


@pytest.fixture
def at(local: Repo, path: dict[str, str]) -> Iterator[Open]:
    begun: list[Opened] = []

    def open_(*words: str, **env: str) -> Opened:
        begun.append(Opened(*words, cwd=local.path, env={**path, **env}))
        return begun[-1]

    yield open_
    for each in begun:
        each.close()


def runs() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = datmo("ls", "--json").json()
    return found


def everything(folder: Path) -> Iterator[tuple[Path, bytes]]:
    for path in folder.rglob("*"):
        if path.is_file():
            yield path, path.read_bytes()


def stored(repo: Repo) -> bytes:
    """Every object of a repository, unpacked."""
    listed = repo.git("cat-file", "--batch-all-objects", "--batch-check=%(objectname)")
    done = subprocess.run(
        ["git", "cat-file", "--batch"], cwd=repo.path, input=listed.encode(), capture_output=True
    )
    return done.stdout


@pytest.mark.slow
def test_a_lab_lets_in_its_token_alone_and_leaves_what_was_saved(local: Repo, at: Open):
    lab = at("jupyterlab")
    server = lab.server
    assert server.ask("/api/status")[0] == 200
    for wrong in ("", "0" * 48):
        assert server.ask("/api/status", token=wrong)[0] == 403
    _, listed = server.ask("/api/contents")
    assert {item["name"] for item in listed["content"]} == {"train.py"}
    server.save("work.ipynb")
    status, kernel = server.ask("/api/kernels", method="POST", body={})
    assert status == 201, kernel

    (run,) = runs()
    assert (run["type"], run["status"], run["runner"]) == ("jupyterlab", "running", "local")
    working = processes_of(run["id"])
    assert len(working) >= 2, "the server and its kernel"
    assert not any(server.token in words for _, words in working)

    code, said = lab.interrupt()
    assert (code, server.is_gone, gone(run["id"])) == (0, True, True), said
    assert "Ctrl-C ends it." in said
    (run,) = runs()
    assert (run["type"], run["status"], run["exit_code"]) == ("jupyterlab", "success", 0)
    assert run["outputs"] == ["work.ipynb"]
    assert run["before_id"] != run["after_id"]
    kept = json.loads(local.git("show", f"{run['after_id']}:work.ipynb"))
    assert kept["cells"] == NOTEBOOK["cells"]
    assert "JUPYTER_TOKEN" not in json.dumps(run)
    assert "Shutting down" in datmo("logs").stdout
    token = server.token.encode()
    assert token not in stored(local)
    assert [path for path, data in everything(local.path) if token in data] == []


@pytest.mark.slow
def test_it_listens_to_this_machine_alone(at: Open):
    lab = at("notebook")
    assert lab.server.ask("/api/status")[0] == 200
    own = {str(found[4][0]) for found in socket.getaddrinfo(socket.gethostname(), None)}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # sends nothing: asks which address would be used
        own.add(probe.getsockname()[0])
    others = [address for address in own if ":" not in address and not address.startswith("127.")]
    for address in others:
        with pytest.raises(OSError):
            socket.create_connection((address, lab.server.port), timeout=3).close()
    assert lab.interrupt()[0] == 0


@pytest.mark.slow
def test_in_the_background_until_it_is_stopped(local: Repo, path: dict[str, str]):
    words = ("notebook", "--detach", "--label", "exploring", "--port")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    done = datmo(*words, str(port), env=path)
    server = Server(done.stdout.strip())
    assert server.port == port
    assert "It runs on. End it: git datmo stop " in done.stderr
    taken = datmo("jupyterlab", "--port", str(port), env=path, check=False)
    assert (taken.code, taken.stdout) == (4, "")
    assert f"port {port} of 127.0.0.1 is in use" in taken.stderr
    server.save("folder.ipynb")
    (run,) = runs()
    assert (run["status"], run["resources"]) == ("running", {"ports": [str(port)]})
    assert datmo("stop", "exploring").stdout == f"Stopped run {run['id']}\n"
    assert (server.is_gone, gone(run["id"])) == (True, True)
    (run,) = runs()
    assert (run["type"], run["status"], run["outputs"]) == (
        "notebook", "success", ["folder.ipynb"],
    )  # fmt: skip
    again = datmo("rerun", run["id"], check=False)
    assert (again.code, "cannot be repeated" in again.stderr) == (2, True)
    assert server.token.encode() not in stored(local)


@pytest.mark.slow
def test_in_a_copy_what_was_saved_comes_back_at_the_end(local: Repo, at: Open):
    lab = at("jupyterlab", "--no-in-place")
    lab.server.save("apart.ipynb")
    assert not (local.path / "apart.ipynb").exists()
    code, said = lab.interrupt()
    assert code == 0, said
    assert (local.path / "apart.ipynb").exists()
    assert runs()[0]["outputs"] == ["apart.ipynb"]


@pytest.mark.slow
@pytest.mark.parametrize("detach", [False, True])
def test_a_kernel_may_clean_up(
    local: Repo, at: Open, path: dict[str, str], jupyter: Path, detach: bool
):
    """A cell that runs is interrupted, and what it registered for the exit is done."""
    cell = (
        "import atexit, pathlib, time\n"
        "atexit.register(lambda: pathlib.Path('closed').touch())\n"
        "pathlib.Path('begun').touch()\n"
        "try:\n"
        "    time.sleep(300)\n"
        "finally:\n"
        "    pathlib.Path('interrupted').touch()\n"
    )
    if detach:
        server = Server(datmo("notebook", "--detach", env=path).stdout.strip())
    else:
        lab = at("notebook")
        server = lab.server
    status, kernel = server.ask("/api/kernels", method="POST", body={})
    assert status == 201
    runtime = Path(os.environ["XDG_DATA_HOME"], "jupyter", "runtime")
    client = (
        "import sys, time; from jupyter_client import BlockingKernelClient\n"
        "client = BlockingKernelClient(connection_file=sys.argv[1])\n"
        "client.load_connection_file(); client.start_channels()\n"
        "client.wait_for_ready(60); client.execute(sys.argv[2]); time.sleep(0.5)\n"
    )
    connection = str(runtime / f"kernel-{kernel['id']}.json")
    subprocess.run([str(jupyter / "python"), "-c", client, connection, cell], check=True)
    deadline = time.monotonic() + 30
    while not (local.path / "begun").exists():
        assert time.monotonic() < deadline, "the cell never ran"
        time.sleep(0.05)
    if detach:
        datmo("stop", "latest")
    else:
        assert lab.interrupt()[0] == 0
    (run,) = runs()
    assert run["outputs"] == ["begun", "closed", "interrupted"]
    assert (run["status"], gone(run["id"])) == ("success", True)


@pytest.mark.slow
def test_one_whose_command_was_killed_runs_on_until_it_is_stopped(local: Repo, at: Open):
    lab = at("jupyterlab")
    lab.kill()
    (run,) = runs()
    assert (run["status"], lab.server.ask("/api/status")[0]) == ("running", 200)
    lab.server.save("late.ipynb")
    datmo("stop", run["id"])
    assert (lab.server.is_gone, gone(run["id"])) == (True, True)
    (run,) = runs()
    assert (run["status"], run["outputs"]) == ("stopped", ["late.ipynb"])
    assert lab.server.token.encode() not in stored(local)


@pytest.mark.slow
def test_a_server_whose_settings_let_in_everybody_is_stopped(
    local: Repo, path: dict[str, str], tmp_path: Path
):
    settings = tmp_path / "settings"
    settings.mkdir()
    (settings / "jupyter_server_config.py").write_text("c.IdentityProvider.token = ''\n")
    done = datmo("jupyterlab", env={**path, "JUPYTER_CONFIG_DIR": str(settings)}, check=False)
    assert (done.code, done.stdout) == (4, "")
    assert "let in everybody" in done.stderr
    (run,) = runs()
    assert gone(run["id"])
    assert run["status"] in ("success", "stopped")


@pytest.mark.slow
def test_in_an_environment_of_its_own(local: Repo):
    local.write("needs.txt", "six==1.17.0\n")
    asked = ("notebook", "--environment-def", "needs.txt", "--detach")
    done = datmo(*asked, env={"PIP_COMPILE": "0"})  # most modules are never imported
    server = Server(done.stdout.strip())
    status, kernel = server.ask("/api/kernels", method="POST", body={})
    assert status == 201, kernel
    (run,) = runs()
    words = " ".join(words for _, words in processes_of(run["id"]))
    assert f"{run['environment_id']}-notebook/bin/python" in words
    (packages,) = (local.path / ".git" / "datmo" / "venvs").glob("*-notebook/lib/*/site-packages")
    assert (packages / "six.py").exists()
    datmo("stop", "latest")
    assert runs()[0]["status"] == "success"


@pytest.mark.slow
def test_the_server_of_the_projects_own_environment_without_activating_it(
    local: Repo, jupyter: Path
):
    (local.path / ".venv").symlink_to(jupyter.parent)
    local.write(".gitignore", ".venv\n.ipynb_checkpoints\n")
    server = Server(datmo("jupyterlab", "--detach").stdout.strip())
    assert server.ask("/api/status")[0] == 200
    datmo("stop", "--all")
    assert server.is_gone


@pytest.mark.parametrize("kind", ["notebook", "jupyterlab"])
def test_where_there_is_none_it_says_how_to_get_it(kind: str):
    done = datmo(kind, env={"PATH": os.defpath}, check=False)
    assert (done.code, done.stdout) == (6, "")
    package = {"notebook": "notebook", "jupyterlab": "jupyterlab"}[kind]
    assert f"-m pip install {package}" in done.stderr
    assert runs() == []
    assert datmo("snapshot", "ls", "--all", "--json").json() == []


def test_one_that_does_not_come_up_is_a_failed_run(local: Repo, tmp_path: Path):
    programs = tmp_path / "programs"
    programs.mkdir()
    broken = programs / "jupyter-lab"
    broken.write_text("#!/bin/sh\necho nothing works >&2\nexit 3\n")
    broken.chmod(0o755)
    for detach in ([], ["--detach"]):
        done = datmo("jupyterlab", *detach, env={"PATH": f"{programs}:{os.defpath}"}, check=False)
        assert (done.code, done.stdout) == (3, "")
        assert "nothing works" in done.stderr
        run = runs()[0]
        assert (run["status"], run["exit_code"]) == ("failed", 3)


def test_a_second_ctrl_c_kills_one_that_does_not_listen(local: Repo, tmp_path: Path):
    programs = tmp_path / "programs"
    programs.mkdir()
    deaf = programs / "jupyter-lab"
    deaf.write_text("#!/bin/sh\ntrap '' TERM INT\ntouch up\nwhile :; do sleep 0.05; done\n")
    deaf.chmod(0o755)
    begun = subprocess.Popen(
        [*PROGRAM, "jupyterlab"],
        cwd=local.path,
        env={**os.environ, "PATH": f"{programs}:{os.defpath}"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    deadline = time.monotonic() + 30
    while not (local.path / "up").exists():
        assert time.monotonic() < deadline, "it did not start"
        time.sleep(0.05)
    begun.send_signal(signal.SIGINT)
    time.sleep(0.5)
    assert begun.poll() is None, "it has its time"
    told = time.monotonic()
    begun.send_signal(signal.SIGINT)
    out, said = begun.communicate(timeout=30)
    assert time.monotonic() - told < 4, "not the whole of its time"
    assert (begun.returncode, out) == (0, b""), said.decode()
    (run,) = runs()
    assert (run["status"], run["exit_code"], gone(run["id"])) == ("stopped", 130, True)


def test_what_cannot_be_asked_for():
    for words in ("--port 0", "--port 70000", "--no-apply", "--quiet --verbose", "--memory 1"):
        assert datmo("jupyterlab", *words.split(), check=False).code == 2
    assert datmo("terminal", "--detach", check=False).code == 2
    assert runs() == []
