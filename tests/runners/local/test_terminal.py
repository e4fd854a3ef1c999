"""A task at the caller's terminal: keys in, screen out, and the terminal given back."""

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
from collections.abc import Iterator

import pytest

from git_datmo.runners.base import Job
from tests.contracts.place import Place, until

# A caller at a terminal: runs the job it is given, and tells how it ended.
CALLER = """
import json, os, pickle, sys
from git_datmo.runners import registry
with open(sys.argv[1], "rb") as file:
    job = pickle.load(file)
runner = registry.make("local", environ=dict(os.environ), settings={})
process = runner.start(job, runner.prepare(None, job, print))
end = process.wait(30)
process.close()
print(f"END {end.exit_code} {end.signal} {end.reason} {os.get_terminal_size(0).columns}")
"""


class Screen:
    """A terminal of the test's own, with a caller at it."""

    def __init__(self, job: Job, rows: int = 30, columns: int = 100) -> None:
        self.job = job
        given = job.room / "job.pickle"
        given.write_bytes(pickle.dumps(job))
        self.master, slave = os.openpty()
        self.resize(rows, columns)
        self.before = termios.tcgetattr(slave)
        self.caller = subprocess.Popen(
            [sys.executable, "-c", CALLER, str(given)],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        self.slave = slave
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
def at(local: Place) -> Iterator[type[Screen]]:
    opened: list[Screen] = []

    class Kept(Screen):
        def __init__(self, job: Job) -> None:
            super().__init__(job)
            opened.append(self)

    yield Kept
    for screen in opened:
        screen.close()


def test_what_is_typed_reaches_it_and_what_it_shows_is_kept(local: Place, at: type[Screen]):
    text = "test -t 0 && test -t 1 && echo at a terminal; read word; echo got $word; exit 4"
    screen = at(local.job("sh", "-c", text, interactive=True))
    screen.shows("at a terminal")
    screen.type(b"hello\r")
    screen.shows("got hello")
    screen.shows("END 4 None None 100")
    record = screen.job.stdout.read_bytes()
    assert b"at a terminal\r\n" in record
    assert b"got hello\r\n" in record
    assert screen.job.stderr.read_bytes() == b""


def test_the_terminal_is_given_back(local: Place, at: type[Screen]):
    screen = at(local.job("sh", "-c", "stty raw -echo; echo set; sleep .2", interactive=True))
    screen.shows("set")
    assert not termios.tcgetattr(screen.slave)[3] & termios.ICANON, "raw while it runs"
    screen.shows("END 0")
    until(lambda: termios.tcgetattr(screen.slave) == screen.before)


def test_ctrl_c_is_the_tasks(local: Place, at: type[Screen]):
    text = (
        "import time\n"
        "try:\n"
        "    print('ready')\n"
        "    time.sleep(60)\n"
        "except KeyboardInterrupt:\n"
        "    print('interrupted'); raise SystemExit(5)"
    )
    screen = at(local.job("python3", "-c", text, interactive=True))
    screen.shows("ready")
    screen.type(b"\x03")
    screen.shows("interrupted")
    screen.shows("END 5")


def test_it_has_a_controlling_terminal_and_its_size(local: Place, at: type[Screen]):
    text = "stty size </dev/tty; read _; stty size </dev/tty"
    screen = at(local.job("sh", "-c", text, interactive=True))
    screen.shows("30 100")
    screen.resize(41, 77)
    time.sleep(0.6)
    screen.type(b"\r")
    screen.shows("41 77")
    screen.shows("END 0")


def test_much_output_comes_whole(local: Place, at: type[Screen]):
    text = "for n in range(20000): print(f'line {n}')"
    screen = at(local.job("python3", "-c", text, interactive=True))
    screen.shows("END 0")
    lines = re.findall(rb"line (\d+)\r\n", screen.job.stdout.read_bytes())
    assert [int(n) for n in lines] == list(range(20000))
    assert screen.text.count("line ") == 20000


def test_much_input_comes_whole(local: Place, at: type[Screen]):
    text = "import sys; print('ready'); print(sum(len(sys.stdin.readline()) for n in range(500)))"
    screen = at(local.job("python3", "-c", text, interactive=True))
    screen.shows("ready")
    for n in range(500):
        screen.type(b"%099d\r" % n)
        screen.shows(f"{n:099d}")
    screen.shows("50000")
    screen.shows("END 0")


def test_a_command_that_does_not_exist(local: Place, at: type[Screen]):
    screen = at(local.job("datmo-no-such-program", interactive=True))
    screen.shows("END 127 None there is no command")
    assert termios.tcgetattr(screen.slave) == screen.before


def test_a_script_without_an_interpreter(local: Place, at: type[Screen]):
    job = local.job("./script", files={"script": "echo a script; exit 6\n"}, interactive=True)
    (job.tree / "script").chmod(0o755)
    screen = at(job)
    screen.shows("a script")
    screen.shows("END 6")


def test_a_closed_window_ends_it(local: Place, at: type[Screen]):
    screen = at(local.job("sh", "-c", "echo $$ >pid; echo ready; sleep 600", interactive=True))
    screen.shows("ready")
    pid = int((screen.job.tree / "pid").read_text())
    screen.caller.kill()
    until(lambda: not os.path.exists(f"/proc/{pid}"))


def test_without_a_terminal_it_takes_the_callers_input(local: Place):
    job = local.job("sh", "-c", "cat; echo err >&2", interactive=True)
    given = job.room / "job.pickle"
    given.write_bytes(pickle.dumps(job))
    text = CALLER.replace(" {os.get_terminal_size(0).columns}", "")
    done = subprocess.run(
        [sys.executable, "-c", text, str(given)], input=b"from a pipe", capture_output=True
    )
    assert done.stdout.startswith(b"END 0")
    assert job.stdout.read_bytes() == b"from a pipe"
    assert job.stderr.read_bytes() == b"err\n"
