"""A task in a container at the caller's terminal: keys in, screen out, the terminal given back."""

from __future__ import annotations

import fcntl
import os
import pickle
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator

import pytest

from git_datmo.runners.base import Job
from tests.contracts.place import Place, until

pytestmark = pytest.mark.docker

# A caller at a terminal: runs the job it is given, and tells how it ended.
CALLER = """
import os, pickle, sys
from git_datmo.runners import registry
with open(sys.argv[1], "rb") as file:
    job, recipe = pickle.load(file)
runner = registry.make("docker", environ=dict(os.environ), settings={})
process = runner.start(job, runner.prepare(recipe, job, print))
end = process.wait(60)
process.close()
print(f"END {end.exit_code} {end.reason}")
"""


class Screen:
    """A terminal of the test's own, with a caller at it."""

    def __init__(self, place: Place, job: Job) -> None:
        self.job = job
        given = job.room / "job.pickle"
        given.write_bytes(pickle.dumps((job, place.recipe)))
        self.master, self.slave = os.openpty()
        self.resize(30, 100)
        self.before = termios.tcgetattr(self.slave)
        self.caller = subprocess.Popen(
            [sys.executable, "-c", CALLER, str(given)],
            stdin=self.slave,
            stdout=self.slave,
            stderr=self.slave,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        self.text = ""

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, keys: bytes) -> None:
        os.write(self.master, keys)

    def shows(self, text: str) -> None:
        """Wait for a text on the screen."""
        deadline = time.monotonic() + 30
        while text not in self.text:
            assert time.monotonic() < deadline, f"the screen shows only {self.text!r}"
            if select.select([self.master], [], [], 0.1)[0]:
                self.text += os.read(self.master, 65536).decode(errors="replace")

    def close(self) -> None:
        self.caller.kill()
        self.caller.wait()
        os.close(self.master)
        os.close(self.slave)


@pytest.fixture
def at(place: Place) -> Iterator[Callable[[Job], Screen]]:
    opened: list[Screen] = []

    def open_screen(job: Job) -> Screen:
        opened.append(Screen(place, job))
        return opened[-1]

    yield open_screen
    for screen in opened:
        screen.close()
        process = place.adopt(screen.job, {})
        if process is not None:
            process.stop(0)
            process.close()


def test_what_is_typed_reaches_it_and_what_it_shows_is_kept(
    place: Place, at: Callable[[Job], Screen]
):
    text = "test -t 0 && test -t 1 && echo at a terminal; read word; echo got $word; exit 4"
    screen = at(place.job("sh", "-c", text, interactive=True))
    screen.shows("at a terminal")
    screen.type(b"hello\r")
    screen.shows("got hello")
    screen.shows("END 4 None")
    record = screen.job.stdout.read_bytes()
    assert b"at a terminal\r\n" in record
    assert b"got hello\r\n" in record
    assert screen.job.stderr.read_bytes() == b""
    assert place.remains(screen.job) == []


def test_the_terminal_is_given_back(place: Place, at: Callable[[Job], Screen]):
    screen = at(place.job("sh", "-c", "echo set; sleep .5", interactive=True))
    screen.shows("set")
    assert not termios.tcgetattr(screen.slave)[3] & termios.ICANON, "raw while it runs"
    screen.shows("END 0")
    until(lambda: termios.tcgetattr(screen.slave) == screen.before)


def test_ctrl_c_is_the_tasks(place: Place, at: Callable[[Job], Screen]):
    text = (
        "import time\n"
        "try:\n"
        "    print('ready')\n"
        "    time.sleep(60)\n"
        "except KeyboardInterrupt:\n"
        "    print('interrupted'); raise SystemExit(5)"
    )
    screen = at(place.job("python3", "-c", text, interactive=True))
    screen.shows("ready")
    screen.type(b"\x03")
    screen.shows("interrupted")
    screen.shows("END 5")


def test_it_has_a_terminal_of_its_size(place: Place, at: Callable[[Job], Screen]):
    screen = at(place.job("sh", "-c", "read _; stty size; read _; stty size", interactive=True))
    until(lambda: not termios.tcgetattr(screen.slave)[3] & termios.ICANON)
    screen.type(b"\r")
    screen.shows("30 100")
    screen.resize(41, 77)
    time.sleep(0.6)
    screen.type(b"\r")
    screen.shows("41 77")
    screen.shows("END 0")


def test_much_output_comes_whole(place: Place, at: Callable[[Job], Screen]):
    screen = at(place.job("seq", "-f", "line %g", "20000", interactive=True))
    screen.shows("END 0")
    lines = re.findall(rb"line (\d+)\r\n", screen.job.stdout.read_bytes())
    assert [int(n) for n in lines] == list(range(1, 20001))
    assert screen.text.count("line ") == 20000


def test_a_command_that_does_not_exist(place: Place, at: Callable[[Job], Screen]):
    screen = at(place.job("datmo-no-such-program", interactive=True))
    screen.shows("END 127 the command datmo-no-such-program")
    until(lambda: termios.tcgetattr(screen.slave) == screen.before)


def test_an_orphan_at_a_terminal_is_adopted(place: Place, at: Callable[[Job], Screen]):
    screen = at(place.job("sh", "-c", "echo ready; sleep 1; echo done", interactive=True))
    screen.shows("ready")
    screen.caller.kill()
    process = place.adopt(screen.job, {})
    assert process is not None
    assert place.finish(screen.job, process).stdout == b"ready\r\ndone\r\n"


def test_without_a_terminal_it_takes_the_callers_input(place: Place):
    job = place.job("sh", "-c", "cat; echo err >&2", interactive=True)
    given = job.room / "job.pickle"
    given.write_bytes(pickle.dumps((job, place.recipe)))
    size = 300_000
    done = subprocess.run(
        [sys.executable, "-c", CALLER, str(given)], input=b"x" * size, capture_output=True
    )
    assert done.stdout == b"END 0 None\n"
    assert job.stdout.read_bytes() == b"x" * size
    assert job.stderr.read_bytes() == b"err\n"
