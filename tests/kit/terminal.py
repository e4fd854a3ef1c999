"""The program on a terminal: what a user at a keyboard would see."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from collections.abc import Sequence
from pathlib import Path


def on_terminal(
    words: Sequence[str],
    *steps: tuple[str, str],
    cwd: Path | None = None,
    columns: int = 80,
) -> tuple[int, str]:
    """Run `git-datmo` with those words on a terminal of its own; the exit code, and all that was
    shown, with LF at the end of lines. Each step waits for a text after the one before has been
    answered, and types its answer; `\\x03` is Ctrl-C.
    """
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    child = subprocess.Popen(
        [sys.executable, "-m", "git_datmo", *words],
        cwd=cwd,
        stdin=follower,
        stdout=follower,
        stderr=follower,
        # Readline, when it is imported, sets COLUMNS behind the back of os.environ.
        env=dict(os.environ),
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    os.close(follower)
    seen = b""
    left = list(steps)
    answered = 0
    try:
        while piece := os.read(leader, 65536):
            seen += piece
            while left and left[0][0].encode() in seen[answered:]:
                answered = len(seen)
                os.write(leader, left.pop(0)[1].encode())
    except OSError:
        pass  # Linux says so when the last writer is gone
    os.close(leader)
    code = child.wait()
    shown = seen.decode(errors="replace").replace("\r\n", "\n")
    assert not left, f"never saw {left[0][0]!r} in:\n{shown}"
    return code, shown
