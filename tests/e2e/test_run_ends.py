"""How runs end that nobody waits for: stopped, interrupted, orphaned, deleted, side by side."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.e2e.task import (
    PROGRAM,
    after,
    begun,
    ended,
    inspected,
    leftovers,
    ran,
    runs,
    typed,
    until,
)
from tests.kit.checks import assert_clean
from tests.kit.git import Repo
from tests.kit.program import datmo

# A task that says it is ready, then waits for a file `go` beside its tree.
WAIT = 'echo ready; while [ ! -e "$GO" ]; do sleep 0.02; done; '


@pytest.fixture(autouse=True)
def go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Touching it lets waiting tasks go on, also those of a test that failed."""
    place = tmp_path / "go"
    monkeypatch.setenv("GO", str(place))
    yield place
    place.touch()


@pytest.fixture(autouse=True)
def local(project: Repo) -> Repo:
    """A project with a commit, whose runs are processes of this machine."""
    project.git("config", "datmo.runner", "local")
    project.write("a.txt", "one\n")
    project.commit()
    return project


def ready(child: subprocess.Popen[str]) -> None:
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"


def test_an_interrupted_run_is_recorded_as_stopped(local: Repo):
    child = begun(local, "echo half >half.txt; echo ready; sleep 60")
    ready(child)
    child.send_signal(signal.SIGINT)
    _, said = child.communicate(timeout=60)
    assert child.returncode == 130
    assert "stopped" in said
    [row] = runs(local)
    assert (row["status"], after(local, row, "half.txt")) == ("stopped", b"half\n")
    assert local.read("half.txt") == b"half\n"
    assert leftovers(local) == []
    assert_clean(local)


@pytest.mark.parametrize("meanwhile", ["it ends", "it goes on"])
def test_a_killed_client_loses_nothing(local: Repo, go: Path, meanwhile: str):
    child = begun(local, "--label", "orphan", WAIT + "echo acc: 0.5; echo new >new.txt; exit 3")
    ready(child)
    child.kill()
    child.wait()
    assert len(leftovers(local)) == 1
    if meanwhile == "it ends":
        go.touch()
        (room,) = (local.git_dir / "datmo/runs").iterdir()
        until(lambda: b"acc" in (room / "stdout").read_bytes())
        time.sleep(0.2)
    else:
        [row] = runs(local)
        assert row["status"] == "running"
        go.touch()
    row = ended(local, "orphan")
    # Whoever takes over is not its parent, and cannot learn its exit code.
    assert (row["status"], row["results"]) == ("lost", {"acc": 0.5})
    assert row["reason"]
    assert after(local, row, "new.txt") == b"new\n"
    assert datmo("logs", "orphan").stdout == "ready\nacc: 0.5\n"
    until(lambda: leftovers(local) == [])
    assert len(runs(local)) == 1


def test_a_killed_client_s_run_can_be_stopped(local: Repo):
    child = begun(local, "echo $$; exec sleep 300")
    assert child.stdout is not None
    task = int(child.stdout.readline())
    child.kill()
    child.wait()
    typed(local, "stop", "--all")
    [row] = runs(local)
    assert row["status"] in ("stopped", "lost")
    assert row["commit"]
    until(lambda: not alive(task))
    assert leftovers(local) == []


def alive(pid: int) -> bool:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return text.rpartition(")")[2].split()[0] != "Z"


def test_in_the_background_and_followed(local: Repo, go: Path):
    started = typed(local, "run", "--detach", "--label", "bg", WAIT + "echo acc: 1; echo x >x.txt")
    run_id = started.stdout.strip()
    with subprocess.Popen(
        [*PROGRAM, "logs", "-f", "bg"], stdout=subprocess.PIPE, text=True, cwd=local.path
    ) as follower:
        assert follower.stdout is not None
        assert follower.stdout.readline() == "ready\n"
        assert inspected(local, run_id)["status"] == "running"
        go.touch()
        assert follower.stdout.read() == "acc: 1\n"
    row = ended(local, run_id)
    assert (row["status"], row["results"]) == ("success", {"acc": 1})
    assert local.read("x.txt") == b"x\n"


def test_stop_ends_what_runs_and_nothing_else(local: Repo):
    first = ran(local, "--label", "done", "echo x: 1")
    one, two = (
        typed(local, "run", "-d", f"echo half >{name}.txt; echo ready; sleep 300").stdout.strip()
        for name in ("one", "two")
    )
    until(lambda: all("ready" in datmo("logs", run_id).stdout for run_id in (one, two)))
    assert [row["status"] for row in runs(local)] == ["running", "running", "success"]
    typed(local, "stop", one[:8])
    assert [inspected(local, r)["status"] for r in (one, two)] == ["stopped", "running"]
    assert local.read("one.txt") == b"half\n"
    stopped = typed(local, "stop", "--all", "--json").json()
    assert [row["id"] for row in stopped] == [two]
    assert typed(local, "stop", "--all").stdout == "Nothing is running\n"
    # What has ended stays as it is, also when it is named.
    assert "success" in typed(local, "stop", "--id", "done").stdout
    assert inspected(local, first["id"]) == first
    assert typed(local, "stop", "nonsense", code=3).stdout == ""
    assert leftovers(local) == []


def test_a_task_that_does_not_want_to_end(local: Repo):
    script = "trap '' TERM INT; echo ready; while :; do sleep 0.05; done"
    run_id = typed(local, "run", "-d", script).stdout.strip()
    until(lambda: "ready" in datmo("logs", run_id).stdout)
    begin = time.monotonic()
    typed(local, "stop", run_id, "--grace", "0.5")
    assert time.monotonic() - begin < 30
    assert inspected(local, run_id)["status"] == "stopped"


def test_a_deleted_run_is_hidden_and_its_snapshots_stay(local: Repo):
    row = ran(local, "--label", "bad", "echo x >x.txt")
    typed(local, "delete", "bad")
    assert runs(local) == []
    assert datmo("logs", "bad", check=False).code == 3
    typed(local, "snapshot", "checkout", row["after_id"])
    run_id = typed(local, "run", "-d", "sleep 300").stdout.strip()
    assert "has not ended" in typed(local, "delete", run_id, code=4).stderr
    typed(local, "stop", run_id)
    typed(local, "delete", "--id", run_id)
    assert runs(local) == []


def test_two_at_once_do_not_see_each_other(local: Repo, go: Path):
    script = (
        "echo {0} >own.txt; echo ready; while [ ! -e $GO ]; do sleep 0.02; done; cat own.txt; ls"
    )
    first, second = (begun(local, "--no-apply", script.format(n)) for n in (1, 2))
    for child in (first, second):
        ready(child)
    assert [row["status"] for row in runs(local)] == ["running", "running"]
    go.touch()
    assert [child.communicate(timeout=60)[0] for child in (first, second)] == [
        "1\na.txt\nown.txt\n", "2\na.txt\nown.txt\n",
    ]  # fmt: skip
    assert_clean(local)


def test_four_processes_record_all_of_theirs(local: Repo):
    def work(worker: int) -> None:
        for turn in range(3):
            done = datmo(
                "run", "-q", f"echo n: {worker}{turn}; echo {turn} >{worker}.txt", cwd=local.path
            )
            assert done.stdout == f"n: {worker}{turn}\n"

    with ThreadPoolExecutor(4) as crowd:
        list(crowd.map(work, range(1, 5)))
    found = runs(local)
    assert sorted(row["results"]["n"] for row in found) == [
        10 * w + t for w in range(1, 5) for t in range(3)
    ]
    assert {row["status"] for row in found} == {"success"}
    assert [local.read(f"{w}.txt") for w in range(1, 5)] == [b"2\n"] * 4
    assert leftovers(local) == []
    # Slots are few: no more than ever ran at once.
    slots = [p for p in (local.git_dir / "datmo/pool").iterdir() if (p / "tree").exists()]
    assert len(slots) <= 4
    assert_clean(local)


def test_the_task_outlives_a_closed_terminal(local: Repo, go: Path):
    child = begun(local, "-d", WAIT + "echo end: 1", env={"GO": os.environ["GO"]})
    out, _ = child.communicate(timeout=60)
    go.touch()
    assert ended(local, out.strip())["results"] == {"end": 1}
