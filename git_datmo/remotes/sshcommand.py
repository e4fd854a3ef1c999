"""The ssh program as git would run it for this repository."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePath

from git_datmo.errors import RemoteError
from git_datmo.remotes.sshaddress import SshAddress
from git_datmo.storage.config import Config
from git_datmo.storage.git import Git

_KNOWN = {"ssh": "ssh", "plink": "plink", "putty": "putty", "tortoiseplink": "tortoiseplink"}


@dataclass(frozen=True)
class SshCommand:
    """What reaches one host: GIT_SSH_COMMAND, core.sshCommand, GIT_SSH or `ssh`, in this order,
    with the arguments its variant understands. `git` is the repository whose settings hold."""

    git: Git
    address: SshAddress

    @property
    def env(self) -> dict[str, str]:
        """The environment to run it in."""
        return self.git.env

    @cached_property
    def _config(self) -> Config:
        return Config(self.git, None)

    @cached_property
    def _program(self) -> tuple[str, bool]:
        """The program, and whether it is a line for the shell."""
        line = self.env.get("GIT_SSH_COMMAND") or self._config.get("core.sshCommand")
        if line:
            return line, True
        return self.env.get("GIT_SSH") or "ssh", False

    @property
    def words(self) -> list[str]:
        """The program, ready for arguments to follow."""
        program, shell = self._program
        return ["sh", "-c", f'{program} "$@"', program] if shell else [program]

    @cached_property
    def variant(self) -> str:
        """`ssh`, `plink`, `putty`, `tortoiseplink`, or `simple`, which knows no options.

        GIT_SSH_VARIANT and ssh.variant say it, else the program's name, else its answer to -G.
        """
        said = self.env.get("GIT_SSH_VARIANT") or self._config.get("ssh.variant") or "auto"
        if said != "auto":
            return said if said in _KNOWN or said == "simple" else "ssh"
        program, shell = self._program
        try:
            first = next(iter(shlex.split(program)), "") if shell else program
        except ValueError:
            first = ""
        name = PurePath(first).name.lower().removesuffix(".exe")
        if name in _KNOWN:
            return _KNOWN[name]
        probe = [*self.words, "-G", *self._port("ssh"), self.address.target]
        try:
            done = subprocess.run(
                probe,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                check=False,
            )
        except OSError:
            return "simple"
        return "ssh" if done.returncode == 0 else "simple"

    def arguments(self, command: str, settings: Sequence[str] = ()) -> list[str]:
        """The whole argument list that has the host's shell run `command`.

        `settings` are `Name=value` of ssh's configuration, left out where the program is not
        OpenSSH. Raises RemoteError when the address has a port and the program knows none.
        """
        variant = self.variant
        options = self._port(variant)
        if variant == "ssh":
            options += [word for setting in settings for word in ("-o", setting)] + ["--"]
        if variant == "tortoiseplink":
            options.insert(0, "-batch")
        return [*self.words, *options, self.address.target, command]

    def _port(self, variant: str) -> list[str]:
        if self.address.port is None:
            return []
        if variant == "simple":
            raise RemoteError(
                f"'{self._program[0]}' cannot be told the port of {self.address}",
                hint="git config ssh.variant ssh, if it takes the options of OpenSSH",
            )
        return ["-p" if variant == "ssh" else "-P", str(self.address.port)]
