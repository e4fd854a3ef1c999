"""Asking a host over ssh for the way into its Git LFS server: `git-lfs-authenticate`."""

from __future__ import annotations

import re
import shlex
import subprocess
from typing import TypedDict

import orjson

from git_datmo.errors import RemoteError
from git_datmo.remotes.lfs.headers import headers_of
from git_datmo.remotes.lfs.http import checked
from git_datmo.remotes.sshaddress import SshAddress
from git_datmo.remotes.sshprogram import ssh_command
from git_datmo.storage.git import Git

MOST_BYTES = 65_536
SECONDS = 120
# What hosts say that know git and not this command.
_UNKNOWN = re.compile(r"git-lfs-authenticate\S*:? (?:command )?not found|unknown command", re.I)


class Given(TypedDict):
    """What the host said; all of it may be missing."""

    href: str | None
    header: dict[str, str]
    expires_in: object
    expires_at: object


def authenticate(git: Git, address: SshAddress, operation: str) -> Given | None:
    """What to show to the Git LFS server of a host; None when it does not know the command.

    Raises RemoteError with what ssh or the host said.
    """
    command = f"git-lfs-authenticate {shlex.quote(address.path)} {operation}"
    try:
        done = subprocess.run(
            ssh_command(git, address, command),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=git.env,
            timeout=SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise RemoteError(f"ssh to {address.host} failed: {error}") from error
    said = done.stderr.decode(errors="replace").strip()
    if done.returncode == 127 or (done.returncode not in (0, 255) and _UNKNOWN.search(said)):
        return None
    if done.returncode != 0:
        last = said.splitlines()[-1] if said else f"exit {done.returncode}"
        raise RemoteError(
            f"{address.host} gives no way into its Git LFS server over ssh: {last}",
            hint=f"try: ssh {address.target} {command}",
        )
    return _read(done.stdout[: MOST_BYTES + 1], address)


def _read(out: bytes, address: SshAddress) -> Given:
    try:
        # A login shell may have said something before.
        found = orjson.loads(out[max(out.find(b"{"), 0) :])
        if len(out) > MOST_BYTES or not isinstance(found, dict):
            raise ValueError("it is no small JSON object")
        href = found.get("href") or None
        if href is not None and not isinstance(href, str):
            raise ValueError("'href' is no text")
        header = headers_of(found.get("header"))
    except ValueError as error:
        raise RemoteError(
            f"what {address.host} answered to git-lfs-authenticate cannot be read: {error}"
        ) from error
    if href is not None:
        checked(href, f"ssh://{address.host}")
    return Given(
        href=href,
        header=header,
        expires_in=found.get("expires_in"),
        expires_at=found.get("expires_at"),
    )
