"""`python -m git_datmo` and the `git-datmo` program."""

from __future__ import annotations

import atexit
import gc
import os
import sys


def main() -> None:
    """Run the command line and end the process with its exit code."""
    # A command is over before there is much to collect; what lives long collects all the same.
    gc.set_threshold(20_000, 20, 100)
    from git_datmo.cli.main import main as run

    _end(run(sys.argv[1:]))


def _end(code: int) -> None:
    """Exit without taking every module apart first, which is a sixth of a short command."""
    threads = sys.modules.get("threading")
    if threads is not None and threads.active_count() > 1:
        sys.exit(code)
    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):  # full, or closed
        sys.exit(code)
    os._exit(code)


if __name__ == "__main__":
    main()
