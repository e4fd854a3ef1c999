"""Sharing through a host with Git LFS, as people would: plain git, our commands, and git-lfs."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.team import GLOB, Team, large, push_plainly, snap, state
from tests.kit.checks import assert_clean
from tests.kit.git import Repo
from tests.kit.lfsserver import LfsServer, wait_for
from tests.kit.program import datmo


@pytest.fixture
def team(tmp_path: Path) -> Team:
    return Team(tmp_path)


def set_up(repo: Repo, server: LfsServer, *settings: str) -> Repo:
    """Have a clone keep its content on the server."""
    for setting in ("datmo.origin.store=lfs", f"remote.origin.lfsurl={server.url}", *settings):
        key, _, value = setting.partition("=")
        repo.git("config", key, value)
    return repo


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def contents(repo: Repo) -> bytes:
    return (repo.path / "large.bin").read_bytes()


@pytest.mark.parametrize("how", ["git", "datmo"])
def test_push_and_pull(team: Team, lfs_server: LfsServer, how: str) -> None:
    maker = set_up(team.clone("maker"), lfs_server)
    maker.write("large.bin", large(1))
    oid = snap(maker, "first")
    if how == "git":
        push_plainly(maker)
    else:
        said = datmo("push", "--json", cwd=maker.path).json()
        assert said
    assert lfs_server.oids == {sha256(large(1))}
    assert not (team.origin.path / "datmo").exists()

    reader = set_up(team.clone("reader"), lfs_server)
    if how == "git":
        reader.git("fetch", "-q")
    else:
        datmo("pull", cwd=reader.path)
    assert state(reader) == state(maker)
    datmo("snapshot", "checkout", oid, cwd=reader.path)
    assert contents(reader) == large(1)
    for repo in (maker, reader, team.origin):
        assert repo.try_git("fsck", "--strict").returncode == 0
    assert_clean(maker)
    assert_clean(reader)


def test_clone(team: Team, lfs_server: LfsServer, tmp_path: Path) -> None:
    maker = set_up(team.clone("maker"), lfs_server)
    maker.write("large.bin", large(1))
    oid = snap(maker, "first")
    datmo("push", cwd=maker.path)
    fresh = tmp_path / "fresh"
    settings = ["-c", "datmo.origin.store=lfs", "-c", f"remote.origin.lfsurl={lfs_server.url}"]
    datmo("clone", str(team.origin.path), str(fresh), "--", *settings, cwd=tmp_path)
    datmo("pull", "--content", cwd=fresh)
    lfs_server.stop()
    try:
        datmo("snapshot", "checkout", oid, cwd=fresh)
    finally:
        lfs_server.start()
    assert contents(Repo(fresh)) == large(1)


def test_the_next_push_sends_only_what_is_new(team: Team, lfs_server: LfsServer) -> None:
    maker = set_up(team.clone("maker"), lfs_server)
    maker.write("large.bin", large(1))
    snap(maker, "first")
    push_plainly(maker)
    maker.write("other.bin", large(2))
    snap(maker, "second")
    lfs_server.seen.clear()
    push_plainly(maker)
    [put] = lfs_server.requests("PUT")
    assert put.body == len(large(2))
    lfs_server.seen.clear()
    push_plainly(maker)
    assert lfs_server.requests("PUT") == []


def test_content_that_cannot_be_delivered_fails_the_push(team: Team, lfs_server: LfsServer) -> None:
    maker = set_up(team.clone("maker"), lfs_server)
    maker.write("large.bin", large(1))
    snap(maker, "first")
    lfs_server.largest = 1000
    done = maker.try_git("push", "-q", "origin", GLOB)
    assert done.returncode != 0
    assert "Size must be less than or equal to 1000" in done.stderr
    assert "Traceback" not in done.stderr
    failed = datmo("push", cwd=maker.path, check=False)
    assert failed.code == 7
    assert team.origin.refs("refs/datmo", "refs/datmo-store") == {}
    lfs_server.largest = None
    push_plainly(maker)
    assert lfs_server.oids == {sha256(large(1))}


def test_what_was_lost_at_the_server_is_missing_and_no_corruption(
    team: Team, lfs_server: LfsServer
) -> None:
    maker = set_up(team.clone("maker"), lfs_server)
    maker.write("large.bin", large(1))
    oid = snap(maker, "first")
    push_plainly(maker)
    lfs_server.path(sha256(large(1))).unlink()
    reader = set_up(team.clone("reader"), lfs_server)
    reader.git("fetch", "-q")
    failed = datmo("snapshot", "checkout", oid, cwd=reader.path, check=False)
    assert failed.code == 5
    assert "large.bin" in failed.stderr
    snap(maker, "second", "--label", "again")
    datmo("push", cwd=maker.path)
    maker.write("third.txt", "3")
    snap(maker, "third")
    push_plainly(maker)
    datmo("pull", cwd=reader.path)
    datmo("snapshot", "checkout", "latest", cwd=reader.path)
    assert contents(reader) == large(1)


def test_a_password_from_gits_helper(team: Team, lfs_server: LfsServer) -> None:
    lfs_server.users = {"ada": "secret"}
    helper = "credential.helper=!f() { test $1 != get || printf 'username=ada\\npassword=%s\\n' "
    maker = set_up(team.clone("maker"), lfs_server, helper + "secret; }; f")
    maker.write("large.bin", large(1))
    snap(maker, "first")
    push_plainly(maker)
    assert lfs_server.oids == {sha256(large(1))}
    intruder = set_up(team.clone("intruder"), lfs_server, helper + "guess; }; f")
    intruder.write("large.bin", large(2))
    snap(intruder, "second")
    done = intruder.try_git("push", "-q", "origin", GLOB)
    assert done.returncode != 0
    assert "user name and password are refused" in done.stderr
    assert "guess" not in done.stderr
    assert lfs_server.oids == {sha256(large(1))}


def test_an_ssh_remote_is_asked_for_the_way_in(
    team: Team, lfs_server: LfsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What GitHub, GitLab and Gitea do: git over ssh, content over http with a token."""
    lfs_server.users = {"ada": "secret"}
    login = base64.b64encode(b"ada:secret").decode()
    given = {"href": lfs_server.url, "header": {"Authorization": f"Basic {login}"}}
    script = tmp_path / "host"
    script.write_text(
        "#!/bin/sh\nshift $(($# - 1))\n"
        f"case $1 in git-lfs-authenticate*) echo {shlex.quote(json.dumps(given))};;\n"
        'git-upload-pack*|git-receive-pack*) eval "$1";; *) exit 127;; esac\n'
    )
    script.chmod(0o755)
    monkeypatch.setenv("GIT_SSH", str(script))
    monkeypatch.setenv("GIT_SSH_VARIANT", "ssh")
    repos = []
    for name in ("maker", "reader"):
        repo = team.clone(name)
        repo.git("remote", "set-url", "origin", f"git@host.example:{team.origin.path}")
        repo.git("config", "datmo.origin.store", "lfs")
        repos.append(repo)
    maker, reader = repos
    maker.write("large.bin", large(1))
    oid = snap(maker, "first")
    push_plainly(maker)
    assert lfs_server.oids == {sha256(large(1))}
    reader.git("fetch", "-q")
    datmo("snapshot", "checkout", oid, cwd=reader.path)
    assert contents(reader) == large(1)


def test_git_lfs_reads_what_we_put(
    git_lfs: None, team: Team, lfs_server: LfsServer, tmp_path: Path
) -> None:
    maker = set_up(team.clone("maker"), lfs_server)
    maker.write("large.bin", large(1))
    snap(maker, "first")
    push_plainly(maker)
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256(large(1))}\n"
    user = Repo.init(tmp_path / "user")
    user.git("config", "lfs.url", lfs_server.url)
    user.git("config", "lfs.locksverify", "false")
    user.write(".gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n")
    user.write("a.bin", f"{pointer}size {len(large(1))}\n")
    user.commit("a pointer")
    user.git("lfs", "install", "--local")
    user.git("lfs", "pull")
    assert user.read("a.bin") == large(1)


def test_the_host_sees_a_pointer_file_for_all_that_it_keeps(
    git_lfs: None, team: Team, lfs_server: LfsServer, tmp_path: Path
) -> None:
    """Hosts free objects that no pointer file names. git-lfs, which looks as they do, agrees."""
    for number, name in enumerate(("maker", "other")):
        repo = set_up(team.clone(name), lfs_server)
        for seed in (1, 2 + number):
            repo.write("large.bin", large(seed))
            snap(repo, f"seed {seed}")
            push_plainly(repo)
    refs = [name for name in team.origin.refs("refs/datmo-store") if name.endswith("/pointers")]
    assert len(refs) == 2
    listed = {
        line.split()[0]
        for ref in refs
        for line in team.origin.git("lfs", "ls-files", "--long", ref).splitlines()
    }
    assert listed == lfs_server.oids == {sha256(large(seed)) for seed in (1, 2, 3)}

    user = Repo.init(tmp_path / "user")
    user.git("config", "lfs.url", lfs_server.url)
    user.git("lfs", "install", "--local")
    found = set()
    for ref in refs:  # the second clone listed only what the first had not brought
        user.git("fetch", "-q", str(team.origin.path), ref)
        user.git("checkout", "-q", "FETCH_HEAD")
        found |= {path.read_bytes() for path in user.path.glob("??/*") if path.is_file()}
    assert found == {large(seed) for seed in (1, 2, 3)}


def test_what_remote_show_says(team: Team, lfs_server: LfsServer) -> None:
    maker = set_up(team.clone("maker"), lfs_server)
    said = datmo("remote", "show", cwd=maker.path).stdout
    assert lfs_server.url in said
    lfs_server.stop()
    try:
        said = datmo("remote", "show", cwd=maker.path, check=False).stdout
        assert "cannot be reached" in said
    finally:
        lfs_server.start()


def test_a_remote_without_a_server(team: Team) -> None:
    maker = team.clone("maker")
    maker.git("config", "datmo.origin.store", "lfs")
    maker.write("large.bin", large(1))
    snap(maker, "first")
    failed = datmo("push", cwd=maker.path, check=False)
    assert failed.code == 7
    assert "no Git LFS server" in failed.stderr
    assert "lfsurl" in failed.stderr


@pytest.mark.torture
def test_a_push_that_is_killed_anywhere_is_finished_by_the_next(
    team: Team, lfs_server: LfsServer
) -> None:
    maker = set_up(team.clone("maker"), lfs_server)
    for seed in range(6):
        maker.write(f"{seed}.bin", large(seed))
    oid = snap(maker, "first")
    everything = {sha256(large(seed)) for seed in range(6)}
    lfs_server.slow = 0.02

    def moved() -> int:
        return sum(seen.body for seen in lfs_server.requests("PUT"))

    moments: list[Callable[[], bool]] = [
        lambda: bool(lfs_server.requests("POST", "batch")),
        lambda: moved() > 300_000,
        lambda: moved() > 2_000_000 or len(lfs_server.oids) > 3,
        lambda: lfs_server.oids == everything,
    ]
    for moment in moments:
        lfs_server.seen.clear()
        process = subprocess.Popen(
            [sys.executable, "-m", "git_datmo", "push"],
            cwd=maker.path,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        wait_for(moment, 60)
        assert process.poll() is None
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        wait_for(lambda: lfs_server.litter == [])
        assert team.origin.refs("refs/datmo") == {} or lfs_server.oids == everything
        for name in lfs_server.oids:
            assert sha256(lfs_server.path(name).read_bytes()) == name
    lfs_server.slow = 0
    lfs_server.seen.clear()
    datmo("push", cwd=maker.path)
    assert lfs_server.oids == everything
    assert team.origin.try_git("fsck", "--strict").returncode == 0
    reader = set_up(team.clone("reader"), lfs_server)
    reader.git("fetch", "-q")
    datmo("snapshot", "checkout", oid, cwd=reader.path)
    assert all(reader.read(f"{seed}.bin") == large(seed) for seed in range(6))


def test_a_list_that_was_deleted_at_the_host_comes_back(team: Team, lfs_server: LfsServer) -> None:
    """Somebody tidies refs that look strange: the content is still there and is listed anew."""
    maker = set_up(team.clone("maker"), lfs_server)
    maker.write("large.bin", large(1))
    snap(maker, "first")
    push_plainly(maker)
    for name in team.origin.refs("refs/datmo-store"):
        team.origin.git("update-ref", "-d", name)
    maker.write("second.txt", "2")
    oid = snap(maker, "second")
    lfs_server.seen.clear()
    push_plainly(maker)
    assert lfs_server.requests("PUT") == []
    reader = set_up(team.clone("reader"), lfs_server)
    shutil.rmtree(maker.path)
    reader.git("fetch", "-q")
    datmo("snapshot", "checkout", oid, cwd=reader.path)
    assert contents(reader) == large(1)
