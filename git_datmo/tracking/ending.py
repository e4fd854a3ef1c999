"""How a program ends: what an exception means for the run that it is."""

from __future__ import annotations

import sys

INTERRUPTED = 130


def ending(error: BaseException | None) -> tuple[int, str | None]:
    """The exit code and the reason that an exception means."""
    if error is None:
        return 0, None
    if isinstance(error, SystemExit):
        code = error.code
        if code is None or isinstance(code, int):
            return int(code or 0), None
        return 1, str(code)
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED, "interrupted"
    import traceback

    return 1, traceback.format_exception_only(error)[-1].strip()


def last_error() -> BaseException | None:
    """The exception that nobody caught, as Python notes it before it ends."""
    error = getattr(sys, "last_value", None)
    return error if isinstance(error, BaseException) else None
