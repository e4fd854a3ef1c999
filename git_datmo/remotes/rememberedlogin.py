"""What was typed when git asked for a password, remembered until this process ends.

One command of ours is many commands of git, some at the same time, and each would ask. Where the
user has no credential helper, git's own in-memory one is lent to them; it is told to forget, and
ends, with this process.
"""

from __future__ import annotations

import atexit
import os
import shlex
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from git_datmo.storage.git import Git, environment

# Ends by itself when this process was killed, so many seconds after the last use.
SECONDS = 3600
_HELPERS = r"^credential\.(.*\.)?helper$"
_ASKING = ("GIT_ASKPASS", "SSH_ASKPASS")


def helper(git: Git, given: dict[str, str]) -> str | None:
    """The `credential.helper` to add, or None where nobody can be asked or somebody remembers.

    `given` are the variables with which git's configuration is read.
    """
    if not _somebody_can_be_asked(git, given):
        return None
    _, out, _ = git.attempt("config", "--get-regexp", "-z", _HELPERS, env=given)
    if any(entry.partition(b"\n")[2] for entry in out.split(b"\0")):
        return None
    folder = _folder()
    if folder is None:
        return None
    return f"cache --timeout={SECONDS} --socket={shlex.quote(os.fspath(folder / 'socket'))}"


def _somebody_can_be_asked(git: Git, given: dict[str, str]) -> bool:
    if any(os.environ.get(name) for name in _ASKING):
        return True
    if os.environ.get("GIT_TERMINAL_PROMPT", "1").lower() not in ("0", "false", "no", "off"):
        try:
            os.close(os.open("/dev/tty", os.O_RDWR | os.O_CLOEXEC | os.O_NOCTTY))
        except OSError:
            pass
        else:
            return True
    return git.attempt("config", "core.askPass", env=given)[0] == 0


@cache
def _folder() -> Path | None:
    """A folder that nobody else can enter; None where git's helper is not installed."""
    where = subprocess.run(
        ["git", "--exec-path"], capture_output=True, env=environment(), check=False
    )
    programs = os.fsdecode(where.stdout.removesuffix(b"\n"))
    if shutil.which("git-credential-cache", path=programs) is None:
        return None
    folder = Path(tempfile.mkdtemp(prefix="git-datmo-"))
    atexit.register(_forget, folder, os.getpid())
    return folder


def _forget(folder: Path, owner: int) -> None:
    if os.getpid() != owner:
        return
    socket = folder / "socket"
    if socket.exists():
        words = ["git", "credential-cache", f"--socket={socket}", "exit"]
        subprocess.run(
            words, stdin=subprocess.DEVNULL, capture_output=True, env=environment(), check=False
        )
    shutil.rmtree(folder, ignore_errors=True)
