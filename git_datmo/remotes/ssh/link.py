"""One connection to the agent at the far end."""

from __future__ import annotations

import contextlib
import json
import os
import re
import struct
import subprocess
import threading
from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import Any, NoReturn

from git_datmo.errors import RemoteError
from git_datmo.model.frozen import frozen
from git_datmo.remotes.ssh.agent import MAGIC, MESSAGE_LIMIT
from git_datmo.remotes.ssh.pipes import Pipes
from git_datmo.remotes.sshaddress import SshAddress
from git_datmo.remotes.sshprogram import ssh_command
from git_datmo.storage.git import Git

# A connection that died without a word is noticed within 45 seconds.
ALIVE = ("ServerAliveInterval=15", "ServerAliveCountMax=3")
# Nothing in it means anything to any login shell.
START = "python3 -ISc 'import sys;r=sys.stdin.buffer;exec(r.read(int(r.readline())))'"
MODULES = ("fardisk", "farstore", "farpart", "agent")
# Greetings of login scripts are passed over up to so many bytes.
NOISE = 1 << 20
CLOSING = 30  # seconds; what came whole is flushed to the disk there first
GREETING = 60  # seconds from the first word of a host to the agent's

_NO_COMMANDS = re.compile(
    "request failed on channel|shell access|(unknown|unrecognized|invalid|not a git) command", re.I
)
_ODD = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class Cut(Exception):
    """The connection ended in the middle; another may go on."""


@frozen
class NoAgent:
    """The host was reached, and runs no agent: in its own words."""

    reason: str


class Link:
    """A running agent. Only one thread may use it at a time."""

    def __init__(self, command: Sequence[str], env: dict[str, str], address: SshAddress) -> None:
        self._address = address
        try:
            self._process = subprocess.Popen(
                command,
                env=env,
                bufsize=0,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
        except OSError as error:
            raise RemoteError(
                f"cannot run {command[0]}: {error.strerror}", hint="install OpenSSH's client"
            ) from error
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._ends = (self._process.stdout, self._process.stdin)
        self._pipes = Pipes(self._process.stdin.fileno(), self._process.stdout.fileno())
        # Guards the pipes against being closed while another thread stops them.
        self._closing = threading.Lock()
        self._said = b""
        self._listening = threading.Thread(target=self._listen, daemon=True)
        self._listening.start()

    def _listen(self) -> None:
        assert self._process.stderr is not None
        with contextlib.suppress(ValueError, OSError):
            while data := os.read(self._process.stderr.fileno(), 4096):
                # A security key waits for a touch, which only ssh knows of.
                if data.startswith(b"Confirm user presence") and os.isatty(2):
                    os.write(2, data)
                self._said = (self._said + data)[-16_384:]

    def hello(self, repository: bool) -> NoAgent | None:
        """Start the agent and open the store. Raises RemoteError when ssh or the agent fails."""
        text = program()
        try:
            self._pipes.write(b"%d\n" % len(text) + text)
            self._pipes.flush()
        except OSError:
            pass  # what came back tells why
        heard, patience = 0, threading.Timer(GREETING, self.kill)
        try:
            while not (line := self._pipes.line(NOISE)).endswith(MAGIC):
                if not heard:
                    patience.start()
                heard += len(line)
                if not line:
                    return self._refused()
                if heard >= NOISE:
                    self.kill()
                    return NoAgent(f"it sends {heard} bytes of something else")
        finally:
            patience.cancel()
        self.ask(do="open", path=self._address.path, repository=repository)
        return None

    def _refused(self) -> NoAgent:
        """Why there is no agent, when the host says so. Raises RemoteError when ssh does."""
        code, said = self._ended()
        if (code == 255 and not _NO_COMMANDS.search(said)) or "FATAL ERROR: " in said:
            where = self._address
            port = f"-p {where.port} " if where.port else ""
            raise RemoteError(
                f"cannot reach {where.target} over ssh: {said or 'it ended without a word'}",
                hint=f"see whether this works: ssh {port}{where.target}",
            )
        if code < 0:
            said = said or "it talks, and starts no python3"
        return NoAgent(said or f"the command ended with exit code {code}")

    def _ended(self) -> tuple[int, str]:
        """The exit code, and the last that ssh or the host said."""
        with self._closing:
            self._pipes.close()
            for stream in self._ends:
                with contextlib.suppress(OSError):
                    stream.close()
        try:
            code = self._process.wait(CLOSING)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        self._listening.join(1)
        lines = [line.strip() for line in self._said.decode(errors="replace").splitlines()]
        return code, "; ".join(_ODD.sub("", line) for line in [x for x in lines if x][-2:])

    def ask(self, **message: object) -> dict[str, Any]:
        """Send a message and return the answer. Raises Cut, RemoteError."""
        self.send(message)
        return self.answer()

    def send(self, *messages: dict[str, Any]) -> None:
        """Send messages that are answered in their order. Raises Cut, RemoteError."""
        self.write(b"".join(self.message(**message) for message in messages))
        self.flush()

    @staticmethod
    def message(**parts: object) -> bytes:
        """A message as it goes over the wire."""
        data = json.dumps(parts).encode()
        return struct.pack(">I", len(data)) + data

    def write(self, data: bytes) -> None:
        """Send bare bytes. Raises Cut, RemoteError."""
        try:
            self._pipes.write(data)
        except OSError:
            self._explain()

    def flush(self) -> None:
        """Let nothing that was written wait here. Raises Cut, RemoteError."""
        try:
            self._pipes.flush()
        except OSError:
            self._explain()

    def _explain(self) -> NoReturn:
        """The far end is gone. Its last answer may say why."""
        while True:
            self.answer()

    def answer(self) -> dict[str, Any]:
        """The next answer. Raises Cut; RemoteError for an error, or an answer that is none."""
        length = struct.unpack(">I", self.exactly(4))[0]
        if length > MESSAGE_LIMIT:
            raise self._nonsense(f"{length} bytes")
        data = self.exactly(length)
        try:
            said = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise self._nonsense(str(error)) from error
        if not isinstance(said, dict):
            raise self._nonsense(type(said).__name__)
        if "error" in said:
            raise self._trouble(str(said["error"]), _ODD.sub("", str(said.get("message"))))
        return said

    def amount(self, said: object, most: int) -> int:
        """A number in an answer, from 0 to `most`. Raises RemoteError for anything else."""
        if not isinstance(said, int) or not 0 <= said <= most:
            raise self._nonsense(f"{said!r} where at most {most} can be")
        return said

    def exactly(self, count: int) -> bytes:
        """The next bytes. Raises Cut when there are fewer."""
        data = self._pipes.read(count)
        if len(data) < count:
            _, said = self._ended()
            raise Cut(f"the connection to {self._address.host} was cut{': ' if said else ''}{said}")
        return data

    def _nonsense(self, what: str) -> RemoteError:
        self.kill()
        return RemoteError(f"{self._address} gave an answer that makes no sense: {what}")

    def _trouble(self, kind: str, message: str) -> RemoteError:
        if kind == "space":
            hint = "make room there, then push again: what arrived is kept"
            return RemoteError(f"{self._address}: no space left ({message})", hint=hint)
        if kind == "permission":
            hint = "ask its owner for the right to write"
            return RemoteError(f"{self._address}: no permission ({message})", hint=hint)
        if kind == "repository":
            hint = "check the path, or make one there: git init --bare"
            return RemoteError(f"{self._address}: {message}", hint=hint)
        return RemoteError(f"{self._address}: {message}")

    def close(self) -> None:
        """Hang up, after the far end has put away what came whole."""
        with contextlib.suppress(OSError):
            self._pipes.flush()
        self._ended()

    def kill(self) -> None:
        """Hang up at once; whoever waits for an answer is told of a cut. Any thread may do it."""
        with self._closing:
            self._pipes.stop()
            self._process.kill()


def connect(
    git: Git, address: SshAddress, *, repository: bool, settings: Sequence[str] = ()
) -> Link | NoAgent:
    """Start an agent that has the store open. `settings` are added to ssh's own.

    Raises RemoteError when the host cannot be reached, or has no such repository.
    """
    command = ssh_command(git, address, START, (*ALIVE, *settings))
    link = Link(command, git.env, address)
    try:
        refused = link.hello(repository)
    except Cut as cut:
        link.close()
        raise RemoteError(str(cut), hint="try again") from cut
    except BaseException:
        link.kill()
        link.close()
        raise
    if refused is not None:
        link.close()
        return refused
    return link


@cache
def program() -> bytes:
    """The agent's modules as one program that any python3 can run."""
    package = __package__ or ""
    files = resources.files(package)
    texts = [(f"{package}.{n}", (files / f"{n}.py").read_text("utf-8")) for n in MODULES]
    return f"""import os, sys, types
if sys.version_info < (3, 6):
    sys.exit("its python3 is older than 3.6")
for name, text in {texts!r}:
    module = types.ModuleType(name)
    sys.modules[name] = module
    exec(compile(text, name, "exec"), module.__dict__)
module.Session().serve()
os._exit(0)
""".encode()
