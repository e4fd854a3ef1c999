"""Remotes that take no snapshots: each says why, and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.team import GLOB, Team, snap, state
from tests.kit.checks import assert_clean
from tests.kit.git import Repo
from tests.kit.program import datmo


@pytest.mark.parametrize("setting", ["transfer.hideRefs", "receive.hideRefs"])
def test_a_server_that_hides_our_refs(team: Team, maker: Repo, setting: str) -> None:
    team.origin.git("config", setting, "refs/datmo")
    maker.write("new.txt", "new")
    snap(maker, "second")
    before = state(maker)
    failed = datmo("push", cwd=maker.path, check=False)
    assert failed.code == 7
    assert "hides refs/datmo/*" in failed.stderr
    assert "hint: ask whoever runs it" in failed.stderr
    datmo("fetch", cwd=maker.path)
    assert state(maker) == before
    team.origin.git("config", "--unset", setting)
    datmo("push", cwd=maker.path)
    reader = team.clone("reader")
    datmo("pull", cwd=reader.path)
    assert state(reader) == before
    assert_clean(maker)


def test_a_hook_of_the_server_is_quoted(team: Team, maker: Repo) -> None:
    hook = team.origin.path / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho branches only >&2\nexit 1\n")
    hook.chmod(0o755)
    maker.write("new.txt", "new")
    snap(maker, "second")
    failed = datmo("push", cwd=maker.path, check=False)
    assert failed.code == 7
    assert "the remote refused: pre-receive hook declined" in failed.stderr
    assert "branches only" in failed.stderr


def test_nothing_is_pushed_into_a_bundle(team: Team, maker: Repo, tmp_path: Path) -> None:
    bundle = tmp_path / "all.bundle"
    maker.git("bundle", "create", "-q", str(bundle), "--all")
    reader = Repo(tmp_path / "reader")
    maker.git("clone", "-q", str(bundle), str(reader.path), "-b", "main")
    datmo("init", cwd=reader.path)
    datmo("pull", cwd=reader.path)
    reader.write("mine.txt", "mine")
    snap(reader, "mine")
    failed = datmo("push", cwd=reader.path, check=False)
    assert failed.code == 7
    assert "is a file (a bundle)" in failed.stderr


def test_a_shallow_clone_pushes_where_the_history_is(team: Team, maker: Repo) -> None:
    maker.commit("two")
    maker.git("push", "-q", "origin", "main")
    url = f"file://{team.origin.path}"
    reader = Repo(team.root / "shallow")
    maker.git("clone", "-q", "--depth", "1", url, str(reader.path))
    datmo("init", cwd=reader.path)
    reader.write("mine.txt", "mine")
    mine = snap(reader, "mine")

    empty = Repo.bare(team.root / "empty.git")
    reader.git("remote", "add", "empty", str(empty.path))
    failed = datmo("push", "empty", cwd=reader.path, check=False)
    assert failed.code == 7
    assert "this clone is shallow" in failed.stderr
    assert "git fetch --unshallow" in failed.stderr
    plain = reader.try_git("push", "empty", GLOB)
    assert "shallow update not allowed" in plain.stderr
    assert empty.refs("refs/datmo/notes", "refs/datmo/snapshots") == {}

    datmo("push", "origin", cwd=reader.path)
    datmo("pull", cwd=maker.path)
    assert mine in state(maker)
    reader.git("fetch", "-q", "--unshallow", "origin")
    datmo("push", "empty", cwd=reader.path)
    assert f"refs/datmo/snapshots/{mine}" in empty.refs()
    assert_clean(empty)
    assert_clean(reader)


def test_a_server_that_deletes_nothing(team: Team, maker: Repo) -> None:
    hook = team.origin.path / "hooks" / "update"
    hook.write_text("#!/bin/sh\ncase $3 in *[!0]*) ;; *) exit 1 ;; esac\n")
    hook.chmod(0o755)
    [retired] = maker.refs("refs/datmo/snapshots")
    maker.git("update-ref", "-d", retired)
    done = datmo("push", cwd=maker.path)
    assert "origin keeps what was retired here (1 ref)" in done.stderr
    assert retired in team.origin.refs()
    hook.unlink()
    datmo("push", cwd=maker.path)
    assert retired not in team.origin.refs()
    assert len(state(maker)) == 1
