"""The end of every command: done, expected error, interrupted, or a bug."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from types import FrameType

import click

from git_datmo.errors import DatmoError

INTERRUPTED = 130


def guard(run: Callable[[], int]) -> int:
    """Run a command and turn whatever ends it into an exit code and one clear sentence."""
    for name in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, _leave)
    try:
        return run()
    except DatmoError as error:
        _tell(error.message, error.hint)
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted: nothing that was printed as done is affected", err=True)
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has seen enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except OSError as error:
        what = f"cannot use {os.fspath(error.filename)}" if error.filename else "cannot go on"
        _tell(f"{what}: {error.strerror or error}", None)
        return 4
    except Exception as error:
        told = _told(error)
        if told is not None:
            return told
        import traceback

        traceback.print_exc()
        _tell(
            f"this is a bug in git-datmo: {type(error).__name__}: {error}",
            "please report it with the lines above; nothing that was saved is affected",
        )
        return 70


def _told(error: BaseException | None) -> int | None:
    """The exit code where a signal is behind an error: Python 3.11 puts what is raised while a
    class is made, in an import say, into a RuntimeError."""
    while error is not None:
        if isinstance(error, KeyboardInterrupt):
            return INTERRUPTED
        if isinstance(error, SystemExit) and isinstance(error.code, int):
            return error.code
        error = error.__cause__ or error.__context__
    return None


def _tell(message: str, hint: str | None) -> None:
    from git_datmo.ui.escape import safe

    click.echo(f"error: {safe(message)}", err=True)
    if hint:
        click.echo(f"hint: {safe(hint, multiline=True)}", err=True)


def _leave(number: int, frame: FrameType | None) -> None:
    """Let `finally` blocks run, so that no lock is left behind."""
    raise SystemExit(128 + number)
