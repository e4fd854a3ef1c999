"""What a user of t9k.em sees while a script works: one line each on stderr."""

from __future__ import annotations

import sys
from contextlib import suppress


def info(message: str) -> None:
    """Say something in passing."""
    _say("INFO", message)


def warning(message: str) -> None:
    """Say what is not as it was asked for."""
    _say("WARNING", message)


def error(message: str) -> None:
    """Say what failed, where the script goes on all the same."""
    _say("ERROR", message)


def _say(level: str, message: str) -> None:
    # A script whose terminal has gone, or that closed stderr, goes on.
    with suppress(OSError, ValueError, AttributeError):
        sys.stderr.write(f"EM {level}: {message}\n")
        sys.stderr.flush()
