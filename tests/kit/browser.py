"""A workspace as its user meets it: a program that was started, and an address that it printed."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

READY_SECONDS = 90
PROGRAM = [sys.executable, "-m", "git_datmo"]
URL = re.compile(r"http://127\.0\.0\.1:(\d+)/(?:lab|tree)\?token=([0-9a-f]{48})")
NOTEBOOK = {
    "cells": [{"cell_type": "markdown", "id": "a", "metadata": {}, "source": ["# found it"]}],
    "metadata": {},
    "nbformat": 4,
    "nbformat_minor": 5,
}


class Server:
    """What answers at the address of a notebook or a lab."""

    def __init__(self, url: str) -> None:
        match = URL.fullmatch(url)
        assert match is not None, url
        self.port, self.token = int(match[1]), match[2]

    def ask(
        self, path: str, *, method: str = "GET", body: Any = None, token: str | None = None
    ) -> tuple[int, Any]:
        """The status of an answer, and its document; an empty `token` sends none."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", method=method)
        if body is not None:
            request.data = json.dumps(body).encode()
        if token != "":
            request.add_header("Authorization", f"token {token or self.token}")
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as refused:
            return refused.code, None

    def save(self, name: str) -> None:
        """Save a notebook, as the page does."""
        body = {"type": "notebook", "format": "json", "content": NOTEBOOK}
        status, _ = self.ask(f"/api/contents/{name}", method="PUT", body=body)
        assert status in (200, 201)

    @property
    def is_gone(self) -> bool:
        try:
            self.ask("/api/status")
        except (urllib.error.URLError, ConnectionError):
            return True
        return False


class Opened:
    """`git datmo` with a workspace, in the foreground, until it prints its address."""

    def __init__(self, *words: str, cwd: Path, env: Mapping[str, str]) -> None:
        self._started = subprocess.Popen(
            [*PROGRAM, *words],
            cwd=cwd,
            env={**os.environ, **env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert self._started.stdout is not None
        ready, _, _ = select.select([self._started.stdout], [], [], READY_SECONDS)
        line = self._started.stdout.readline().decode().strip() if ready else ""
        if not line:
            self._started.send_signal(signal.SIGINT)
            _, said = self._started.communicate(timeout=60)
            raise AssertionError(f"it printed no address, but: {said.decode()}")
        self.server = Server(line)

    def kill(self) -> None:
        """Let it die without a word; what it started runs on."""
        self._started.kill()
        self._started.communicate()

    def interrupt(self) -> tuple[int, str]:
        """Ctrl-C; the exit code, and what it said on standard error."""
        self._started.send_signal(signal.SIGINT)
        _, said = self._started.communicate(timeout=60)
        return self._started.returncode, said.decode()

    def close(self) -> None:
        """End it, whatever happened."""
        if self._started.poll() is None:
            self._started.send_signal(signal.SIGTERM)
            try:
                self._started.communicate(timeout=30)
            except subprocess.TimeoutExpired:
                self._started.kill()
                self._started.communicate()


def processes_of(run_id: str) -> list[tuple[int, str]]:
    """The processes of a run, as the machine lists them: their numbers and command lines."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if f"DATMO_RUN_ID={run_id}".encode() in (folder / "environ").read_bytes():
                words = (folder / "cmdline").read_bytes().replace(b"\0", b" ")
                found.append((int(folder.name), os.fsdecode(words)))
        except (OSError, PermissionError):
            continue
    return found


def gone(run_id: str) -> bool:
    """Whether nothing of a run is left within a while."""
    deadline = time.monotonic() + 10
    while processes_of(run_id):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
