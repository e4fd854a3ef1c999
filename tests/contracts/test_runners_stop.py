"""What every runner must do about jobs that are stopped, watched, limited, or left behind."""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from git_datmo.errors import GPUSupportNotEnabled, PortTaken, UsageError
from git_datmo.model.run import Resources
from git_datmo.runners.base import Job
from tests.contracts.place import Place, says, until

PATIENT = "trap 'echo bye; exit 3' TERM; echo ready; while :; do sleep .05; done"
DEAF = "trap '' TERM; echo ready; while :; do sleep .05; done"
TICKING = "(while :; do echo tick >>ticks; sleep .02; done) & "


def assert_still(job: Job, ticks: bytes) -> None:
    """Nobody writes ticks any more."""
    assert ticks
    time.sleep(0.3)
    for folder in (job.tree, job.room / "upper"):
        file = folder / "ticks"
        assert not file.exists() or file.read_bytes() == ticks


def test_stop_lets_it_say_goodbye(place: Place):
    job = place.job("sh", "-c", PATIENT)
    process = place.start(job)
    until(says(job, b"ready"))
    began = time.monotonic()
    process.stop(20)
    assert time.monotonic() - began < 10
    done = place.finish(job, process)
    assert done.stdout == b"ready\nbye\n"
    assert done.end.exit_code == 3


def test_ask_leaves_it_to_the_program_to_end_its_children(place: Place):
    program = (
        "import signal, subprocess, sys, time\n"
        "words = [sys.executable, '-c', 'import time; time.sleep(60)']\n"
        "child = subprocess.Popen(words, start_new_session=True)\n"
        "def asked(*_):\n"
        "    time.sleep(0.3)\n"
        "    print('child', child.poll())\n"
        "    child.kill()\n"
        "    child.wait()\n"
        "    sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, asked)\n"
        "print('ready')\n"
        "while True:\n"
        "    time.sleep(0.05)\n"
    )
    job = place.job("python3", "-u", "-c", program)
    process = place.start(job)
    until(says(job, b"ready"))
    process.ask()
    done = place.finish(job, process)
    assert (done.stdout, done.end.exit_code) == (b"ready\nchild None\n", 0)
    process.ask()


def test_stop_kills_what_does_not_listen(place: Place):
    job = place.job("sh", "-c", DEAF)
    process = place.start(job)
    until(says(job, b"ready"))
    began = time.monotonic()
    process.stop(1)
    assert 0.9 < time.monotonic() - began < 15
    done = place.finish(job, process)
    assert done.end.exit_code == 137
    assert not done.end.oom


def test_stop_reaches_children_too(place: Place):
    job = place.job("sh", "-c", TICKING + "sleep .1; echo ready; wait")
    process = place.start(job)
    until(says(job, b"ready"))
    process.stop(2)
    done = place.finish(job, process)
    assert_still(job, done.files["ticks"])


def test_stop_takes_children_that_left_the_group(place: Place):
    left = (
        "import os, time\n"
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    if os.fork(): os._exit(0)\n"
        "    while True:\n"
        "        open('ticks', 'a').write('x')\n"
        "        time.sleep(.02)\n"
        "print('ready')\n"
        "time.sleep(60)\n"
    )
    job = place.job("python3", "-c", left)
    process = place.start(job)
    until(says(job, b"ready"))
    time.sleep(0.3)
    process.stop(5)
    done = place.finish(job, process)
    assert_still(job, done.files["ticks"])


def test_interrupt_is_a_keyboard_interrupt(place: Place):
    job = place.job(
        *("python3", "-c"),
        "import time\n"
        "try:\n"
        "    print('ready')\n"
        "    time.sleep(60)\n"
        "except KeyboardInterrupt:\n"
        "    print('interrupted')\n"
        "    raise SystemExit(5)",
    )
    process = place.start(job)
    until(says(job, b"ready"))
    time.sleep(0.1)
    process.interrupt()
    done = place.finish(job, process)
    assert done.stdout == b"ready\ninterrupted\n"
    assert done.end.exit_code == 5


def test_background_children_do_not_hold_it_up(place: Place):
    began = time.monotonic()
    done = place.shell("(trap '' TERM HUP INT; sleep 300) & echo done")
    assert done.stdout == b"done\n"
    assert done.end.exit_code == 0
    assert time.monotonic() - began < 20


def test_background_children_do_not_write_on(place: Place):
    job = place.job("sh", "-c", TICKING + "sleep .3")
    done = place.finish(job, place.start(job))
    assert_still(job, done.files["ticks"])


def test_a_job_outlives_its_supervisor(place: Place):
    count = "for n in 1 2 3 4 5 6 7 8 9; do echo line $n; sleep .1; done; echo last >made; exit 4"
    job = place.job("sh", "-c", count)
    process = place.adopt(job, place.orphan(job))
    assert process is not None
    done = place.finish(job, process)
    assert done.stdout == b"".join(b"line %d\n" % n for n in range(1, 10))
    assert done.files == {"made": b"last\n"}
    assert done.end.exit_code == 4 or (done.end.lost and done.end.exit_code is None)
    assert (done.end.reason is not None) == done.end.lost


def test_an_adopted_job_can_be_stopped(place: Place):
    job = place.job("sh", "-c", PATIENT)
    handle = place.orphan(job)
    process = place.adopt(job, handle)
    assert process is not None
    # Not before: what it prints while nobody looks after it may lie with an engine.
    assert process.wait(0.1) is None
    until(says(job, b"ready"))
    assert process.handle == handle
    process.stop(20)
    assert place.finish(job, process).stdout == b"ready\nbye\n"


def test_what_ended_unwatched_is_lost_or_known(place: Place):
    job = place.job("sh", "-c", "echo once >made; echo said; exit 4")
    handle = place.orphan(job)
    time.sleep(2)
    process = place.adopt(job, handle)
    if process is not None:
        done = place.finish(job, process)
        assert done.end.exit_code == 4
        assert done.stdout == b"said\n"


def test_nothing_is_adopted_by_a_handle_of_another(place: Place):
    assert place.adopt(place.job("true"), {}) is None
    ended = place.job("true")
    process = place.start(ended)
    handle = process.handle
    place.finish(ended, process)
    assert place.adopt(ended, handle) is None


def test_a_sample_sees_its_work(place: Place):
    busy = (
        "import time\n"
        "block = b'x' * 60_000_000\n"
        "print('ready')\n"
        "end = time.time() + 60\n"
        "while time.time() < end: pass\n"
    )
    job = place.job("python3", "-c", busy)
    process = place.start(job)
    until(says(job, b"ready"))
    samples: list[Mapping[str, float] | None] = []

    def busy_enough() -> bool:  # how much it gets depends on who else is at work
        time.sleep(0.2)
        samples.append(process.sample())
        return (samples[-1] or {"cpu": 0})["cpu"] > 10

    until(busy_enough)
    sample = samples[-1]
    assert sample is not None
    assert sample["cpu"] < 250
    assert 50e6 < sample["memory"] < 1e9
    process.stop(0.1)
    assert isinstance(process.sample(), dict | None)
    place.finish(job, process)


def test_a_port_in_use_is_refused_by_number(place: Place):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        job = place.job("true", resources=Resources(ports=(str(port),)))
        with pytest.raises(PortTaken, match=str(port)):
            place.start(job)
    assert place.remains(job) == []


def test_a_port_of_the_job_answers(place: Place):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    job = place.job(
        *("python3", "-m", "http.server", str(port)), resources=Resources(ports=(str(port),))
    )
    process = place.start(job)

    def answers() -> bool:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1) as line:
                line.sendall(b"GET / HTTP/1.0\r\n\r\n")
                return line.recv(20).startswith(b"HTTP/1.0 200")
        except OSError:
            return False

    until(answers)
    process.stop(5)
    place.finish(job, process)


@pytest.mark.parametrize("port", ["http", "0", "70000", "1:2:3:4", "", "-1", "1.2.3.4.5:80:80"])
def test_what_is_no_port(place: Place, port: str):
    with pytest.raises(UsageError):
        place.prepare(place.job("true", resources=Resources(ports=(port,))))


@pytest.mark.parametrize(
    "wrong",
    [Resources(cpus=0), Resources(cpus=-1), Resources(cpus=4096), Resources(memory=-5)],
    ids=["no cpu", "less than none", "more than there are", "negative memory"],
)
def test_limits_that_cannot_be(place: Place, wrong: Resources):
    with pytest.raises(UsageError):
        place.prepare(place.job("true", resources=wrong))


def test_a_gpu_where_there_is_none(place: Place):
    if any(Path("/dev").glob("nvidia[0-9]*")) or Path("/dev/kfd").exists():
        pytest.skip("this machine has a GPU")
    for gpus in ("all", "1", "0,1"):
        with pytest.raises(GPUSupportNotEnabled, match="GPU"):
            place.start(place.job("true", resources=Resources(gpus=gpus)))


def test_memory_is_limited_or_refused(place: Place):
    hungry = "x = bytearray(400_000_000); print(len(x))"
    job = place.job("python3", "-c", hungry, resources=Resources(memory=64 * 2**20))
    if not place.refuses(job):
        end = place.finish(job, place.start(job)).end
        assert (end.oom, end.exit_code) == (True, 137)


def test_a_network_is_withheld_or_the_wish_refused(place: Place):
    asks = "import socket; socket.create_connection(('127.0.0.1', {}), timeout=3)"
    with socket.create_server(("127.0.0.1", 0)) as server:
        text = asks.format(server.getsockname()[1])
        job = place.job("python3", "-c", text, resources=Resources(network="none"))
        assert place.refuses(job) or place.finish(job, place.start(job)).end.exit_code == 1


def test_whole_cpus_are_granted(place: Place):
    job = place.job("python3", "-c", "print(2 + 2)", resources=Resources(cpus=1))
    assert place.finish(job, place.start(job)).stdout == b"4\n"
