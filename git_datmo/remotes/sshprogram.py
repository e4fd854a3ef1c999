"""The user's own ssh program, found and run as git would run it."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Sequence
from pathlib import PurePath

from git_datmo.errors import RemoteError, UsageError
from git_datmo.remotes.sshaddress import SshAddress
from git_datmo.storage.config import Config
from git_datmo.storage.git import Git

PROBE_SECONDS = 10
_KNOWN = {"ssh": "ssh", "plink": "plink", "putty": "plink", "tortoiseplink": "tortoiseplink"}


def ssh_command(
    git: Git, address: SshAddress, command: str, settings: Sequence[str] = ()
) -> list[str]:
    """The argument list that runs `command`, a line for the login shell there, on a host.

    `settings` are `Name=value` of ssh's configuration, left out where the program is not OpenSSH.
    Raises RemoteError for a port that the user's program cannot be told, UsageError for a
    variant that git does not know.
    """
    config = Config(git, None)
    line, program, start = _program(config)
    variant = _variant(config, line, program, start, address)
    options = [word for name in settings for word in ("-o", name)] if variant == "ssh" else []
    if variant == "tortoiseplink":
        options.append("-batch")
    if address.port is not None:
        if variant == "simple":
            raise RemoteError(
                f"the ssh program {line or program} takes no port, and {address} has one",
                hint="git config ssh.variant ssh, if it is OpenSSH under another name",
            )
        options += ["-p" if variant == "ssh" else "-P", str(address.port)]
    return [*start, *options, address.target, command]


def is_openssh(git: Git, address: SshAddress) -> bool:
    """Whether the user's program takes OpenSSH's settings. Raises UsageError."""
    config = Config(git, None)
    return _variant(config, *_program(config), address) == "ssh"


def _program(config: Config) -> tuple[str | None, str, list[str]]:
    """The user's line for the shell if there is one, else the program; and how it is started."""
    line = os.environ.get("GIT_SSH_COMMAND") or config.get("core.sshCommand")
    program = os.environ.get("GIT_SSH") or "ssh"
    # The shell gets the line as the user wrote it, and our words as its arguments.
    start = ["sh", "-c", f'{line} "$@"', line] if line else [program]
    return line, program, start


def _variant(
    config: Config, line: str | None, program: str, start: list[str], address: SshAddress
) -> str:
    named = (os.environ.get("GIT_SSH_VARIANT") or config.get("ssh.variant") or "auto").lower()
    if named != "auto":
        if named not in (*_KNOWN, "simple"):
            raise UsageError(
                f"git config ssh.variant is '{named}'",
                hint="it can be auto, ssh, simple, plink, putty or tortoiseplink",
            )
        return _KNOWN.get(named, named)
    word = _first_word(line) if line else program
    known = _KNOWN.get(re.sub(r"\.exe$", "", PurePath(word).name.lower()))
    return known or _asked(start, address)


def _first_word(line: str) -> str:
    try:
        words = shlex.split(line)
    except ValueError:
        return line
    return words[0] if words else line


def _asked(start: list[str], address: SshAddress) -> str:
    """OpenSSH prints its configuration for `-G`; what does not is taken to be simple."""
    try:
        done = subprocess.run(
            [*start, "-G", address.target],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PROBE_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return "simple"
    return "ssh" if done.returncode == 0 else "simple"
