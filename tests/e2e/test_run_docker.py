"""Runs in containers on real projects, with a real engine and the installed program."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import docker
import pytest

from tests.e2e.task import after, begun, ended, inspected, leftovers, ran, runs, typed, until
from tests.kit.checks import assert_clean, untouched
from tests.kit.engine import RUN_LABEL
from tests.kit.git import Repo
from tests.kit.program import datmo

pytestmark = [pytest.mark.docker, pytest.mark.slow]

DOCKERFILE = "FROM {base}\nENV GREETING=hello\nRUN echo made >/built.txt\n"


@pytest.fixture
def boxed(project: Repo, base_image: str) -> Repo:
    """A project whose Dockerfile says where it runs."""
    project.write("Dockerfile", DOCKERFILE.format(base=base_image))
    project.write("words.txt", "pear\napple\npear\n")
    project.commit()
    return project


def containers(api: docker.APIClient, run_id: str) -> list[dict[str, str]]:
    """What the engine still has of a run."""
    found = api.containers(all=True, filters={"label": f"{RUN_LABEL}={run_id}"})
    volumes = api.volumes(filters={"label": f"{RUN_LABEL}={run_id}"})["Volumes"] or []
    return [*found, *volumes]


def test_a_dockerfile_is_enough(boxed: Repo, docker_api: docker.APIClient):
    script = "cat /built.txt; echo $GREETING >greeting.txt; sort -u words.txt | wc -l; pwd"
    row = ran(boxed, script)
    assert (row["runner"], row["status"]) == ("docker", "success")
    assert datmo("logs").stdout == "made\n2\n/home\n"
    assert boxed.read("greeting.txt") == b"hello\n"
    assert (boxed.path / "greeting.txt").stat().st_uid == os.getuid()
    assert row["built"]["image"].startswith("sha256:")
    assert containers(docker_api, row["id"]) == []
    assert leftovers(boxed) == []


def test_what_a_container_sees(boxed: Repo, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MY_OWN", "not for containers")
    script = (
        'echo uid: $(id -u); echo interfaces: $(ls /sys/class/net); echo own: "[$MY_OWN]"; '
        "ls -A . / | grep -c '^\\.git$'; echo task: $DATMO_TASK_DIR; "
        "touch /root/x 2>/dev/null || echo root: closed"
    )
    row = ran(boxed, script)
    assert row["results"] == {
        "uid": os.getuid(), "interfaces": "lo", "own": "[]", "task": "/task", "root": "closed",
    }  # fmt: skip
    assert "\n0\n" in datmo("logs").stdout
    datmo("run", "--in-place", "ls -A .git | wc -l >seen.txt; touch .git/x", check=False)
    assert boxed.read("seen.txt") == b"0\n"
    assert not (boxed.git_dir / "x").exists()
    assert_clean(boxed)


def test_a_failing_container(boxed: Repo):
    row = ran(boxed, "echo epoch: 1; echo half >half.txt; echo bad >&2; exit 3", code=3)
    assert (row["status"], row["results"]) == ("failed", {"epoch": 1})
    assert boxed.read("half.txt") == b"half\n"
    assert sorted(datmo("logs").stdout.splitlines()) == ["bad", "epoch: 1"]
    gone = ran(boxed, "--", "no-such-program", code=127)
    assert "no-such-program" in gone["reason"]


def test_a_build_that_fails_names_the_step(project: Repo, base_image: str):
    project.write("Dockerfile", f"FROM {base_image}\nRUN echo begun && no-such-tool --now\n")
    done = datmo("run", "true", check=False)
    assert (done.code, done.stdout) == (6, "")
    assert "Traceback" not in done.stderr
    assert "no-such-tool" in done.stderr
    [row] = runs(project)
    assert (row["status"], row["exit_code"]) == ("failed", None)
    assert "begun" in datmo("logs", row["id"]).stdout
    assert_clean(project)


def test_repeated_elsewhere_also_without_the_image(
    boxed: Repo, tmp_path: Path, docker_api: docker.APIClient
):
    row = ran(boxed, "--label", "one", "sort words.txt >sorted.txt; yes | head -c 2000000 >big.bin")
    assert after(boxed, row, "big.bin").startswith(b"git-datmo pointer 1\n")
    hub = Repo.bare(tmp_path / "hub.git")
    boxed.git("remote", "add", "origin", str(hub.path))
    boxed.git("push", "-q", "origin", "main", "refs/datmo/*")
    there = hub.clone(tmp_path / "there")
    there.git("fetch", "-q", "origin", "refs/datmo/*:refs/datmo/*")
    datmo("init", cwd=there.path)
    with untouched(there):
        done = typed(there, "rerun", "--yes", "--check", "one")
    assert "the same" in done.stdout
    assert runs(there)[0]["built"]["image"] == row["built"]["image"]
    docker_api.remove_image(row["built"]["image"], force=True)
    typed(there, "rerun", "--check", "one")
    assert runs(there)[0]["runner"] == "docker"


def test_limits_and_how_they_end(boxed: Repo):
    hungry = "data = b'x' * 300_000_000; print(len(data))"
    row = ran(boxed, "-m", "64m", "--", "python3", "-c", hungry, code=137)
    assert row["status"] == "oom"
    row = ran(boxed, "--timeout", "2s", "echo step: 1; sleep 60", code=124)
    assert (row["status"], row["results"]) == ("timeout", {"step": 1})
    row = ran(boxed, "--network", "bridge", "ls /sys/class/net | grep -c eth")
    assert datmo("logs").stdout == "1\n"


def test_data_and_the_task_folder(boxed: Repo, tmp_path: Path):
    data = tmp_path / "my data"
    data.mkdir()
    (data / "in.csv").write_text("1\n2\n")
    script = (
        "wc -l </data/d/in.csv >lines.txt; echo new >/data/d/out.txt; "
        "echo '{\"auc\": 0.5}' >/task/stats.json; echo plot >$DATMO_TASK_DIR/plot.svg"
    )
    row = ran(boxed, "--data", f"{data}>d", "--", "sh", "-c", script)
    assert (data / "out.txt").read_text() == "new\n"
    assert row["stats"] == {"auc": 0.5}
    assert after(boxed, row, "task/plot.svg") == b"plot\n"
    assert boxed.read("lines.txt") == b"2\n"


def test_interrupted_stopped_and_orphaned(boxed: Repo, docker_api: docker.APIClient):
    child = begun(boxed, "trap 'exit 9' INT; echo ready; while :; do sleep 0.1; done")
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    child.send_signal(signal.SIGINT)
    child.communicate(timeout=60)
    assert child.returncode == 130
    assert runs(boxed)[0]["status"] == "stopped"

    started = typed(boxed, "run", "-d", "--label", "bg", "echo half >half.txt; echo up; sleep 300")
    run_id = started.stdout.strip()
    until(lambda: "up" in datmo("logs", "bg").stdout)
    typed(boxed, "stop", "bg", "--grace", "1")
    assert inspected(boxed, run_id)["status"] == "stopped"
    assert boxed.read("half.txt") == b"half\n"

    # A container knows how it ended, so a killed client costs nothing at all.
    child = begun(boxed, "--label", "orphan", "echo ready; sleep 2; echo acc: 0.5; exit 4")
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    child.kill()
    child.wait()
    row = ended(boxed, "orphan")
    assert (row["status"], row["exit_code"], row["results"]) == ("failed", 4, {"acc": 0.5})
    assert datmo("logs", "orphan").stdout == "ready\nacc: 0.5\n"
    until(lambda: containers(docker_api, row["id"]) == [])
    assert leftovers(boxed) == []


def test_without_an_engine(boxed: Repo, tmp_path: Path):
    away = {"DOCKER_HOST": f"unix://{tmp_path}/nothing.sock"}
    done = datmo("run", "--runner", "docker", "true", env=away, check=False)
    assert (done.code, done.stdout) == (6, "")
    assert len([line for line in done.stderr.splitlines() if line.startswith("error:")]) == 1
    assert runs(boxed) == []
    # With nobody to ask for a container, the Dockerfile's project runs here, and that is said.
    done = datmo("run", "echo x: 1", env=away)
    assert "no container engine answers" in done.stderr
    assert runs(boxed)[0]["runner"] == "local"
    assert_clean(boxed)
