"""What a task in a container is granted, what it sees, and what it is kept from."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import docker
import pytest

from git_datmo.errors import Conflict, DatmoError, EngineError, PortTaken
from git_datmo.model.run import Resources
from git_datmo.runners.base import Link, Mount
from tests.contracts.place import Place

pytestmark = pytest.mark.docker

MIB = 2**20


@pytest.fixture
def inspected(place: Place, docker_api: docker.APIClient) -> Callable[..., Mapping[str, Any]]:
    """Starts a job, and returns what the engine says of its container."""

    def inspect(**more: Any) -> Mapping[str, Any]:
        job = place.job("sleep", "30", **more)
        process = place.start(job)
        found: Mapping[str, Any] = docker_api.inspect_container(process.handle["container"])
        process.stop(0)
        place.finish(job, process)
        return found

    return inspect


def test_it_is_confined(inspected: Callable[..., Mapping[str, Any]], place: Place):
    found = inspected()
    host, config = found["HostConfig"], found["Config"]
    assert host["NetworkMode"] == "none"
    assert host["CapDrop"] == ["ALL"]
    assert host["CapAdd"] is None
    assert host["SecurityOpt"] == ["no-new-privileges"]
    assert host["PidsLimit"] == 512
    assert host["ReadonlyRootfs"]
    assert not host["Privileged"]
    assert host["Init"]
    assert "size=" in host["Tmpfs"]["/tmp"]
    assert host["LogConfig"]["Type"] == "local"
    assert not host["AutoRemove"]
    assert not host["PublishAllPorts"]
    assert place.recipe is not None
    assert found["Image"] == place.recipe.context[0][1].decode()
    assert config["User"] == f"{os.getuid()}:{os.getgid()}"
    assert config["Labels"]["git-datmo.project"] == str(place.root)


def test_it_gets_what_was_asked_for(inspected: Callable[..., Mapping[str, Any]]):
    wanted = Resources(memory=100 * MIB, cpus=0.5, network="bridge", ports=("[::1]:4711:80",))
    host = inspected(resources=wanted)["HostConfig"]
    assert (host["Memory"], host["MemorySwap"]) == (100 * MIB, 100 * MIB)
    assert host["NanoCpus"] == 500_000_000
    assert host["NetworkMode"] == "bridge"
    assert host["PortBindings"] == {"80/tcp": [{"HostIp": "::1", "HostPort": "4711"}]}


def test_ports_are_published_at_localhost_alone(inspected: Callable[..., Mapping[str, Any]]):
    host = inspected(resources=Resources(ports=("4712:80", "4713/udp")))["HostConfig"]
    assert host["NetworkMode"] == "bridge"
    assert host["PortBindings"] == {
        "80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "4712"}],
        "4713/udp": [{"HostIp": "127.0.0.1", "HostPort": "4713"}],
    }


def test_its_variables_are_a_short_list(make_place: Callable[..., Place], tmp_path: Path):
    proxies = {"default": {"httpProxy": "http://user:s3cret@proxy:1"}}
    (tmp_path / "config.json").write_text(json.dumps({"proxies": proxies}))
    place = make_place({"DOCKER_CONFIG": str(tmp_path), "AWS_SECRET_ACCESS_KEY": "s3cret"})
    environ = {**os.environ, "AWS_SECRET_ACCESS_KEY": "s3cret"}
    done = place.run("env", environ=environ, variables={"MINE": "1"})
    names = {line.partition("=")[0] for line in done.text.splitlines()}
    ours = {"HOME", "PYTHONUNBUFFERED", "TINI_KILL_PROCESS_GROUP", "DATMO_RUN_ID", "DATMO_TASK_DIR"}
    images = {"PATH", "LANG", "PIP_CERT", "SSL_CERT_FILE", "HOSTNAME"}
    assert {"MINE", *ours} <= names <= {"MINE", *ours, *images}
    assert "s3cret" not in done.text


def test_where_things_are(place: Place, tmp_path: Path):
    (tmp_path / "in").write_text("data")
    done = place.shell(
        'pwd; echo $HOME; cat "$DATMO_DATA_DIR/set"; touch $DATMO_TASK_DIR/x /tmp/x /home/x',
        files={"sub/x": ""},
        folder="sub",
        mounts=(Mount(tmp_path / "in", "set"),),
    )
    assert done.text == "/home/sub\n/tmp\ndata"
    assert done.stderr == b""
    assert (done.job.task / "x").exists()


def test_its_own_files_cannot_be_written_unless_that_is_set(make_place: Callable[..., Place]):
    assert make_place().shell("touch /opt-x").end.exit_code == 1
    assert make_place(writable=True).shell("touch /opt-x").end.exit_code == 0


def test_scratch_space_runs_programs(place: Place):
    script = "printf '#!/bin/sh\\necho ran' >/tmp/x; chmod +x /tmp/x; /tmp/x; df -h >/dev/null"
    assert place.shell(script).text == "ran\n"


def test_it_may_not_what_root_may(place: Place):
    assert place.shell("mknod /tmp/null c 1 3").end.exit_code != 0
    assert place.shell("chmod 777 /etc/passwd || mount -t tmpfs x /tmp").end.exit_code != 0


def test_links_are_for_reading(place: Place, tmp_path: Path):
    source = tmp_path / "shared"
    source.mkdir()
    (source / "f").write_text("kept")
    done = place.shell(
        "cat data/f; echo x >data/f; rm data/f; touch data/new", links=(Link(source, "data"),)
    )
    assert done.text == "kept"
    assert done.end.exit_code == 1
    assert [path.read_text() for path in source.iterdir()] == ["kept"]
    assert done.files == {}


def test_in_place_no_git_is_seen(place: Place):
    job = place.job(
        *("sh", "-c", "ls -A .git sub/.git; cat tree/.git; touch .git/hooks-x; ls; echo x >new"),
        files={
            ".git/config": "secret",
            "sub/.git/config": "secret",
            "tree/.git": "gitdir: secret",
            "code": "",
        },
        in_place=True,
    )
    done = place.finish(job, place.start(job))
    assert b"secret" not in done.stdout + done.stderr
    assert done.files[".git/config"] == b"secret"
    assert done.files["tree/.git"] == b"gitdir: secret"
    assert done.files["new"] == b"x\n"
    assert ".git/hooks-x" not in done.files


def test_a_port_that_another_container_has(place: Place, docker_api: docker.APIClient):
    ports = Resources(ports=("127.0.0.1:4714:80",))
    one = place.job("sleep", "30", resources=ports)
    running = place.start(one)
    two = place.job("true", resources=ports)
    prepared = place.runner.prepare(place.recipe, two, print)
    with pytest.raises(PortTaken, match="4714"):
        place.runner.start(two, prepared)  # as one does who lost the race after `check`
    assert place.remains(two) == []
    running.stop(0)
    place.finish(one, running)


def test_a_network_that_is_not_there(place: Place):
    job = place.job("true", resources=Resources(network="no-such-network"))
    with pytest.raises(Conflict, match="no-such-network"):
        place.start(job)
    assert place.remains(job) == []


def test_a_gpu_is_asked_of_the_engine(place: Place):
    if any(Path("/dev").glob("nvidia[0-9]*")):
        pytest.skip("this machine has a GPU")
    job = place.job("true", resources=Resources(gpus="0,1"))
    prepared = place.runner.prepare(place.recipe, job, print)
    with pytest.raises(Conflict, match="GPU"):
        place.runner.start(job, prepared)
    assert place.remains(job) == []


def test_a_fork_bomb_ends(place: Place):
    bomb = (
        "import os, time\n"
        "n = 0\n"
        "try:\n"
        "    while True:\n"
        "        if os.fork() == 0: time.sleep(60); os._exit(0)\n"
        "        n += 1\n"
        "except OSError: raise SystemExit(f'after {n}')"
    )
    done = place.run("python3", "-c", bomb)
    assert done.end.exit_code == 1
    assert 400 < int(done.stderr.split()[1]) < 512


def test_running_out_of_memory_is_told(place: Place):
    done = place.run("python3", "-c", "bytearray(10**9)", resources=Resources(memory=32 * MIB))
    assert (done.end.exit_code, done.end.oom) == (137, True)
    assert "memory" in str(done.end.reason)


def test_without_an_engine(place: Place, make_place: Callable[..., Place], tmp_path: Path):
    away = make_place({"DOCKER_HOST": f"unix://{tmp_path}/none.sock"})
    job = away.job("true")
    steps: tuple[Callable[[], object], ...] = (
        lambda: away.runner.check(job),
        lambda: away.runner.prepare(place.recipe, job, print),
        lambda: away.runner.start(job, place.prepare(job)),
        lambda: away.runner.adopt(job, {}),
    )
    for step in steps:
        with pytest.raises(EngineError, match=r"none\.sock"):
            step()
    assert not (job.room / "upper").exists()


def test_a_failed_start_leaves_nothing(place: Place, docker_api: docker.APIClient):
    job = place.job("true", resources=Resources(network="container:none"))
    with pytest.raises(DatmoError):
        place.start(job)
    assert place.remains(job) == []
    volumes = docker_api.volumes()["Volumes"] or []
    assert not [volume for volume in volumes if job.run_id[:12] in str(volume["Options"])]
    assert not (job.room / "work").exists()
