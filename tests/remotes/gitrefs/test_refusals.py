"""What a git server can say no with, and what we make of it."""

from __future__ import annotations

import base64
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from git_datmo.errors import NoSpace, RemoteError
from git_datmo.remotes.gitrefs.place import GitRefs
from git_datmo.remotes.refusals import refusal, without_secrets
from git_datmo.storage.store import Store
from tests.contracts.places.ground import fill, nothing, some
from tests.kit.chunkrefs import ChunkRefs, Clones
from tests.kit.webgit import PASSWORD, WebGit, sign_in

MIB = 1024**2
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")


def refused(clones: Clones, store: Store, seed: int = 1, size: int = 200_000) -> RemoteError:
    """The error of a put that cannot go well; it shows no password."""
    with pytest.raises(RemoteError) as caught:
        clones.place().put(store, fill(store, some(seed, size)), nothing)
    told = f"{caught.value.message} {caught.value.hint}"
    assert PASSWORD not in told
    assert "wrong word" not in told
    assert clones.problems() == []
    return caught.value


def test_a_wrong_password(here: Store, clones: Clones) -> None:
    sign_in(clones.repo, password="wrong word")
    error = refused(clones, here)
    assert "Authentication failed" in error.message
    assert "credentials" in str(error.hint)
    checkup = clones.place().check()
    assert not checkup.reached
    assert "Authentication failed" in checkup.remarks[0]


def test_a_password_in_the_address_is_never_shown(here: Store, clones: Clones) -> None:
    clones.url = clones.url.replace("//", "//writer:wrong%20word@")
    assert "wrong" not in clones.place().name
    error = refused(clones, here)
    assert "wrong%20word" not in f"{error.message} {error.hint}"


@pytest.mark.parametrize("kind", ["folders", "live", "store"])
def test_what_a_hook_declines_is_named(kind: str) -> None:
    said = f"!\tabc:refs/datmo-{kind}/a/b\t[remote rejected] (hook declined)\n"
    hint = str(refusal("push", "hub", said.encode(), b"").hint)
    assert f"does not let refs/datmo-{kind}/*" in hint.replace(" and refs", " does not let refs")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("fatal: at 'https://ghp_secret@host/x.git'", "fatal: at 'https://host/x.git'"),
        ("http://u:p@127.0.0.1:9/x@y/z", "http://127.0.0.1:9/x@y/z"),
        ("ssh://git:p@host/x and https://a:b@c/d", "ssh://git@host/x and https://c/d"),
        ("git@host:x", "git@host:x"),
        ("https://host/a@b", "https://host/a@b"),
    ],
)
def test_what_is_taken_out_of_addresses(text: str, shown: str) -> None:
    assert without_secrets(text) == shown


def test_no_password_at_all(here: Store, clones: Clones) -> None:
    clones.repo.git("config", "--unset", "credential.helper")
    error = refused(clones, here)
    assert "credentials" in str(error.hint)


@pytest.mark.parametrize("user", ["header", "address"])
def test_other_ways_to_sign_in(here: Store, clones: Clones, user: str) -> None:
    clones.repo.git("config", "--unset", "credential.helper")
    if user == "header":
        secret = base64.b64encode(f"writer:{PASSWORD}".encode()).decode()
        clones.repo.git(
            "config", f"http.{clones.url}.extraHeader", f"Authorization: Basic {secret}"
        )
    else:
        clones.url = clones.url.replace("//", f"//writer:{PASSWORD.replace(' ', '%20')}@")
    pointers = fill(here, some(1, 5000))
    clones.place().put(here, pointers, nothing)
    assert clones.place().present(pointers) == set(pointers)


def test_who_may_only_read(here: Store, elsewhere: Store, clones: Clones) -> None:
    [pointer] = fill(here, some(2, 5000))
    clones.place().put(here, [pointer], nothing)
    sign_in(clones.repo, user="reader")
    error = refused(clones, here)
    assert "403" in error.message
    assert "right to push" in str(error.hint)
    place = clones.place()
    assert place.present([pointer]) == {pointer}
    assert place.get(elsewhere, [pointer], nothing) == {}
    checkup = place.check()
    assert checkup.reached
    assert checkup.writable is False


def test_who_may_only_read_asks_for_old_content(
    here: Store, clones: Clones, chunkrefs: ChunkRefs
) -> None:
    [pointer] = fill(here, some(2, 5000))
    clones.place().put(here, [pointer], nothing)
    [writer] = chunkrefs.writers()
    old = [{**line, "at": 1_000_000_000} for line in chunkrefs.lines(writer)]
    chunkrefs.write(writer, old)
    sign_in(clones.repo, user="reader")
    assert clones.place().present([pointer]) == {pointer}


def test_a_server_that_takes_no_pushes(here: Store, clones: Clones, chunkrefs: ChunkRefs) -> None:
    chunkrefs.repo.git("config", "http.receivepack", "false")
    error = refused(clones, here)
    assert "403" in error.message or "not enabled" in error.message
    assert clones.place().check().writable is False


def test_no_such_repository(here: Store, clones: Clones) -> None:
    clones.url = clones.url.replace("origin", "another")
    error = refused(clones, here)
    assert "not found" in error.message
    assert "address" in str(error.hint)


def test_refs_that_are_not_to_be_written(here: Store, clones: Clones, chunkrefs: ChunkRefs) -> None:
    chunkrefs.repo.git("config", "receive.hideRefs", "refs/datmo-store")
    error = refused(clones, here)
    assert "hidden" in error.message
    assert "datmo.<remote>.store" in str(error.hint)


def test_a_server_whose_hook_says_no(here: Store, clones: Clones, chunkrefs: ChunkRefs) -> None:
    hook = chunkrefs.repo.path / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho 'the lab is closed' >&2\nexit 1\n")
    hook.chmod(0o755)
    error = refused(clones, here)
    assert "the lab is closed" in f"{error.message} {error.hint}"


@pytest.mark.parametrize("body", ["1m", "300k"])
def test_a_server_that_takes_little_at_once(
    here: Store, elsewhere: Store, make_webgit: Callable[..., WebGit], tmp_path: Path, body: str
) -> None:
    server = make_webgit(body=body)
    chunkrefs = ChunkRefs(server.bare())
    clones = Clones(tmp_path, f"{server.url}/origin.git")
    pointers = fill(here, some(1, 3 * MIB), some(2, 1000))
    counts: list[int] = []
    clones.place().put(here, pointers, counts.append)
    assert sum(counts) == 3 * MIB + 1000
    assert clones.place().get(elsewhere, pointers, nothing) == {}
    assert chunkrefs.problems() + clones.problems() == []


def test_a_server_that_takes_next_to_nothing(
    here: Store, make_webgit: Callable[..., WebGit], tmp_path: Path
) -> None:
    server = make_webgit(body="100k")
    server.bare()
    error = refused(Clones(tmp_path, f"{server.url}/origin.git"), here)
    assert "413" in f"{error.message} {error.hint}"
    assert "cap" in str(error.hint)


def test_a_server_that_is_killed_in_the_middle(
    here: Store, elsewhere: Store, clones: Clones, chunkrefs: ChunkRefs, webgit: WebGit
) -> None:
    pointers = fill(here, *(some(n, 2 * MIB) for n in range(8)))
    place = clones.place(push=2 * MIB)
    moved = threading.Event()
    failed: list[RemoteError] = []

    def work() -> None:
        def advance(count: int) -> None:
            moved.set()

        try:
            place.put(here, pointers, advance)
        except RemoteError as error:
            failed.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    assert moved.wait(60)
    time.sleep(0.2)
    webgit.kill()
    thread.join(60)
    assert not thread.is_alive()
    [error] = failed
    assert error.hint
    assert chunkrefs.problems() + clones.problems() == []

    webgit.start()
    place.put(here, pointers, nothing)
    assert clones.place().get(elsewhere, pointers, nothing) == {}
    assert chunkrefs.problems() + clones.problems() == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """An empty disk of 6 MiB."""
    folder = tmp_path / "small disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(folder)], check=True)
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@as_root
def test_a_full_disk_there(
    here: Store,
    elsewhere: Store,
    make_webgit: Callable[..., WebGit],
    small_disk: Path,
    tmp_path: Path,
) -> None:
    server = make_webgit(repositories=small_disk)
    chunkrefs = ChunkRefs(server.bare())
    clones = Clones(tmp_path, f"{server.url}/origin.git")
    one, two = fill(here, some(1, MIB), some(2, 8 * MIB))
    place = clones.place(push=MIB)
    place.put(here, [one], nothing)
    with pytest.raises(RemoteError) as caught:
        place.put(here, [two], nothing)
    assert "o space left" in f"{caught.value.message} {caught.value.hint}"
    assert "make room" in str(caught.value.hint)
    assert place.present([one, two]) == {one}

    subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk)], check=True)
    assert chunkrefs.problems() + clones.problems() == []
    place.put(here, [two], nothing)
    assert place.get(elsewhere, [one, two], nothing) == {}


@as_root
def test_a_full_disk_here(here: Store, clones: Clones, small_disk: Path) -> None:
    [pointer] = fill(here, some(1, 8 * MIB))
    place = GitRefs(clones.git, small_disk, "origin", clones.url, 10**9)
    with pytest.raises(NoSpace):
        place.put(here, [pointer], nothing)
    assert not list(clones.repo.git_dir.glob("fast_import*"))
    assert not list(small_disk.rglob("tmp-*"))


def test_the_telling_line_is_chosen() -> None:
    said = b"remote: Counting\nremote: fatal: boom\nerror: failed to push some refs to 'x'\n"
    assert "remote: fatal: boom" in refusal("push", "x", b"", said).message
    assert refusal("push", "x", b"", b"").message == "git push failed at x: no message"
