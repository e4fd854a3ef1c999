"""Who belongs to a job, and that nobody else is ever touched."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace

import pytest

from git_datmo.runners.local import table
from git_datmo.runners.local.family import Family, send
from tests.contracts.place import Place, says, until

# A daemon: its own session, its parent gone.
DAEMON = """
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork():
        os._exit(0)
    for n in (0, 1, 2):
        os.dup2(os.open(os.devnull, os.O_RDWR), n)
    open("daemon", "w").write(str(os.getpid()))
    time.sleep(600)
while not os.path.exists("daemon") or not open("daemon").read():
    time.sleep(.01)
"""


def alive(pid: int) -> bool:
    entry = table.read(pid)
    return entry is not None and entry.alive


def test_a_daemon_does_not_outlive_its_job(local: Place):
    done = local.python(DAEMON)
    assert done.end.exit_code == 0
    assert not alive(int(done.files["daemon"]))


def test_a_daemon_of_an_adopted_job_does_not_outlive_it(local: Place):
    job = local.job("python3", "-c", DAEMON + "time.sleep(1)")
    handle = local.orphan(job)
    until(lambda: (job.tree / "daemon").exists())
    process = local.adopt(job, handle)
    assert process is not None
    done = local.finish(job, process)
    assert done.end.lost
    assert not alive(int(done.files["daemon"]))


def test_what_is_left_of_a_job_that_ended_unwatched_is_ended_too(local: Place):
    job = local.job("python3", "-c", DAEMON)
    handle = local.orphan(job)
    until(lambda: not alive(handle["pid"]))
    daemon = int((job.tree / "daemon").read_text())
    assert alive(daemon)
    process = local.adopt(job, handle)
    assert process is not None
    done = local.finish(job, process)
    assert (done.end.lost, done.end.exit_code) == (True, None)
    assert not alive(daemon)


def test_what_asks_to_outlive_its_job_does(local: Place):
    leaving = "import os\nos.environ.pop('DATMO_RUN_ID')\nos.execvp('python3', ['python3', '-c', "
    done = local.python(f"{leaving}{DAEMON!r}])")
    daemon = int(done.files["daemon"])
    assert alive(daemon)
    os.kill(daemon, signal.SIGKILL)


def test_a_job_is_found_though_its_handle_was_never_written(local: Place):
    job = local.job("sh", "-c", "echo ready; sleep 600")
    handle = local.orphan(job)
    until(says(job, b"ready"))
    process = local.adopt(job, {})
    assert process is not None
    assert process.handle == handle
    process.stop(1)
    assert local.finish(job, process).end.lost


def test_a_number_that_somebody_else_has_now_is_left_alone(local: Place):
    job = local.job("true")
    with subprocess.Popen(["sleep", "600"], start_new_session=True) as other:
        entry = table.read(other.pid)
        assert entry is not None
        earlier = {
            "pid": other.pid,
            "group": other.pid,
            "started": str(int(entry.started) - 1),
            "boot": table.boot(),
        }
        assert local.adopt(job, earlier) is None
        send(replace_started(entry, "1"), signal.SIGKILL)
        before_reboot = {**earlier, "started": entry.started, "boot": "another"}
        assert local.adopt(job, before_reboot) is None
        time.sleep(0.1)
        assert other.poll() is None
        other.kill()


def replace_started(entry: table.Entry, started: str) -> table.Entry:
    return entry._replace(started=started)


@pytest.mark.parametrize(
    "handle", [{"pid": "1"}, {"pid": 1}, {"pid": -1, "started": "0", "boot": ""}, {"x": None}]
)
def test_a_handle_that_is_none(local: Place, handle: dict[str, object]):
    assert local.adopt(local.job("true"), handle) is None


def test_another_jobs_processes_are_not_taken_for_its_own(local: Place):
    one, two = local.job("sleep", "600"), local.job("sleep", "600")
    first, second = local.start(one), local.start(two)
    first.stop(1)
    assert second.wait(0.1) is None
    second.stop(1)
    for job, process in ((one, first), (two, second)):
        assert local.finish(job, process).end.signal == signal.SIGTERM


def test_a_task_that_runs_from_itself_is_stopped(local: Place):
    """One process at a time, each gone as soon as it has forked the next; ends by itself too."""
    comet = (
        "import os, signal, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "end = time.time() + 20\n"
        "if os.fork():\n"
        "    print('ready')\n"
        "    time.sleep(30)\n"
        "while time.time() < end:\n"
        "    if os.fork(): os._exit(0)\n"
        "    time.sleep(.002)\n"
    )
    job = local.job("python3", "-c", comet)
    process = local.start(job)
    until(says(job, b"ready"))
    time.sleep(0.3)
    began = time.monotonic()
    process.stop(0.2)
    assert time.monotonic() - began < 5
    family = Family(job.run_id, process.handle["pid"], process.handle["started"], held=False)
    assert family.members() == []
    assert local.finish(job, process).end.signal == signal.SIGKILL


def test_a_stopped_task_can_be_stopped(local: Place):
    job = local.job("sh", "-c", "trap 'echo bye; exit 3' TERM; echo ready; kill -STOP $$; sleep 60")
    process = local.start(job)
    until(lambda: (e := table.read(process.handle["pid"])) is not None and e.state == "T")
    process.stop(10)
    assert local.finish(job, process).end.exit_code == 3


def test_children_get_the_grace_too(local: Place):
    text = (
        "(trap 'sleep .5; echo saved; exit' TERM; echo ready; while :; do sleep .05; done) & wait"
    )
    job = local.job("sh", "-c", text)
    process = local.start(job)
    until(says(job, b"ready"))
    process.stop(10)
    assert local.finish(job, process).stdout == b"ready\nsaved\n"


def test_the_last_lines_of_a_childs_output_are_not_lost(local: Place):
    done = local.run("bash", "-c", "exec > >(sleep .1; cat); echo through a pipe")
    assert done.stdout == b"through a pipe\n"


def test_stop_while_another_thread_waits(local: Place):
    job = local.job("sleep", "600")
    process = local.start(job)
    ends = []
    waiting = [threading.Thread(target=lambda: ends.append(process.wait(60))) for _ in range(3)]
    for thread in waiting:
        thread.start()
    time.sleep(0.1)
    process.stop(5)
    for thread in waiting:
        thread.join(10)
    assert [end.exit_code for end in ends if end is not None] == [143, 143, 143]
    local.finish(job, process)


def test_who_ignores_children_is_told_that_nothing_is_known(local: Place):
    # In a process of its own: it changes how signals are taken.
    text = (
        "import pickle, signal, sys\n"
        "from git_datmo.runners import registry\n"
        "signal.signal(signal.SIGCHLD, signal.SIG_IGN)\n"
        "job = pickle.load(sys.stdin.buffer)\n"
        "runner = registry.make('local', environ={}, settings={})\n"
        "end = runner.start(job, runner.prepare(None, job, print)).wait(30)\n"
        "print(end.lost, end.exit_code, end.reason)\n"
    )
    job = local.job("sh", "-c", "exit 3")
    done = subprocess.run(
        [sys.executable, "-c", text], input=pickle.dumps(job), capture_output=True, check=True
    )
    assert done.stdout.startswith(b"True None its exit code went to somebody else")


def test_a_sample_counts_children(local: Place):
    busy = 'import time; print("ready"); end = time.time() + 60\nwhile time.time() < end: pass'
    job = local.job("sh", "-c", f"python3 -c '{busy}' & python3 -c '{busy}' & wait")
    process = local.start(job)
    until(lambda: job.stdout.exists() and job.stdout.read_bytes().count(b"ready") == 2)

    def both_seen() -> bool:  # how much they get depends on who else is at work
        time.sleep(0.2)
        sample = process.sample()
        return sample is not None and sample["cpu"] > 10 and sample["memory"] > 10e6

    until(both_seen)
    process.stop(1)
    local.finish(job, process)
    assert process.sample() is None


def test_a_task_without_a_trace_of_the_run_in_its_environment(local: Place):
    job = local.job("env", "-i", "sh", "-c", "sleep 600 & echo ready; wait")
    process = local.start(job)
    until(says(job, b"ready"))
    members = Family(job.run_id, process.handle["pid"], process.handle["started"], held=True)
    assert len(members.members()) == 2
    process.stop(1)
    assert members.members() == []
    local.finish(job, process)


def test_the_table_knows_us():
    entry = table.read(os.getpid())
    assert entry is not None
    assert (entry.parent, entry.group) == (os.getppid(), os.getpgrp())
    assert entry.session == os.getsid(0)
    assert entry.memory > 1e6
    assert table.read_all()[os.getpid()].started == entry.started
    assert table.read(2**22 + 1) is None


def test_ps_says_the_same(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(table, "HAS_PROC", False)
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as child:
        entry = table.read(child.pid)
        assert entry is not None
        assert (entry.parent, entry.group, entry.alive) == (os.getpid(), child.pid, True)
        assert table.read_all()[child.pid].started == entry.started
        child.kill()
        until(lambda: (e := table.read(child.pid)) is None or not e.alive)


def test_without_proc_a_job_is_run_and_stopped(local: Place, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(table, "HAS_PROC", False)
    monkeypatch.delattr(os, "pidfd_open")
    assert local.shell("echo a; exit 3").end.exit_code == 3
    job = local.job("sh", "-c", "sleep 600 & echo ready; wait")
    process = local.start(job)
    until(says(job, b"ready"))
    assert process.sample() is not None
    again = local.adopt(replace(job), process.handle)
    assert again is not None
    process.stop(2)
    assert local.finish(job, process).end.exit_code == 143
    until(lambda: again.wait(0.1) is not None)


def test_a_name_with_brackets_is_read(local: Place):
    job = local.job("./a) S 1 1 (b", files={})
    program = job.tree / "a) S 1 1 (b"
    program.write_text("#!/bin/sh\nsleep 600\n")
    program.chmod(0o755)
    process = local.start(job)
    entry = table.read(process.handle["pid"])
    assert entry is not None
    assert entry.session == process.handle["pid"]
    process.stop(1)
    local.finish(job, process)
