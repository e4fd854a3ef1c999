"""The terminal while a task runs: bytes pass unchanged, our lines keep out of their way."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

SPEAKING = """
from git_datmo.ui.live import Live
with Live({flags}) as live:
    live.report("step 1/2\\n\\nstep 2/2 \\x1b[2J")
    live.output("stdout", b"\\x00\\xff\\x1b[31mred\\r\\n")
    live.output("stderr", b"no end")
    live.output("stdout", b"")
    live.say(["run 12ab: success"])
    live.close()
"""


def spoken(flags: str = "") -> tuple[bytes, bytes]:
    done = subprocess.run(
        [sys.executable, "-c", SPEAKING.format(flags=flags)], capture_output=True, check=True
    )
    return done.stdout, done.stderr


def test_streams_are_kept_apart_byte_for_byte():
    assert spoken() == (
        b"\x00\xff\x1b[31mred\r\n",
        b"step 1/2\nstep 2/2 \\x1b[2J\nno endrun 12ab: success\n",
    )


def test_quiet_is_the_task_alone():
    assert spoken("quiet=True") == (b"\x00\xff\x1b[31mred\r\n", b"no end")


def test_apart_leaves_standard_output_to_a_document():
    out, err = spoken("apart=True")
    assert out == b""
    assert b"\x00\xff\x1b[31mred\r\nno end" in err


def on_a_terminal(script: str, tmp_path: Path) -> bytes:
    """What a terminal is sent by a Python script whose three streams are that terminal."""
    file = tmp_path / "script.py"
    file.write_text(script)
    leader, follower = pty.openpty()
    environ = {**os.environ, "COLUMNS": "20"}
    child = subprocess.Popen(
        [sys.executable, str(file)],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        env=environ,
    )
    os.close(follower)
    seen = b""
    try:
        while piece := os.read(leader, 65536):
            seen += piece
    except OSError:
        pass  # Linux says so when the last writer is gone
    os.close(leader)
    assert child.wait() == 0, seen
    return seen


def test_on_a_terminal_reports_replace_each_other(tmp_path: Path):
    script = """
from git_datmo.ui.live import Live
with Live() as live:
    live.report("step one of a build that says a lot")
    live.report("step two")
    live.output("stdout", b"no end")
    live.say(["done"])
    live.report("tidying")
"""
    assert on_a_terminal(script, tmp_path) == (
        b"\r\x1b[Kstep one of a buil\xe2\x80\xa6"
        b"\r\x1b[K\r\x1b[Kstep two"
        b"\r\x1b[Kno end\r\ndone\r\n"
        b"\r\x1b[Ktidying\r\x1b[K"
    )


def test_a_bar_makes_room_for_output(tmp_path: Path):
    script = """
import time
from git_datmo.ui import progress
from git_datmo.ui.live import Live
progress.DELAY = 0
with Live() as live:
    live.advance(1000)
    live.output("stdout", b"mine\\n")
    time.sleep(0.3)
    live.output("stdout", b"and mine\\n")
"""
    seen = on_a_terminal(script, tmp_path)
    assert seen.endswith(b"mine\r\nand mine\r\n")
    assert b"reading" in seen


def test_a_reader_that_goes_away_ends_nothing():
    script = """
import os, sys
from git_datmo.ui.live import Live
with Live() as live:
    live.output("stdout", b"x" * 10)
    sys.stdin.read(1)
    for _ in range(3):
        live.output("stdout", b"y" * 100000)
    live.output("stderr", b"still here\\n")
"""
    child = subprocess.Popen(
        [sys.executable, "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert child.stdout is not None
    assert child.stdout.read(10) == b"x" * 10
    child.stdout.close()
    assert child.stdin is not None
    child.stdin.write(b"1")
    child.stdin.close()
    assert child.stderr is not None
    said = child.stderr.read()
    assert child.wait() == 0
    assert said == (
        b"note: standard output: Broken pipe; the run goes on with its log\nstill here\n"
    )


def test_a_pipe_that_is_full_is_waited_for():
    script = """
import os
from git_datmo.ui.live import Live
os.set_blocking(1, False)
with Live() as live:
    live.output("stdout", b"z" * 1000000)
"""
    child = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    assert child.stdout is not None
    assert len(child.stdout.read()) == 1000000
    assert child.wait() == 0
