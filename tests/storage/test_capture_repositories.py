"""Captures in every state a repository can be in."""

from __future__ import annotations

import fcntl
import os
import socket
import threading
import time
from collections.abc import Callable

import pytest

from tests.kit.capture import EMPTY, THRESHOLD, contents, expected, flat, forget, take
from tests.kit.checks import untouched
from tests.kit.git import Repo


def check(repo: Repo) -> None:
    """A capture is right, leaves the user's things alone, and one without memory agrees."""
    with untouched(repo):
        taken = take(repo)
        assert flat(repo, taken.tree) == expected(repo)
        assert take(repo).tree == taken.tree
        forget(repo)
        assert take(repo).tree == taken.tree


def conflicted(repo: Repo) -> None:
    repo.write("a", "base\n")
    repo.write("gone", "base\n")
    repo.commit()
    repo.git("checkout", "-q", "-b", "other")
    repo.write("a", "theirs\n")
    repo.write("gone", "theirs\n")
    repo.commit()
    repo.git("checkout", "-q", "main")
    repo.write("a", "ours\n")
    (repo.path / "gone").unlink()
    repo.commit()


def merging(repo: Repo) -> None:
    conflicted(repo)
    assert repo.try_git("merge", "other").returncode == 1


def rebasing(repo: Repo) -> None:
    conflicted(repo)
    assert repo.try_git("rebase", "other").returncode == 1


def detached(repo: Repo) -> None:
    repo.write("a", "1")
    repo.commit()
    repo.git("checkout", "-q", "--detach")
    repo.write("a", "2")


def unborn(repo: Repo) -> None:
    repo.write("a", "1")


def unborn_and_added(repo: Repo) -> None:
    repo.write("a", "1")
    repo.git("add", "a")
    repo.write("b", "1")


def nothing_at_all(repo: Repo) -> None:
    pass


def intent_to_add(repo: Repo) -> None:
    repo.write("a", "1")
    repo.git("add", "-N", "a")


def split_index(repo: Repo) -> None:
    repo.write("a", "1")
    repo.write("b", "1")
    repo.commit()
    repo.git("update-index", "--split-index")
    repo.write("c", "1")
    repo.git("add", "c")
    repo.write("b", "2")


def untracked_cache(repo: Repo) -> None:
    repo.git("config", "core.untrackedCache", "true")
    repo.write("d/a", "1")
    repo.status()
    repo.write("d/b", "1")


def assumed_unchanged(repo: Repo) -> None:
    for name in "abc":
        repo.write(name, "1")
    repo.commit()
    repo.git("update-index", "--assume-unchanged", "a", "b")
    repo.git("update-index", "--skip-worktree", "c")
    repo.write("a", "changed")
    repo.write("c", "changed")
    (repo.path / "b").unlink()


def index_locked(repo: Repo) -> None:
    repo.write("a", "1")
    repo.commit()
    repo.write("a", "2")
    (repo.git_dir / "index.lock").write_text("")


def odd_names(repo: Repo) -> None:
    for name in (b"new\nline", b"\xff\xfe", b"-n", b"a" * 255, b'q"\\ \t', "e\u0301".encode()):
        repo.write(b"d/" + name, name)
        repo.write(name, name)
    repo.git("add", "d")


def links(repo: Repo) -> None:
    repo.write("d/a", "1")
    for name, target in (("x", "nowhere"), ("y", "d"), ("loop", "loop"), ("abs", "/etc/passwd")):
        (repo.path / name).symlink_to(target)
    repo.git("add", "x", "y")
    (repo.path / "d" / "up").symlink_to("..")


def exec_bits(repo: Repo) -> None:
    repo.write("a", "1", mode=0o755)
    repo.write("b", "1")
    repo.commit()
    (repo.path / "a").chmod(0o644)
    (repo.path / "b").chmod(0o755)
    repo.write("c", "1", mode=0o700)


def line_ends(repo: Repo) -> None:
    repo.write(".gitattributes", "* text=auto\n*.id ident\n*.16 working-tree-encoding=UTF-16\n")
    repo.write("a", "one\ntwo\n")
    repo.write("b.id", "$Id$\n")
    repo.write("c.16", "hello\n".encode("utf-16"))
    repo.commit()
    take(repo)
    repo.write("a", "one\r\ntwo\r\n")
    repo.write("b.id", "$Id: 12345 $\n")


def a_filter(repo: Repo) -> None:
    repo.git("config", "filter.up.clean", "tr a-z A-Z")
    repo.git("config", "filter.up.required", "true")
    repo.write(".gitattributes", "*.up filter=up\n")
    repo.write("a.up", "hello")
    repo.commit()
    repo.write("b.up", "hello")


def autocrlf(repo: Repo) -> None:
    repo.write("a", "one\ntwo\n")
    repo.commit()
    repo.git("config", "core.autocrlf", "true")
    repo.write("a", "one\r\ntwo\r\n")


def empty_folders(repo: Repo) -> None:
    repo.write(".gitignore", "ignored/\n*.log\n")
    for name in ("e/m/p", "e/t", "ignored/x", "logs"):
        (repo.path / name).mkdir(parents=True)
    repo.write("logs/a.log", "1")


STATES: tuple[Callable[[Repo], None], ...] = (
    *(merging, rebasing, detached, unborn, unborn_and_added, nothing_at_all, intent_to_add),
    *(split_index, untracked_cache, assumed_unchanged, index_locked, odd_names, links),
    *(exec_bits, line_ends, a_filter, autocrlf, empty_folders),
)


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
def test_a_capture_in_any_state(repo: Repo, state: Callable[[Repo], None]):
    state(repo)
    check(repo)


def test_bytes_that_git_calls_clean_are_captured_as_they_are(repo: Repo):
    line_ends(repo)
    assert contents(repo, take(repo))[b"a"] == b"one\r\ntwo\r\n"
    repo.write("a", "one\ntwo\n")
    assert contents(repo, take(repo))[b"a"] == b"one\ntwo\n"


def test_what_a_sparse_checkout_leaves_away_stays_in_the_tree(repo: Repo):
    repo.write("in/a", "1")
    repo.write("out/b", "1")
    repo.commit()
    repo.git("sparse-checkout", "set", "in")
    assert not (repo.path / "out").exists()
    assert set(flat(repo, take(repo).tree)) == {b"in/a", b"out/b"}
    repo.write("out/b", "2")
    assert contents(repo, take(repo))[b"out/b"] == b"2"


def test_without_file_mode_the_index_knows_what_is_executable(repo: Repo):
    repo.write("a", "1")
    repo.write("big", "B" * THRESHOLD)
    repo.commit()
    repo.git("config", "core.fileMode", "false")
    repo.git("update-index", "--chmod=+x", "a", "big")
    repo.write("a", "2")
    repo.write("new", "1", mode=0o755)
    modes = {path: mode for path, (mode, _) in flat(repo, take(repo).tree).items()}
    assert modes == {b"a": "100755", b"big": "100755", b"new": "100644"}


def test_a_linked_work_tree_has_captures_of_its_own(repo: Repo, tmp_path):
    repo.write("a", "1")
    repo.commit()
    other = repo.worktree(tmp_path / "other")
    other.write("b", "1")
    repo.write("c", "1")
    check(other)
    check(repo)
    assert b"b" not in flat(repo, take(repo).tree)


def test_no_program_of_the_repository_runs(repo: Repo, tmp_path):
    script = repo.write("monitor", f"#!/bin/sh\ntouch '{tmp_path}/ran'\n", mode=0o755)
    repo.git("add", "monitor")
    repo.git("config", "core.fsmonitor", str(script))
    repo.git("config", "core.hooksPath", str(repo.path))
    repo.write("post-index-change", f"#!/bin/sh\ntouch '{tmp_path}/ran'\n", mode=0o755)
    take(repo)
    assert not (tmp_path / "ran").exists()


def test_pipes_and_sockets_are_named_and_not_waited_for(repo: Repo):
    repo.write("d/a", "1")
    repo.commit()
    os.mkfifo(repo.path / "d" / "pipe")
    os.unlink(repo.path / "d" / "a")
    os.mkfifo(repo.path / "d" / "a")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind("socket")
        began = time.monotonic()
        taken = take(repo)
    assert time.monotonic() - began < 1
    assert taken.special == [b"d/a", b"d/pipe", b"socket"]
    assert flat(repo, taken.tree) == {b"d": EMPTY}


def test_adding_meanwhile_disturbs_neither(repo: Repo):
    for n in range(30):
        repo.write(f"f{n}", str(n))
    stop = threading.Event()
    failed: list[int] = []

    def add() -> None:
        while not stop.is_set():
            for n in range(30):
                failed.append(repo.try_git("add", f"f{n}").returncode)
            failed.append(repo.try_git("rm", "-rq", "--cached", ".").returncode)

    thread = threading.Thread(target=add)
    thread.start()
    try:
        for _ in range(12):
            assert len(flat(repo, take(repo).tree)) == 30
    finally:
        stop.set()
        thread.join()
    assert not any(failed)


def test_a_second_capture_waits_for_the_first(repo: Repo):
    repo.write("a", "1")
    take(repo)
    with open(repo.git_dir / "datmo" / "capture.lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = threading.Event()

        def second() -> None:
            take(repo)
            done.set()

        thread = threading.Thread(target=second)
        thread.start()
        assert not done.wait(0.3)
    assert done.wait(10)
    thread.join()
