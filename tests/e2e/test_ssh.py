"""Sharing over ssh: plain git and ours, however the address is written."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from git_datmo.compat import em
from tests.e2e.team import GLOB, Team, large, push_plainly, snap, state
from tests.kit.checks import assert_clean
from tests.kit.git import Repo, run_git
from tests.kit.program import datmo
from tests.kit.sshd import Sshd
from tests.kit.wire import wire


@pytest.fixture
def team(tmp_path: Path) -> Team:
    return Team(tmp_path)


def over(repo: Repo, url: str) -> Repo:
    """The clone, with this address for its remote."""
    repo.git("remote", "set-url", "origin", url)
    return repo


def maker(team: Team, url: str) -> Repo:
    made = over(team.clone("maker"), url)
    made.write("large.bin", large(1))
    snap(made, "first", "--label", "first")
    return made


def stored(origin: Path) -> list[Path]:
    return list((origin / "datmo" / "store").glob("??/*"))


@pytest.mark.parametrize("how", ["git", "datmo"])
def test_push_and_a_fresh_clone(team: Team, sshd: Sshd, how: str, tmp_path: Path):
    url = sshd.url(team.origin.path)
    made = maker(team, url)
    if how == "git":
        push_plainly(made)
    else:
        said = datmo("push", cwd=made.path)
        assert "1" in said.stdout
    assert len(stored(team.origin.path)) == 1

    run_git("clone", "-q", url, str(tmp_path / "fresh"))
    fresh = Repo(tmp_path / "fresh")
    if how == "git":
        fresh.git("fetch", "-q", "origin", f"{GLOB}:{GLOB}")
    else:
        datmo("init", cwd=fresh.path)
        datmo("pull", cwd=fresh.path)
    assert state(fresh) == state(made)
    datmo("snapshot", "checkout", "first", cwd=fresh.path)
    assert fresh.read("large.bin") == large(1)
    assert_clean(fresh)
    assert_clean(made)


def test_pull_brings_content(team: Team, sshd: Sshd):
    made = maker(team, sshd.url(team.origin.path))
    made.write("second.bin", large(2))
    snap(made, "second")
    datmo("push", cwd=made.path)
    assert len(stored(team.origin.path)) == 2
    reader = over(team.clone("reader"), sshd.url(team.origin.path))
    said = datmo("pull", "--content", cwd=reader.path)
    assert "2 files" in said.stdout + said.stderr
    assert sorted(file.stat().st_size for file in stored(reader.git_dir)) == [1_100_000] * 2


def test_folders_lie_there_too(team: Team, sshd: Sshd, monkeypatch: pytest.MonkeyPatch):
    url = sshd.url(team.origin.path)
    made = over(team.clone("maker"), url)
    monkeypatch.chdir(made.path)
    run = em.create_run(name="mnist", hparams={"lr": 0.1})
    weights = em.create_artifact("weights")
    made.write("w.bin", large(1))
    weights.add_file("w.bin")
    run.mark_output(weights)
    run.finish()
    datmo("em", "upload", run.local, "-f", "digits", "-m")
    reader = over(team.clone("reader"), url)
    listed = datmo("em", "ls", "/ada/digits", "--json", cwd=reader.path).json()
    assert [node["name"] for node in listed] == ["mnist", "weights"]
    monkeypatch.chdir(reader.path)
    datmo("artifact", "get", weights.alternative_name, "--into", "got")
    assert reader.read("got/w.bin") == large(1)
    assert_clean(reader)


def scp_like(server: Sshd, origin: Path) -> str:
    return f"lab:{origin}"


def scp_like_from_home(server: Sshd, origin: Path) -> str:
    # Relative paths start where the session does, whatever HOME says.
    return f"lab:{os.path.relpath(origin, Path('~' + server.user).expanduser())}"


def tilde(server: Sshd, origin: Path) -> str:
    (server.home / "project.git").symlink_to(origin)
    return f"{server.url('/~/project.git')}"


def scp_tilde(server: Sshd, origin: Path) -> str:
    (server.home / "project.git").symlink_to(origin)
    return "lab:~/project.git"


def odd_names(server: Sshd, origin: Path) -> str:
    there = origin.with_name("a place, 'quoted' \"twice\" $HOME `id` ünï*.git")
    there.symlink_to(origin)
    return f"lab:{there}"


def odd_names_in_url(server: Sshd, origin: Path) -> str:
    there = origin.with_name("a place & ünï 'x'.git")
    there.symlink_to(origin)
    return server.url(there.as_uri().removeprefix("file://"))


def without_suffix(server: Sshd, origin: Path) -> str:
    return f"lab:{origin.with_suffix('')}"


@pytest.mark.parametrize(
    "written",
    [
        scp_like,
        scp_like_from_home,
        tilde,
        scp_tilde,
        odd_names,
        odd_names_in_url,
        without_suffix,
    ],
)
def test_every_way_to_write_an_address(
    team: Team, sshd: Sshd, written: Callable[[Sshd, Path], str]
):
    url = written(sshd, team.origin.path)
    made = maker(team, url)
    push_plainly(made)
    assert len(stored(team.origin.path)) == 1
    reader = over(team.clone("reader"), url)
    datmo("pull", "--content", cwd=reader.path)
    assert len(stored(reader.git_dir)) == 1


def test_a_remote_with_a_work_tree(team: Team, sshd: Sshd):
    """A colleague's clone, or a work tree of it: the store is the one they use themselves."""
    theirs = team.clone("theirs")
    made = maker(team, f"lab:{theirs.path}")
    push_plainly(made)
    assert len(stored(theirs.git_dir)) == 1
    linked = theirs.worktree(team.root / "linked")
    over(made, f"lab:{linked.path}")
    made.write("second.bin", large(2))
    snap(made, "second")
    push_plainly(made)
    assert len(stored(theirs.git_dir)) == 2
    datmo("snapshot", "checkout", "first", cwd=theirs.path)
    assert theirs.read("large.bin") == large(1)


@pytest.mark.parametrize("setting", ["core.sshCommand", "GIT_SSH", "command line"])
def test_ssh_is_run_as_git_would(
    team: Team, sshd: Sshd, setting: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("GIT_SSH_COMMAND")
    made = maker(team, f"lab:{team.origin.path}")
    options: list[str] = []
    if setting == "core.sshCommand":
        made.git("config", "core.sshCommand", sshd.command)
    elif setting == "GIT_SSH":
        script = team.root / "my ssh"
        script.write_text(f'#!/bin/sh\nexec {sshd.command} "$@"\n')
        script.chmod(0o755)
        monkeypatch.setenv("GIT_SSH", str(script))
    else:
        options = ["-c", f"core.sshCommand={sshd.command}"]
    made.git(*options, "push", "-q", "origin", GLOB)
    assert len(stored(team.origin.path)) == 1


def test_a_store_folder_over_ssh(team: Team, sshd: Sshd, tmp_path: Path):
    store = tmp_path / "big disk" / "datmo"
    made = maker(team, str(team.origin.path))
    named = f"ssh://lab{store.as_uri().removeprefix('file://')}"
    made.git("config", "datmo.origin.store", named)
    push_plainly(made)
    assert len(list(store.glob("??/*"))) == 1
    assert not stored(team.origin.path)
    reader = team.clone("reader")
    reader.git("config", "datmo.origin.store", named)
    datmo("snapshot", "checkout", "first", "--into", "out", cwd=reader.path, check=False)
    datmo("pull", "--content", cwd=reader.path)
    assert len(stored(reader.git_dir)) == 1


def test_a_push_that_was_cut_goes_on(team: Team, sshd: Sshd):
    """The content does not arrive, so no ref does; the next push sends the rest."""
    size = 20_000_000
    with wire(sshd.port) as line:
        made = over(team.clone("maker"), sshd.url(team.origin.path, line.port))
        made.write("large.bin", os.urandom(size))
        snap(made, "first")
        line.limit_up = size // 2
        done = made.try_git("push", "-q", "origin", GLOB)
        assert done.returncode != 0
        assert "Traceback" not in done.stderr
        assert "what arrived is kept" in done.stderr
        assert team.origin.refs("refs/datmo") == {}
        assert stored(team.origin.path) == []
        assert team.origin.git("fsck", "--strict") == ""
        line.mend()
        push_plainly(made)
        assert line.up < size * 0.7
    assert len(stored(team.origin.path)) == 1


def test_a_push_that_is_killed_leaves_nothing_that_counts(team: Team, sshd: Sshd):
    size = 40_000_000
    with wire(sshd.port) as line:
        made = over(team.clone("maker"), sshd.url(team.origin.path, line.port))
        made.write("large.bin", os.urandom(size))
        snap(made, "first")
        words = [sys.executable, "-m", "git_datmo", "push"]
        with (team.root / "said").open("wb") as said:
            push = subprocess.Popen(words, cwd=made.path, stdout=said, stderr=said)
            while line.up < size // 4 and push.poll() is None:
                time.sleep(0.002)
            push.kill()
            push.wait(10)
        assert line.up < size
        assert team.origin.refs("refs/datmo") == {}
        assert stored(team.origin.path) == []
        assert team.origin.git("fsck", "--strict") == ""
        datmo("push", cwd=made.path)
    assert len(stored(team.origin.path)) == 1
    reader = over(team.clone("reader"), sshd.url(team.origin.path))
    datmo("pull", "--content", cwd=reader.path)
    assert len(stored(reader.git_dir)) == 1


def test_a_host_that_gives_no_shell(team: Team, make_sshd: Callable[..., Sshd], tmp_path: Path):
    """git-shell, as most git servers: content goes into refs that git itself serves."""
    server = make_sshd('ForceCommand git-shell -c "$SSH_ORIGINAL_COMMAND"')
    made = maker(team, server.url(team.origin.path))
    push_plainly(made)
    assert stored(team.origin.path) == []
    assert len(team.origin.refs("refs/datmo-store")) > 0
    reader = over(team.clone("reader"), server.url(team.origin.path))
    datmo("pull", "--content", cwd=reader.path)
    assert len(stored(reader.git_dir)) == 1
    assert_clean(reader)


def test_a_host_that_is_not_there(team: Team, sshd: Sshd):
    made = maker(team, sshd.url(team.origin.path))
    sshd.stop()
    done = datmo("push", cwd=made.path, check=False)
    assert done.code == 7
    assert "Connection refused" in done.stderr
    assert "Traceback" not in done.stderr


def test_remote_show_says_what_is_there(team: Team, sshd: Sshd):
    made = maker(team, sshd.url(team.origin.path))
    datmo("push", cwd=made.path)
    said = datmo("remote", "show", "origin", cwd=made.path).stdout
    assert sshd.url(team.origin.path) in said


def test_a_control_master_is_used(team: Team, sshd: Sshd, monkeypatch: pytest.MonkeyPatch):
    """One login for git and for us; its master outlives the connections we close."""
    socket = shlex.quote(str(team.root / "m"))
    shared = f"-o ControlMaster=auto -o ControlPath={socket} -o ControlPersist=30"
    monkeypatch.setenv("GIT_SSH_COMMAND", f"{sshd.command} {shared}")
    made = maker(team, f"lab:{team.origin.path}")
    try:
        push_plainly(made)
        datmo("pull", "--content", cwd=made.path)
    finally:
        run = f"{sshd.command} {shared} -O exit lab"
        assert os.system(f"{run} 2>{shlex.quote(str(team.root / 'said'))}") == 0
    assert (sshd.folder / "log").read_text().count("Accepted publickey") == 1
    assert len(stored(team.origin.path)) == 1
