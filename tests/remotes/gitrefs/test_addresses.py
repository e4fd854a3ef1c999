"""Git servers of every kind, and what is done to them by other commands of ours."""

from __future__ import annotations

import socket
import subprocess
import time
from pathlib import Path

import pytest

from git_datmo.errors import RemoteError
from git_datmo.storage.store import Store
from tests.contracts.places.ground import fill, nothing, some
from tests.kit.chunkrefs import ChunkRefs, Clones
from tests.kit.git import Repo


def test_a_protocol_that_runs_programs_is_refused(
    here: Store, clones: Clones, tmp_path: Path
) -> None:
    clones.url = f"ext::sh -c 'touch {tmp_path / 'ran'}'"
    with pytest.raises(RemoteError):
        clones.place().put(here, fill(here, some(1, 5000)), nothing)
    assert not (tmp_path / "ran").exists()


def test_every_kind_of_address(
    here: Store, elsewhere: Store, chunkrefs: ChunkRefs, tmp_path: Path
) -> None:
    pointers = fill(here, some(1, 5000))
    origin = chunkrefs.repo.path
    for number, url in enumerate([str(origin), f"file://{origin}", "../relative"]):
        clones = Clones(tmp_path / str(number), url)
        (tmp_path / str(number) / "relative").symlink_to(origin)
        clones.place().put(here, pointers, nothing)
        fresh = Store(tmp_path / f"fresh-{number}" / "store")
        assert clones.place().get(fresh, pointers, nothing) == {}


def test_gits_own_server(here: Store, elsewhere: Store, tmp_path: Path) -> None:
    origin = Repo.bare(tmp_path / "served" / "origin.git")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    served = str(tmp_path / "served")
    words = ["--reuseaddr", "--listen=127.0.0.1", f"--port={port}", f"--base-path={served}"]
    words += ["--export-all", "--enable=receive-pack", served]
    daemon = subprocess.Popen(["git", "daemon", *words], start_new_session=True)
    try:
        clones = Clones(tmp_path, f"git://127.0.0.1:{port}/origin.git")
        pointers = fill(here, some(1, 300_000), some(2, 5000))
        deadline = time.monotonic() + 20
        while not clones.place().check().reached and time.monotonic() < deadline:
            time.sleep(0.05)
        clones.place().put(here, pointers, nothing)
        assert clones.place().get(elsewhere, pointers, nothing) == {}
        assert ChunkRefs(origin).problems() == []
    finally:
        daemon.terminate()
        daemon.wait()


def test_settings_of_the_user_that_bend_pushes_and_fetches(
    here: Store, elsewhere: Store, clones: Clones, chunkrefs: ChunkRefs
) -> None:
    repo = clones.repo
    repo.write("a.txt", "a")
    repo.commit("one")
    repo.git("tag", "-a", "-m", "a tag", "v1")
    for key, value in (
        ("push.followTags", "true"),
        ("push.recurseSubmodules", "on-demand"),
        ("push.gpgSign", "if-asked"),
        ("push.default", "matching"),
        ("fetch.prune", "true"),
        ("fetch.writeCommitGraph", "true"),
        ("fetch.recurseSubmodules", "true"),
        ("fetch.negotiationAlgorithm", "skipping"),
        ("protocol.version", "0"),
        ("core.compression", "9"),
        ("core.autocrlf", "true"),
        ("core.logAllRefUpdates", "always"),
        ("gc.auto", "1"),
        ("transfer.fsckObjects", "true"),
        ("color.ui", "always"),
        ("remote.origin.url", clones.url),
        ("remote.origin.mirror", "true"),
        ("url.http://127.0.0.1:9/.insteadOf", "lab:"),
    ):
        repo.git("config", key, value)
    before = repo.refs()
    pointers = fill(here, some(1, 300_000), b"line\r\n" * 100)
    clones.place().put(here, pointers, nothing)
    assert clones.place().get(elsewhere, pointers, nothing) == {}
    assert repo.refs() == before
    assert chunkrefs.problems() == []
    assert not [ref for ref in chunkrefs.repo.refs() if not ref.startswith("refs/datmo-store/")]


def test_the_servers_housekeeping_keeps_what_is_listed_and_frees_the_rest(
    here: Store, elsewhere: Store, clones: Clones, chunkrefs: ChunkRefs
) -> None:
    pointers = fill(here, some(1, 900_000), some(2, 900_000))
    place = clones.place()
    place.put(here, pointers, nothing)
    place.remove([held for held in place.listing() if held.key == pointers[0].key])
    git = chunkrefs.repo.git
    git("gc", "--quiet", "--aggressive", "--prune=now")
    git("repack", "-adbq")
    git("commit-graph", "write", "--reachable")
    git("pack-refs", "--all")
    git("log", "--all")
    assert sum(f.stat().st_size for f in chunkrefs.repo.path.rglob("*.pack")) < 1_000_000
    assert chunkrefs.problems() == []
    assert list(clones.place().get(elsewhere, pointers, nothing)) == [pointers[0]]
    place.put(here, pointers, nothing)
    assert clones.place().get(elsewhere, pointers, nothing) == {}


def test_a_mirror_of_the_server_holds_the_content_too(
    here: Store, elsewhere: Store, clones: Clones, chunkrefs: ChunkRefs, tmp_path: Path
) -> None:
    pointers = fill(here, some(1, 900_000))
    clones.place().put(here, pointers, nothing)
    mirror = chunkrefs.repo.clone(tmp_path / "mirror.git", "--mirror")
    again = Repo.bare(tmp_path / "again.git")
    mirror.git("push", "-q", "--mirror", str(again.path))
    for copy in (mirror, again):
        clones.url = str(copy.path)
        assert clones.place().present(pointers) == set(pointers)
    assert clones.place().get(elsewhere, pointers, nothing) == {}
