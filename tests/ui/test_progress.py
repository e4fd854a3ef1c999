"""Bars appear on a terminal, late, and leave nothing behind."""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys

import pytest

from git_datmo.ui.progress import DELAY, progress

PROBE = """
import sys, time
from git_datmo.ui.progress import progress
with progress("up[red]load\\x1b[2J", total=10, unit=sys.argv[1]) as p:
    p.advance(1)
    assert "rich" not in sys.modules
    time.sleep(float(sys.argv[2]))
    p.advance(4)
    time.sleep(0.2)
p.advance(1)
print("rich" in sys.modules)
"""


def on_terminal(unit: str, seconds: float) -> tuple[str, str]:
    """What the probe prints to stdout, and what it wrote to a terminal as its stderr."""
    leader, follower = pty.openpty()
    environ = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    with subprocess.Popen(
        [sys.executable, "-c", PROBE, unit, str(seconds)],
        stdout=subprocess.PIPE,
        stderr=follower,
        text=True,
        env=environ,
    ) as probe:
        os.close(follower)
        written = b""
        while True:
            try:
                piece = os.read(leader, 4096)
            except OSError:  # Linux: how the other end says it is gone
                piece = b""
            if not piece:
                break
            written += piece
        assert probe.stdout is not None
        out = probe.stdout.read()
    os.close(leader)
    assert probe.returncode == 0, written
    return out.strip(), written.decode()


def test_a_quick_job_shows_nothing() -> None:
    assert on_terminal("files", 0.0) == ("False", "")


@pytest.mark.parametrize(("unit", "amount"), [("files", "5/10"), ("B", "5/10 bytes")])
def test_a_long_job_shows_a_bar(unit: str, amount: str) -> None:
    out, written = on_terminal(unit, DELAY + 0.1)

    assert out == "True"
    assert amount in written
    assert r"up[red]load\x1b[2J" in written
    assert "\x1b[2J" not in written


def test_a_stream_that_is_no_terminal_gets_nothing() -> None:
    stream = io.StringIO()
    with progress("upload", total=2, stream=stream) as bar:
        bar.advance()
        bar.advance(1)

    assert stream.getvalue() == ""


def test_an_error_passes_through() -> None:
    with pytest.raises(KeyError), progress("upload", stream=io.StringIO(), enabled=True) as bar:
        bar.advance(1)
        raise KeyError
