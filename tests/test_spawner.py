"""A process that comes from a loaded one is like one that a new interpreter started."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit import program
from tests.kit.git import Repo
from tests.kit.spawner import Spawner

LOOK = """\
import atexit, json, os, resource, signal, sys, threading
import pygit2
from pygit2.enums import ConfigLevel

streams = [sys.stdin, sys.stdout, sys.stderr]
print(json.dumps({
    "argv": sys.argv, "orig_argv": sys.orig_argv, "name": __name__, "file": __file__,
    "path": sys.path, "flags": list(sys.flags), "folder": os.getcwd(),
    "environment": dict(os.environ), "encoding": sys.getfilesystemencoding(),
    "streams": [(s.encoding, s.errors, s.isatty(), s.line_buffering, s.name) for s in streams],
    "descriptors": os.listdir("/dev/fd"), "group": os.getpgrp(), "session": os.getsid(0),
    "handlers": {s: str(signal.getsignal(s)) for s in signal.valid_signals()},
    "masked": list(signal.pthread_sigmask(signal.SIG_BLOCK, [])), "umask": os.umask(0o22),
    "limits": resource.getrlimit(resource.RLIMIT_NOFILE), "threads": threading.active_count(),
    "libgit2": [pygit2.settings.search_path[level] for level in map(ConfigLevel, range(1, 5))],
    "author": pygit2.Config.get_global_config()["user.name"], "module": __spec__.name,
}, sort_keys=True))
print(repr(sys.stdin.buffer.read()), file=sys.stderr)
print(os.fsdecode(b"no \\xff text"))
atexit.register(print, "at the end")
threading.Timer(0.1, print, ["a thread's"]).start()
"""
ENDS = {
    "falls off its end": "",
    "a code": "import sys; print('out'); sys.exit(3)",
    "more than a byte": "import sys; sys.exit(-1)",
    "words": "import sys; sys.exit('words')",
    "a fault": "1 / 0",
    "killed": "import os; os.kill(os.getpid(), 9)",
    "interrupted": "import os, signal; signal.signal(2, signal.SIG_DFL); os.kill(os.getpid(), 2)",
    "nobody reads": "import os; os.close(1); print('lost')",
}


@pytest.fixture(scope="module")
def spawner(world: None) -> Iterator[Spawner]:
    made = Spawner()
    yield made
    made.close()


def both(
    spawner: Spawner, module: str, *words: str, cwd: Path | None = None, input: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    """What a module says and how it ends: the same from a new interpreter."""
    environment = dict(os.environ)
    assert spawner.suits(environment)
    new = subprocess.run(
        [sys.executable, "-m", module, *words],
        cwd=cwd,
        input=input,
        env=environment,
        capture_output=True,
    )
    forked = spawner.run(module, words, cwd=cwd, input=input, env=environment, timeout=60)
    assert (forked.returncode, forked.stdout) == (new.returncode, new.stdout)
    # Where a fault is told, the lines above the last say how it was started.
    assert forked.stderr.splitlines()[-1:] == new.stderr.splitlines()[-1:]
    return forked


def test_all_that_it_can_see_is_the_same(spawner: Spawner, repo: Repo, monkeypatch):
    repo.write("deep/look.py", LOOK)
    monkeypatch.setenv("DATMO_ANYTHING", os.fsdecode(b"\xfe"))
    monkeypatch.delenv("NO_COLOR")
    words = ("a", "", "--b", os.fsdecode(b"\xff"), "x" * 100_000)
    done = both(spawner, "look", *words, cwd=Path("deep"), input=b"in\0put\xff")
    assert done.returncode == 0
    assert done.stdout.endswith(b"no \xff text\na thread's\nat the end\n")
    assert done.stderr == b"b'in\\x00put\\xff'\n"


def test_much_goes_in_and_out(spawner: Spawner, repo: Repo):
    repo.write("copy_.py", "import sys; sys.stdout.buffer.write(sys.stdin.buffer.read())")
    assert len(both(spawner, "copy_", input=os.urandom(3_000_000)).stdout) == 3_000_000
    repo.write("deaf.py", "")
    both(spawner, "deaf", input=bytes(3_000_000))


@pytest.mark.parametrize("text", ENDS.values(), ids=ENDS)
def test_it_ends_as_it_does_there(spawner: Spawner, repo: Repo, text: str):
    repo.write("end.py", text)
    both(spawner, "end")


def test_one_that_does_not_end_is_killed(spawner: Spawner, repo: Repo):
    stay = "import os, time; print(os.getpid(), file=open('id', 'w'), flush=True); time.sleep(60)"
    repo.write("stay.py", stay)
    with pytest.raises(subprocess.TimeoutExpired):
        spawner.run("stay", [], cwd=None, input=b"", env=os.environ, timeout=2)
    assert not Path("/proc", repo.read("id").decode().strip(), "exe").exists()


def test_what_is_read_early_needs_a_new_interpreter(spawner: Spawner):
    for name in ("PYTHONPATH", "LC_ALL", "LANG", "TZ", "SSL_CERT_FILE"):
        assert not spawner.suits({**os.environ, name: "other"})
    assert spawner.suits({**os.environ, "HOME": "other", "GIT_DIR": "other"})


def test_each_command_starts_anew_once(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(program, "STARTED", set())
    first = [program.is_first(words) for words in (["ls"], ["ls", "--json"], ["session", "ls"])]
    again = [program.is_first(words) for words in (["ls", "x1"], ["session", "ls"], ["session"])]
    assert (first, again) == ([True, False, True], [False, False, True])
