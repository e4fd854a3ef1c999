"""Processes of the program that need not load it first: most of what a short command costs.

A process that has the program's modules loaded forks once for each command. What is forked gets
the arguments, the environment, the current directory and the streams of that command, then does
what `python -m git_datmo` does: it has its own id, memory, signals and exit code.

What a process inherits besides those (its limits, its umask) is that of the first command.
This file is also what runs in the loaded process, so it imports nothing but the standard library.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import pkgutil
import runpy
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

# Read when an interpreter starts or a library is loaded: another value needs another start.
READ_EARLY = ("PYTHON", "LC_", "LANG", "LD_", "SSL_", "OPENSSL_", "TZ", "MALLOC_")
# Large, and for few commands; `compat` names itself by other names when it is loaded.
NOT_LOADED = ("__main__", "compat", "demo", "sdk", "ui.web", "runners.docker", "runners.local.site")
LIBRARIES = ("pygit2", "click.shell_completion", "orjson", "ssl", "uuid", "platform", "ctypes")
PIPE = 1 << 16  # bytes that a pipe takes before somebody reads


class Spawner:
    """The loaded process, for the process that made it: one that was forked off has none."""

    def __init__(self) -> None:
        self.owner = os.getpid()
        self.early = _early(os.environ)
        self._lock = threading.Lock()
        self._control, theirs = socket.socketpair()
        with theirs:
            words = [sys.executable, __file__, str(theirs.fileno())]
            # Pipes, as each command will have: what is asked of a stream once stays true.
            self._process = subprocess.Popen(
                words,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=[theirs.fileno()],
            )

    def close(self) -> None:
        """End the loaded process; what came from it lives on."""
        self._control.close()
        self._process.communicate()

    def suits(self, environment: Mapping[str, str]) -> bool:
        """Whether a process with this environment can come from here."""
        return self.owner == os.getpid() and self.early == _early(environment)

    def run(
        self,
        module: str,
        words: Sequence[str],
        *,
        cwd: Path | None,
        env: Mapping[str, str],
        input: bytes,
        timeout: float,
    ) -> subprocess.CompletedProcess[bytes]:
        """`python -m module words`, as `subprocess.run` would run and tell it."""
        with contextlib.ExitStack() as opened:
            folder = os.open(cwd or ".", os.O_RDONLY | os.O_DIRECTORY)
            opened.callback(os.close, folder)
            channel, theirs = socket.socketpair()
            opened.enter_context(channel)
            (stdin, feed), (out, stdout), (err, stderr) = (os.pipe() for _ in range(3))
            given = [folder, stdin, stdout, stderr, theirs.fileno()]
            with self._lock:
                socket.send_fds(self._control, [b"."], given)
            for end in (stdin, stdout, stderr):
                os.close(end)
            theirs.close()
            request = {"module": module, "words": list(words), "env": dict(env)}
            channel.sendall(json.dumps(request).encode())
            channel.shutdown(socket.SHUT_WR)
            if len(input) < PIPE:
                _feed(feed, input)
            else:
                threading.Thread(target=_feed, args=(feed, input), daemon=True).start()
            answer = channel.makefile("r", encoding="ascii")
            opened.enter_context(answer)
            pid = int(answer.readline())
            try:
                said = _read(out, err, time.monotonic() + timeout)
            except TimeoutError:
                os.kill(pid, signal.SIGKILL)
                answer.readline()
                raise subprocess.TimeoutExpired(list(words), timeout) from None
            return subprocess.CompletedProcess(list(words), int(answer.readline()), *said)


def _early(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name.startswith(READ_EARLY)}


def _feed(pipe: int, data: bytes) -> None:
    # A program may end without having read what it was given.
    with contextlib.suppress(BrokenPipeError), open(pipe, "wb", buffering=0) as file:
        while data:
            data = data[file.write(data) :]


def _read(out: int, err: int, deadline: float) -> tuple[bytes, bytes]:
    """All that comes out of two pipes, which are closed then."""
    found = {out: bytearray(), err: bytearray()}
    with selectors.DefaultSelector() as selector:
        for pipe in found:
            selector.register(pipe, selectors.EVENT_READ)
        try:
            while selector.get_map():
                ready = selector.select(deadline - time.monotonic())
                if not ready:
                    raise TimeoutError
                for key, _ in ready:
                    data = os.read(key.fd, PIPE)
                    found[key.fd] += data
                    if not data:
                        selector.unregister(key.fd)
        finally:
            for pipe in found:
                os.close(pipe)
    return bytes(found[out]), bytes(found[err])


def load() -> None:
    """Import what commands import."""
    import git_datmo

    skipped = tuple(f"git_datmo.{name}" for name in NOT_LOADED)
    for found in pkgutil.walk_packages(git_datmo.__path__, "git_datmo."):
        if not found.name.startswith(skipped):
            importlib.import_module(found.name)
    for name in LIBRARIES:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()


def serve(control: socket.socket) -> None:
    """Fork for each command that is asked for; returns in each process that is to be one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        asked, given, _, _ = socket.recv_fds(control, 1, 5)
        if not asked:
            os._exit(0)
        if os.fork() == 0 and watch(given):
            return
        for descriptor in given:
            os.close(descriptor)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


def watch(given: list[int]) -> bool:
    """Fork the program and tell of its end; returns in the program alone."""
    with socket.socket(fileno=given[4]) as channel:
        data = b""
        while part := channel.recv(PIPE):
            data += part
        child = os.fork()
        if child:
            channel.sendall(b"%d\n" % child)
            for descriptor in given[1:4]:
                os.close(descriptor)
            code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            channel.sendall(b"%d\n" % code)
            os._exit(0)
    become(json.loads(data), *given[:4])
    return True


def become(request: dict[str, Any], folder: int, *streams: int) -> None:
    """Make this process the one that was asked for."""
    import pygit2
    from pygit2.enums import ConfigLevel

    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    os.fchdir(folder)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(request["env"])
    sys.argv = ["-m", *request["words"]]
    sys.orig_argv = [sys.executable, "-m", request["module"], *request["words"]]
    try:
        sys.path.insert(0, os.getcwd())
    except FileNotFoundError:
        sys.path.insert(0, "")
    # libgit2 looked for the user's settings when it was loaded.
    for level in (
        ConfigLevel.PROGRAMDATA,
        ConfigLevel.SYSTEM,
        ConfigLevel.XDG,
        ConfigLevel.GLOBAL,
    ):
        pygit2.settings.search_path[level] = None  # type: ignore[assignment]


def work() -> int:
    """What `python -m` does; the exit code."""
    try:
        runpy.run_module(sys.orig_argv[2], run_name="__main__", alter_sys=True)
    except SystemExit as done:
        if done.code is None or isinstance(done.code, int):
            return done.code or 0
        print(done.code, file=sys.stderr)
        return 1
    except BaseException:  # noqa: BLE001 -- the interpreter would print it too
        sys.excepthook(*sys.exc_info())
        return 1
    return 0


def end(code: int) -> None:
    """End as an interpreter does, but let the system take the memory, not piece by piece: that
    takes longer than most commands."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        if stream is not None and not stream.closed:
            try:
                stream.flush()
            except OSError as error:
                code = 120
                print(f"Exception ignored in: {stream!r}\n{error!r}", file=sys.stderr)
    os._exit(code & 0xFF)


if __name__ == "__main__":
    del sys.path[0]
    load()
    serve(socket.socket(fileno=int(sys.argv[1])))
    end(work())
