"""The marked blocks of a page: shell that is run, and lines that it prints.

`<!-- run -->` marks a shell block: the blocks of one page run one after another in one shell. The
lines of a `<!-- prints -->` block appear, in order, in what came before it.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

MARKED = re.compile(r"^<!-- (run|prints) -->\n```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def assert_it_does_what_it_says(page: Path, folder: Path, seconds: int = 120) -> None:
    """Run the blocks of a page in `folder` and look for what they are to print."""
    blocks = MARKED.findall(page.read_text())
    script = "\n".join(text for kind, text in blocks if kind == "run")
    beside = os.path.dirname(sys.executable)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env={**os.environ, "PATH": f"{beside}:{os.environ['PATH']}", "PYTHON": sys.executable},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=seconds,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    rest = iter(done.stdout.splitlines())
    for kind, text in blocks:
        for line in text.splitlines() if kind == "prints" else ():
            assert not line or line in rest, f"{line!r} is not printed (there):\n{done.stdout}"
