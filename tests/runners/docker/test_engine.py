"""The engine through the SDK: loaded late, by whoever comes first, its errors in one sentence."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec

import pytest

from git_datmo.errors import EngineError
from git_datmo.runners.docker.engine import Engine, foreign_errors, is_gone, said

# Threads that load the SDK at once, each by another way in.
THREADS = """
import os, sys, threading
from git_datmo.runners.docker.engine import Engine, foreign_errors
from git_datmo.runners.docker.image import has_image
sys.setswitchinterval(1e-5)
together, failed = threading.Barrier(6), []
ways = [
    foreign_errors,
    lambda: Engine(os.environ).client(),
    lambda: has_image(os.environ, "sha256:" + "0" * 64),
] * 2
def enter(way):
    together.wait()
    try:
        way()
    except BaseException as error:
        failed.append(repr(error))
threads = [threading.Thread(target=enter, args=(way,)) for way in ways]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(failed)
"""


@pytest.mark.docker
@pytest.mark.usefixtures("engine")
def test_threads_that_load_the_sdk_at_once():
    for _ in range(5):
        done = subprocess.run(
            [sys.executable, "-c", THREADS], capture_output=True, text=True, check=True
        )
        assert done.stdout == "[]\n"


def test_a_runner_loads_nothing_before_it_is_asked_something():
    code = (
        "import sys\n"
        "from git_datmo.runners import registry\n"
        "registry.make('docker', environ={}, settings={})\n"
        "print('docker' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


@pytest.mark.docker
@pytest.mark.usefixtures("engine")
def test_what_the_engine_says_of_itself():
    ability = Engine(os.environ).ability
    assert ability.id
    assert ability.version != "unknown"
    assert 1 <= ability.cpus <= 4096


@pytest.mark.docker
@pytest.mark.usefixtures("engine")
def test_its_refusals_are_one_sentence():
    engine = Engine(os.environ)
    client = engine.client()
    with pytest.raises(foreign_errors()) as raised:
        client.inspect_container("no-such-container")
    assert is_gone(raised.value)
    assert "\n" not in said(raised.value)
    with pytest.raises(EngineError, match="Docker could not dance: No such container"):
        with engine.asking("dance"):
            client.inspect_container("no-such-container")
    assert not is_gone(ValueError())


@pytest.mark.skipif(find_spec("paramiko") is not None, reason="paramiko is installed")
def test_one_behind_ssh_needs_a_package_that_is_named():
    with pytest.raises(EngineError, match="behind ssh") as caught:
        Engine({"DOCKER_HOST": "ssh://somebody@127.0.0.1"}).client()
    assert "pip install paramiko" in (caught.value.hint or "")
