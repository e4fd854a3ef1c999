"""What goes to the store, what is left out, what is refused, and files that will not hold still."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from git_datmo.errors import FileAlreadyExistsError, FileChanging, UnreadableFile
from git_datmo.model.pointer import Pointer
from tests.kit.capture import THRESHOLD, contents, expected, flat, pointer, take
from tests.kit.checks import assert_git_clean, untouched
from tests.kit.git import Repo

KEY = "-----BEGIN RSA PRIVATE KEY-----\n"


def test_a_large_tracked_file_is_a_blob_for_git_and_a_pointer_for_us(repo: Repo):
    data = os.urandom(THRESHOLD)
    repo.write("big", data)
    repo.commit()
    with untouched(repo):
        taken = take(repo)
    assert taken.pointers[b"big"].encode() == pointer(data)
    assert contents(repo, taken) == {b"big": data}
    assert taken.files == {b"big"}


def test_a_file_crosses_the_threshold_both_ways(repo: Repo):
    for tracked in (False, True):
        for size in (THRESHOLD - 1, THRESHOLD, THRESHOLD + 1, THRESHOLD - 1, 0, 1):
            repo.write("a", b"x" * size)
            taken = take(repo)
            assert bool(taken.pointers) == (size >= THRESHOLD)
            assert contents(repo, taken) == {b"a": b"x" * size}
        if not tracked:
            repo.commit()


def test_another_threshold_is_seen_at_once(repo: Repo):
    repo.write("a", "x" * 100)
    repo.commit()
    assert take(repo).pointers == {}
    assert set(take(repo, threshold=50).pointers) == {b"a"}
    assert take(repo).pointers == {}


@pytest.mark.parametrize("tracked", [False, True])
@pytest.mark.parametrize(
    "data",
    [
        Pointer("0" * 32, "1" * 64, 5).encode(),
        b"git-datmo pointer 1\n",
        b"git-datmo pointer 2\nanything\n",
    ],
)
def test_a_users_file_that_looks_like_a_pointer_comes_back(repo: Repo, data: bytes, tracked: bool):
    repo.write("a", data)
    if tracked:
        repo.commit()
    taken = take(repo)
    assert taken.pointers[b"a"].encode() == pointer(data)
    assert contents(repo, taken) == {b"a": data}


def test_untracked_secrets_are_left_out_and_tracked_ones_kept(repo: Repo):
    repo.write(".env", "A=1")
    repo.commit()
    repo.write("sub/.env", "A=1")
    repo.write("deploy.txt", KEY)
    taken = take(repo)
    assert set(taken.secrets) == {b"sub/.env", b"deploy.txt"}
    assert set(contents(repo, taken)) == {b".env"}
    assert set(take(repo, include_secrets=True).secrets) == set()
    assert flat(repo, take(repo, include_secrets=True).tree) == expected(repo)
    assert set(take(repo).secrets) == {b"sub/.env", b"deploy.txt"}


def test_a_file_is_searched_for_secrets_again_when_it_is_no_longer_tracked(repo: Repo):
    repo.write(".gitattributes", "* text=auto\n")
    repo.write("deploy.txt", KEY)
    assert set(take(repo).secrets) == {b"deploy.txt"}
    repo.git("add", "-A")
    assert flat(repo, take(repo).tree) == expected(repo)
    repo.commit()
    assert flat(repo, take(repo).tree) == expected(repo)
    repo.git("rm", "-q", "--cached", "deploy.txt")
    assert set(take(repo).secrets) == {b"deploy.txt"}


def test_named_paths_are_taken_though_ignored_or_outside(repo: Repo, tmp_path: Path):
    repo.write(".gitignore", "data/\n")
    repo.write("data/a", "1")
    repo.write("data/b/c", "2")
    repo.write("code", "3")
    (tmp_path / "outside").write_text("4")
    root = os.fsencode(repo.path)
    named = ((root + b"/data", b"data"), (os.fsencode(tmp_path / "outside"), b"in/x"))
    taken = take(repo, named=named)
    assert contents(repo, taken) == {
        b".gitignore": b"data/\n",
        b"data/a": b"1",
        b"data/b/c": b"2",
        b"code": b"3",
        b"in/x": b"4",
    }
    assert {b"data/a", b"data/b/c", b"in/x"} <= taken.files
    assert b"data/a" not in flat(repo, take(repo).tree)


def test_two_things_for_one_destination_are_refused(repo: Repo, tmp_path: Path):
    repo.write("code", "3")
    (tmp_path / "outside").write_text("4")
    outside = os.fsencode(tmp_path / "outside")
    for tracked in (False, True):
        with pytest.raises(FileAlreadyExistsError, match="code"):
            take(repo, named=((outside, b"code"),))
        if not tracked:
            repo.commit()
    with pytest.raises(FileAlreadyExistsError):
        take(repo, named=((outside, b"code/below"),))
    repo.write("folder/a", "5")
    for committed in (False, True):
        with pytest.raises(FileAlreadyExistsError, match="folder"):
            take(repo, named=((outside, b"folder"),))
        if not committed:
            repo.commit()


def test_what_is_ignored_is_counted(repo: Repo):
    repo.write(".gitignore", "*.log\ndata/\n")
    repo.write("a.log", "x" * 10)
    repo.write("data/b", "x" * 20)
    taken = take(repo)
    assert (sorted(taken.ignored), taken.ignored_bytes) == ([b"a.log", b"data"], 30)
    repo.write("c", "1")
    take(repo)
    repo.write(".gitignore", "*.log\ndata/\nc\n")
    assert sorted(take(repo).ignored) == [b"a.log", b"c", b"data"]


def test_a_file_that_keeps_growing_is_named(repo: Repo):
    path = repo.write("grows", "x")
    os.truncate(path, 32 << 20)
    grow = "import sys\nwith open('grows', 'ab', 0) as f:\n while f.write(b'x'): print(flush=True)"
    with subprocess.Popen([sys.executable, "-c", grow], stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        drain = threading.Thread(target=writer.stdout.read)
        writer.stdout.readline()
        drain.start()
        try:
            with pytest.raises(FileChanging, match="grows"):
                take(repo)
        finally:
            writer.kill()
            drain.join()
    assert contents(repo, take(repo)) == {b"grows": path.read_bytes()}
    assert not list((repo.git_dir / "datmo" / "store").glob("tmp-*"))


def test_a_file_replaced_again_and_again_is_stored_whole(repo: Repo):
    whole = {bytes([n]) * THRESHOLD for n in range(2)}
    stop = threading.Event()

    def replace() -> None:
        while not stop.is_set():
            for data in whole:
                repo.write("new", data).rename(repo.path / "a")
                stop.wait(0.002)

    repo.write(".gitignore", "new\n")
    repo.write("a", b"\0" * THRESHOLD)
    thread = threading.Thread(target=replace)
    thread.start()
    try:
        for _ in range(15):
            try:
                assert contents(repo, take(repo))[b"a"] in whole
            except FileChanging:
                continue
    finally:
        stop.set()
        thread.join()


def test_an_unreadable_file_is_named_and_nothing_is_kept(repo: Repo):
    if os.geteuid() == 0:
        pytest.skip("root reads everything")
    repo.write("closed", "1", mode=0o000)
    with pytest.raises(UnreadableFile, match="closed"):
        take(repo)


def test_many_files_go_into_one_pack(repo: Repo):
    for n in range(200):
        repo.write(f"d{n % 7}/f{n}", f"{n}" * (n % 50))
    taken = take(repo)
    assert flat(repo, taken.tree) == expected(repo)
    assert len(list((repo.git_dir / "objects" / "pack").glob("*.pack"))) == 1
    assert_git_clean(repo)


def test_submodules_are_where_they_stand_and_other_repositories_are_files(
    repo: Repo, tmp_path: Path
):
    part = Repo.init(tmp_path / "part")
    part.write("a", "1")
    part.commit()
    repo.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", str(part.path), "sub")
    repo.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", str(part.path), "away")
    repo.commit()
    repo.git("submodule", "deinit", "-q", "-f", "away")
    sub = Repo(repo.path / "sub")
    sub.write("a", "2")
    moved = sub.commit()
    sub.write("a", "3")
    for name in ("born", "unborn"):
        nested = Repo.init(repo.path / name)
        nested.write(".gitignore", "*.o\n")
        nested.write("x.o", "1")
        nested.write("d/a", "1")
    Repo(repo.path / "born").commit()
    taken = take(repo)
    found = flat(repo, taken.tree)
    assert found[b"sub"] == ("160000", moved)
    assert found[b"away"] == ("160000", part.head())
    assert set(found) - {b".gitmodules", b"sub", b"away"} == {
        *(b"born/.gitignore", b"born/d/a", b"unborn/.gitignore", b"unborn/d/a")
    }
    said = "\n".join(taken.warnings)
    for name in ("submodule sub", "born/", "unborn/"):
        assert name in said
    assert flat(repo, take(repo).tree) == found


def test_what_servers_refuse_to_have_is_left_out(repo: Repo):
    repo.write("code.py", "a")
    (repo.path / ".gitmodules").symlink_to("code.py")
    repo.write("m/.gitattributes/x", "x")
    for _ in range(2):
        taken = take(repo)
        assert set(contents(repo, taken)) == {b"code.py"}
        assert [text.partition(" is left out: ")[0] for text in taken.warnings] == [
            ".gitmodules",
            "m/.gitattributes/x",
        ]
        assert taken.special == [b"m/.gitattributes"]
    assert_git_clean(repo)
