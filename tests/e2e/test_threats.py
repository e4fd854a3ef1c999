"""What a colleague with bad intentions, or who broke into a remote, can do to those who fetch."""

from __future__ import annotations

import os
import zlib
from pathlib import Path

import pytest

from git_datmo.records import layout
from git_datmo.storage.gitformat import object_id
from tests.e2e.team import BOTH, Team, snap, state
from tests.kit.checks import assert_clean, untouched
from tests.kit.git import Repo
from tests.kit.program import datmo
from tests.records.chains import TRAILERS, Someone


@pytest.fixture
def team(tmp_path: Path) -> Team:
    return Team(tmp_path)


def plant(repo: Repo, kind: str, data: bytes) -> str:
    """Put an object into a repository as it is, whatever git thinks of it."""
    oid = object_id(kind, data)
    path = repo.common_dir / "objects" / oid[:2] / oid[2:]
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(zlib.compress(b"%s %d\0" % (kind.encode(), len(data)) + data))
    return oid


def offer(origin: Repo, tree: str, message: str = "take me") -> str:
    """A snapshot of a tree, with its note, as a clone of somebody else's would have pushed it."""
    someone = Someone(origin)
    oid = someone.commit(layout.message(message, dict(TRAILERS)), tree)
    tip = someone.tell({oid: someone.line(message=message)})
    origin.git("update-ref", "-d", someone.ref)
    origin.git("update-ref", f"refs/datmo/notes/{someone.clone}", tip)
    origin.git("update-ref", layout.SNAPSHOTS + oid, oid)
    return oid


def test_a_tree_that_leads_into_git_does_not_arrive(team: Team, tmp_path: Path):
    """Our own fetch has git check what it gets; what plain git let in is refused at the door."""
    reader = team.member("reader")
    blob = plant(team.origin, "blob", b"#!/bin/sh\ntouch pwned\n")
    hooks = plant(team.origin, "tree", b"100755 post-commit\0" + bytes.fromhex(blob))
    git = plant(team.origin, "tree", b"40000 hooks\0" + bytes.fromhex(hooks))
    tree = plant(team.origin, "tree", b"40000 .git\0" + bytes.fromhex(git))
    oid = offer(team.origin, tree)
    with untouched(reader):
        done = datmo("pull", cwd=reader.path, check=False)
    assert done.code == 7
    assert "hasDotgit" in done.stderr
    assert oid not in state(reader)
    reader.git("fetch", "-q", "origin", BOTH)
    with untouched(reader):
        done = datmo("snapshot", "checkout", oid, cwd=reader.path, check=False)
        into = datmo(
            *("snapshot", "checkout", oid, "--into", tmp_path / "out"), cwd=reader.path, check=False
        )
    assert (done.code, into.code) == (4, 4)
    assert ".git" in done.stderr
    assert not (reader.git_dir / "hooks" / "post-commit").read_text().count("pwned")
    assert not (tmp_path / "out").exists()


def test_nothing_that_is_fetched_is_run(team: Team, tmp_path: Path):
    """Filters, hooks, commands and settings of a snapshot are files like any others."""
    maker, reader = team.member("maker"), team.member("reader")
    trap = tmp_path / "trap"
    command = f"touch {trap}"
    maker.write(".gitattributes", "* filter=evil diff=evil\n")
    maker.write(
        ".datmoconfig", f'[filter "evil"]\n\tsmudge = {command}\n[core]\n\tpager = {command}\n'
    )
    maker.write("hooks/post-checkout", f"#!/bin/sh\n{command}\n", mode=0o755)
    maker.write("config.json", f'{{"cmd": "$({command})"}}')
    maker.write("Dockerfile", f"FROM scratch\nRUN {command}\n")
    oid = snap(maker, f"$({command})", "--label", f"`{command}`")
    datmo("push", cwd=maker.path)
    datmo("pull", "--content", cwd=reader.path)
    for words in (["ls", "--details"], ["inspect", oid], ["diff", oid], ["checkout", oid]):
        datmo("snapshot", *words, cwd=reader.path)
    datmo("verify", cwd=reader.path)
    assert reader.read("hooks/post-checkout") == maker.read("hooks/post-checkout")
    assert not trap.exists()
    assert_clean(reader)


def test_what_a_remote_moves_or_deletes_is_still_here(team: Team):
    maker, reader = team.member("maker"), team.member("reader")
    maker.write("a.txt", "a\n")
    oid = snap(maker, "mine", "--label", "best")
    datmo("push", cwd=maker.path)
    datmo("pull", cwd=reader.path)
    unpushed = snap(reader, "not pushed yet")
    known, own = state(maker), maker.refs("refs/datmo", "refs/datmo-local")
    seed = team.origin.git("rev-parse", "main")
    for name in team.origin.refs("refs/datmo"):
        if name.startswith("refs/datmo/notes/"):
            team.origin.git("update-ref", name, seed)
        else:
            team.origin.git("update-ref", "-d", name)
    team.origin.git("update-ref", layout.SNAPSHOTS + oid, seed)
    for repo in (maker, reader):
        repo.git("config", "fetch.prune", "true")
        repo.try_git("fetch", "-q")
        datmo("fetch", cwd=repo.path, check=False)
    assert maker.refs("refs/datmo", "refs/datmo-local") == own
    assert state(maker) == known
    assert unpushed in state(reader)
    assert maker.git("rev-parse", f"{oid}:a.txt") == maker.git("hash-object", "a.txt")


def test_a_ref_that_stands_for_a_branch_moves_no_branch(team: Team):
    repo = team.member("maker")
    before = repo.refs("refs/heads")
    someone = "refs/datmo/snapshots/" + "1" * 40
    repo.git("symbolic-ref", someone, "refs/heads/main")
    repo.git("symbolic-ref", "refs/datmo/notes/" + "e" * 16, "refs/heads/main")
    repo.write("x.txt", "x\n")
    with untouched(repo):
        oid = snap(repo, "mine")
        datmo("snapshot", "update", oid, "--label", "x", cwd=repo.path)
        datmo("push", cwd=repo.path)
    assert repo.refs("refs/heads") == before
    assert oid in state(repo)


def test_names_are_never_commands(team: Team):
    repo = team.member("maker")
    name = "--upload-pack=touch trap;$(touch trap)"
    oid = snap(repo, name, f"--label={name}")
    done = datmo("verify", "--json", "--", name, cwd=repo.path)
    assert done.json()["verdicts"][0]["id"] == oid
    assert datmo("push", "--", name, cwd=repo.path, check=False).code == 7
    assert not list(team.root.rglob("trap*"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_repository_of_somebody_else_is_refused(team: Team):
    """Its settings name programs that git runs: git refuses it, and so do we."""
    repo = team.member("theirs")
    for path in (repo.path, repo.git_dir):
        os.chown(path, 65534, 65534)
    for words in (["snapshot", "ls"], ["snapshot", "-m", "x"], ["verify"]):
        done = datmo(*words, cwd=repo.path, check=False)
        assert done.code == 128
        assert "safe.directory" in done.stderr
