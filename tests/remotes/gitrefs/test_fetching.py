"""Fetching content from git refs: only what is wanted, from servers and lists of every kind."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from git_datmo.errors import ContentMissing, DamagedContent, RemoteError
from git_datmo.model.pointer import Pointer
from git_datmo.remotes.ledger import MAX_LIST
from git_datmo.storage.store import Store
from tests.contracts.places.ground import fill, nothing, some
from tests.kit.chunkrefs import ChunkRefs, Clones
from tests.kit.git import Repo
from tests.kit.webgit import WebGit
from tests.kit.wire import Wire

MIB = 1024**2


def test_only_the_chunks_that_are_wanted_come(
    here: Store, elsewhere: Store, clones: Clones, line: Wire
) -> None:
    pointers = fill(here, some(1, 3 * MIB), some(2, 200_000), some(3, 3 * MIB))
    clones.place().put(here, pointers, nothing)
    assert clones.over(line.port).place().get(elsewhere, [pointers[1]], nothing) == {}
    assert 200_000 < line.down < 220_000
    assert clones.problems() == []


def test_a_cut_is_gone_on_from(
    here: Store, elsewhere: Store, clones: Clones, line: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("git_datmo.remotes.gitrefs.fetching.WINDOW", MIB)
    [pointer] = fill(here, some(1, 6 * MIB))
    clones.place(push=MIB).put(here, [pointer], nothing)
    place = clones.over(line.port).place()
    line.limit_down = 4 * MIB + MIB // 2
    with pytest.raises(RemoteError):
        place.get(elsewhere, [pointer], nothing)
    assert elsewhere.missing([pointer]) == [pointer]
    line.mend()
    counts: list[int] = []
    assert place.get(elsewhere, [pointer], counts.append) == {}
    assert line.down < 3 * MIB
    assert sum(counts) == pointer.size
    assert elsewhere.measure(elsewhere.path(pointer)) == pointer
    assert clones.problems() == []


def test_a_wrong_beginning_here_is_fetched_anew(
    here: Store, elsewhere: Store, clones: Clones
) -> None:
    [pointer] = fill(here, some(1, 2 * MIB))
    clones.place(push=MIB).put(here, [pointer], nothing)
    parts = elsewhere.folder / "parts"
    parts.mkdir(parents=True)
    (parts / f"{pointer.key}-{pointer.blake3}").write_bytes(some(2, MIB))
    assert clones.place().get(elsewhere, [pointer], nothing) == {}
    assert elsewhere.measure(elsewhere.path(pointer)) == pointer


@pytest.fixture
def old_server(make_webgit: Callable[..., WebGit], tmp_path: Path) -> tuple[Clones, ChunkRefs]:
    """A server that git's newer protocol does not get through to: what no ref points to cannot
    be asked for."""
    server = make_webgit(version_2=False)
    return Clones(tmp_path, f"{server.url}/origin.git"), ChunkRefs(server.bare())


def test_a_server_that_gives_only_what_refs_point_to(
    here: Store, elsewhere: Store, old_server: tuple[Clones, ChunkRefs]
) -> None:
    clones, chunkrefs = old_server
    pointers = fill(here, some(1, 2 * MIB), some(2, 300_000), some(3, 5000), b"")
    clones.place(push=MIB).put(here, pointers[:2], nothing)
    clones.place().put(here, pointers[2:], nothing)
    assert clones.place().get(elsewhere, pointers, nothing) == {}
    assert elsewhere.missing(pointers) == []
    assert chunkrefs.problems() + clones.problems() == []


def forged(pointer: Pointer, chunks: Any, **more: Any) -> dict[str, Any]:
    """A line of a list."""
    line = {"key": pointer.key, "blake3": pointer.blake3, "size": pointer.size}
    return {**line, "at": int(time.time()), "chunks": chunks, **more}


@pytest.mark.parametrize(
    "chunks",
    [
        [["0" * 40, 1000]],  # a blob that nobody has
        [["../../../etc/passwd", 1000]],
        [["--upload-pack=touch x", 1000]],
        [["A" * 40, 1000]],
        [["0" * 40, 500]],  # less than the content
        [["0" * 40, 1000], ["1" * 40, 1]],  # more than it
        [["0" * 40, -5], ["1" * 40, 1005]],
        [["0" * 40, True]],
        [["0" * 40, 1000.0]],
        [["0" * 40]],
        ["0" * 40],
        {"0" * 40: 1000},
        "0" * 40,
        None,
        [],
        [["0" * 40, 10**12]],
    ],
)
def test_lines_that_lie_are_missing_content(
    here: Store, elsewhere: Store, clones: Clones, chunkrefs: ChunkRefs, chunks: Any
) -> None:
    one, two = fill(here, some(1, 1000), some(2, 1000))
    clones.place().put(here, [one], nothing)
    text = "".join(json.dumps(forged(p, chunks)) + "\n" for p in (one, two)).encode()
    chunkrefs.write("badbadbadbadbad0", text)
    place = clones.place()
    assert place.present([one, two]) == {one}
    failed = place.get(elsewhere, [one, two], nothing)
    assert list(failed) == [two]
    assert isinstance(failed[two], ContentMissing)
    assert elsewhere.missing([one]) == []
    place.put(here, [two], nothing)
    assert place.present([one, two]) == {one, two}
    assert clones.place().get(elsewhere, [two], nothing) == {}


def test_a_chunk_of_another_size_than_listed(
    here: Store, elsewhere: Store, clones: Clones, chunkrefs: ChunkRefs
) -> None:
    """A bomb: a line says 1000 bytes, the blob has more."""
    one, two, three = fill(here, some(1, 1000), some(2, 1000), some(3, 1000))
    clones.place().put(here, [one, three], nothing)
    bomb = chunkrefs.blob(b"\0" * 30 * MIB)
    chunkrefs.write("badbadbadbadbad0", [forged(two, [[bomb[0], 1000]])])
    failed = clones.place().get(elsewhere, [one, two, three], nothing)
    assert list(failed) == [two]
    assert isinstance(failed[two], DamagedContent)
    parts = elsewhere.folder / "parts"
    assert sum(path.stat().st_size for path in parts.iterdir()) == 0


def test_the_honest_list_wins_over_the_forged_one(
    here: Store, elsewhere: Store, clones: Clones, chunkrefs: ChunkRefs
) -> None:
    [pointer] = fill(here, some(1, 1000))
    clones.place().put(here, [pointer], nothing)
    other = [chunkrefs.blob(some(2, 1000))]
    for writer in ("0000000000000000", "ffffffffffffffff"):
        chunkrefs.write(writer, [forged(pointer, other, at=2**53)])
    assert clones.place().get(elsewhere, [pointer], nothing) == {}
    assert elsewhere.measure(elsewhere.path(pointer)) == pointer
    assert all(held.age >= 0 for held in clones.place().listing())


@pytest.mark.parametrize(
    "text",
    [
        b"\xff\xfe\x00 not text",
        b"{" * 100_000,
        b"[" * 5000 + b"]" * 5000,
        b'{"key": "x"}\n[]\n""\nnull\n1\n{}\n',
        b"\n" * 100_000,
        b"a" * (2 * MIB) + b"\n",
        b"",
    ],
)
def test_lists_that_are_no_lists(
    here: Store, elsewhere: Store, clones: Clones, chunkrefs: ChunkRefs, text: bytes
) -> None:
    [pointer] = fill(here, some(1, 1000))
    chunkrefs.write("badbadbadbadbad0", text)
    place = clones.place()
    assert place.present([pointer]) == set()
    place.put(here, [pointer], nothing)
    assert place.get(elsewhere, [pointer], nothing) == {}
    assert [held.key for held in place.listing()] == [pointer.key]
    assert place.check().reached


def test_a_list_of_endless_length_is_not_read(
    here: Store, clones: Clones, chunkrefs: ChunkRefs
) -> None:
    one, two = fill(here, some(1, 1000), some(2, 1000))
    clones.place().put(here, [one], nothing)
    line = json.dumps(forged(two, [chunkrefs.blob(some(2, 1000))])).encode() + b"\n"
    chunkrefs.write("badbadbadbadbad0", line * (MAX_LIST // len(line) + 1))
    assert clones.place().present([one, two]) == {one}


def test_refs_that_are_something_else(
    here: Store, elsewhere: Store, clones: Clones, chunkrefs: ChunkRefs
) -> None:
    """Blobs, trees and foreign names where a list should be, and a list that git refuses."""
    [pointer] = fill(here, some(1, 1000))
    git = chunkrefs.repo.git
    blob = git("hash-object", "-w", "--stdin", input=b"hello")
    tree = git("mktree", input=f"100644 blob {blob}\tlist\n")
    git("update-ref", "refs/datmo-store/aaaaaaaaaaaaaaaa/list", blob)
    git("update-ref", "refs/datmo-store/bbbbbbbbbbbbbbbb/list", tree)
    git("update-ref", "refs/datmo-store/cccccccccccccccc/data", blob)
    git("update-ref", "refs/datmo-store/--upload-pack=x/list", blob)
    git("update-ref", "refs/datmo-store/another/thing/list", blob)
    text = f"tree {tree}\nauthor nobody\ncommitter nobody\n\nx".encode()
    bad = git("hash-object", "-t", "commit", "-w", "--literally", "--stdin", input=text)
    git("update-ref", "refs/datmo-store/dddddddddddddddd/list", bad)
    place = clones.place()
    place.put(here, [pointer], nothing)
    assert clones.place().present([pointer]) == {pointer}
    assert clones.place().get(elsewhere, [pointer], nothing) == {}


def test_a_list_with_nothing_of_ours_beside_it_is_kept_as_it_is(
    here: Store, clones: Clones, chunkrefs: ChunkRefs
) -> None:
    """Another kind of place keeps its list in the same refs."""
    [pointer] = fill(here, some(1, 1000))
    foreign = {"key": pointer.key, "blake3": pointer.blake3, "size": 1000, "at": 5, "sha256": "x"}
    chunkrefs.write("aaaaaaaaaaaaaaaa", json.dumps(foreign).encode() + b"\n")
    place = clones.place()
    assert place.present([pointer]) == set()
    place.put(here, [pointer], nothing)
    held = list(place.listing())
    assert place.remove(held) == pointer.size
    assert chunkrefs.lines("aaaaaaaaaaaaaaaa") == [foreign]


def test_the_users_repository_stays_as_it_is(here: Store, elsewhere: Store, clones: Clones) -> None:
    repo: Repo = clones.repo
    repo.commit("one")
    before = sorted(str(path) for path in repo.common_dir.rglob("*"))
    config = (repo.common_dir / "config").read_bytes()
    pointers = fill(here, *(some(n, 300_000) for n in range(3)))
    place = clones.place()
    place.put(here, pointers, nothing)
    assert place.get(elsewhere, pointers, nothing) == {}
    place.remove(list(place.listing()))
    assert sorted(str(path) for path in repo.common_dir.rglob("*")) == before
    assert (repo.common_dir / "config").read_bytes() == config
    assert not os.path.exists(repo.path / "FETCH_HEAD")


@pytest.mark.parametrize("kind", ["shallow", "partial", "worktree", "bare"])
def test_clones_of_every_shape(
    here: Store,
    elsewhere: Store,
    clones: Clones,
    chunkrefs: ChunkRefs,
    webgit: WebGit,
    tmp_path: Path,
    kind: str,
) -> None:
    from tests.kit.git import run_git
    from tests.kit.webgit import sign_in

    seed = clones.repo
    seed.write("a.txt", "a")
    seed.commit("one")
    seed.commit("two")
    seed.git("push", "-q", clones.url, "HEAD:refs/heads/main")
    chunkrefs.repo.git("config", "uploadpack.allowFilter", "true")
    path = tmp_path / 'odd: a "clone"'
    flags = {"shallow": ["--depth=1"], "partial": ["--filter=blob:none"], "bare": ["--bare"]}
    url = f"file://{chunkrefs.repo.path}"
    run_git("clone", "-q", *flags.get(kind, []), url, str(path))
    clones.repo = Repo(path)
    if kind == "worktree":
        clones.repo = clones.repo.worktree(tmp_path / "linked")
    sign_in(clones.repo)
    pointers = fill(here, some(1, 300_000), some(2, 5000))
    clones.place().put(here, pointers, nothing)
    assert clones.place().present(pointers) == set(pointers)
    assert clones.place().get(elsewhere, pointers, nothing) == {}
    chunkrefs.repo.git("fsck", "--strict")
