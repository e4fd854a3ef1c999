"""Doctor and what is recorded: refs, the index, loose objects, this clone's id, dead runs."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from git_datmo.api import location, snapshot
from git_datmo.model.checkup import LEFT
from git_datmo.records import layout
from tests.e2e.team import BOTH, Team, large, snap
from tests.kit.git import Repo
from tests.kit.program import datmo
from tests.kit.sickness import (
    assert_cured,
    assert_named,
    assert_well,
    home,
    kept_aside,
    look,
    old,
    own_ref,
    told,
    touched,
)


def test_the_index(ill: Repo) -> None:
    for how in ("garbage", "empty", "another version", "no tables", "a folder"):
        index = home(ill) / "index.sqlite"
        if how == "garbage":
            index.write_bytes(b"garbage " * 4096)
        elif how == "empty":
            index.write_bytes(b"")
        elif how == "a folder":
            index.unlink()
            touched(index / "something")
        else:
            said = "PRAGMA user_version = 1" if how == "another version" else "DROP TABLE facts"
            _sql(index, said)
        assert_cured(ill, ["index.sqlite"])
        assert [one.label for one in snapshot.ls(location.find(ill.path))] == ["first"]
        if how == "a folder":
            assert kept_aside(ill) == {"index.sqlite/something"}


def _sql(path: Path, statement: str) -> None:
    import sqlite3

    connection = sqlite3.connect(path)
    connection.execute(statement)
    connection.commit()
    connection.close()


def test_an_index_that_lies(ill: Repo) -> None:
    _sql(home(ill) / "index.sqlite", "UPDATE objects SET label = 'other' WHERE label = 'first'")
    assert told(look(ill)) == []
    assert_cured(ill, ["index.sqlite"], full=True)
    assert [one.label for one in snapshot.ls(location.find(ill.path))] == ["first"]


def test_an_index_that_is_behind(ill: Repo) -> None:
    shutil.copy(home(ill) / "index.sqlite", ill.path.parent / "before")
    snapshot.update(location.find(ill.path), "first", label="second")
    shutil.copy(ill.path.parent / "before", home(ill) / "index.sqlite")
    assert_cured(ill, ["index.sqlite"])


def test_remembered_digests(ill: Repo) -> None:
    for name in ("stamps.sqlite", "sha256.sqlite"):
        (home(ill) / name).write_bytes(b"garbage " * 4096)
    assert_cured(ill, ["stamps.sqlite", "sha256.sqlite"])


def test_refs_that_cannot_be_read(ill: Repo) -> None:
    for content in (b"", b"garbage\n", b"ref: refs/heads/main\n"):
        before = ill.refs("refs/datmo", "refs/datmo-local")
        [state] = ill.refs(layout.SNAPSHOTS)
        head = ill.head()
        theirs = "refs/datmo-remotes/hub/notes/" + "f" * 16
        names = [own_ref(ill), layout.LOCAL_TIP, state, theirs]
        for name in names:
            touched(ill.git_dir / name).write_bytes(content)
        assert_cured(ill, names)
        assert ill.refs("refs/datmo", "refs/datmo-local") == before
        assert ill.head() == head
        assert kept_aside(ill) >= set(names)


def test_the_ref_of_our_notes_is_gone_or_behind(ill: Repo) -> None:
    name = own_ref(ill)
    tip = ill.git("rev-parse", name)
    ill.git("update-ref", "-d", name)
    assert_cured(ill, [name])
    ill.git("update-ref", name, f"{tip}^")
    assert_cured(ill, [name])
    for other in (name, layout.LOCAL_TIP):
        (ill.git_dir / other).write_text("1" * 40 + "\n")
        assert_cured(ill, [other])
    ill.git("update-ref", "-d", layout.LOCAL_TIP)
    assert_cured(ill, [layout.LOCAL_TIP])
    assert ill.refs(layout.LOCAL, layout.NOTES) == {name: tip, layout.LOCAL_TIP: tip}


def test_a_clone_id_that_no_longer_fits(ill: Repo) -> None:
    for how in ("copied", "garbage", "missing"):
        name, file = own_ref(ill), home(ill) / "clone"
        if how == "copied":
            file.write_bytes(file.read_bytes().replace(b'"machine": "', b'"machine": "x'))
        elif how == "garbage":
            file.write_bytes(b"")
        else:
            file.unlink()
        assert_cured(ill, ["datmo/clone"])
        assert own_ref(ill) != name
        [one] = snapshot.ls(location.find(ill.path))
        snapshot.update(location.find(ill.path), one.id, message="still ours")


def test_refs_in_the_wrong_place(ill: Repo) -> None:
    head, stranger = ill.head(), "refs/datmo/notes/" + "e" * 16
    ill.git("update-ref", stranger, own_ref(ill))
    for name in ("refs/datmo/whatever/x", "refs/datmo/snapshots/-x"):
        ill.git("update-ref", name, head)
    assert_cured(ill, [stranger, "whatever/x", "snapshots/-x"])
    assert set(ill.refs(layout.PLAIN).values()) == {head, ill.git("rev-parse", own_ref(ill))}


def test_a_ref_without_a_proper_name(ill: Repo) -> None:
    kept = ill.git("commit-tree", "HEAD^{tree}", "-m", "only here")
    touched(ill.git_dir / "refs/datmo/snapshots/a b").write_text(kept + "\n")
    assert_cured(ill, ["snapshots/a b"])
    assert ill.refs(layout.PLAIN) == {f"refs/datmo-remotes/_plain/rescued/{kept}": kept}
    assert kept_aside(ill) == {"refs/datmo/snapshots/a b"}


def test_refs_without_their_object(ill: Repo) -> None:
    theirs = "refs/datmo-remotes/hub/snapshots/" + "1" * 40
    touched(ill.git_dir / theirs).write_text("1" * 40 + "\n")
    assert_cured(ill, [theirs])
    assert kept_aside(ill) == {theirs}


def test_a_run_whose_process_died(ill: Repo) -> None:
    from git_datmo.records import flights

    project = location.find(ill.path)
    never = flights.create(project)
    never.write({"status": "preparing"})
    never.release()
    old(never.path / "run.json", 120)
    damaged = flights.create(project)
    damaged.log.write_text("epoch 1: 0.5\n")
    (damaged.path / "run.json").touch()
    damaged.release()
    assert_cured(ill, [never.id, damaged.id])
    assert f"runs/{damaged.id}/log" in kept_aside(ill)


@pytest.mark.parametrize("how", ["empty", "garbage"])
def test_loose_objects(ill: Repo, how: str) -> None:
    [tip] = set(ill.refs(layout.SNAPSHOTS).values())
    oid = ill.git("rev-parse", f"{tip}:code.py")
    path = ill.git_dir / "objects" / oid[:2] / oid[2:]
    path.chmod(0o644)
    path.write_bytes(b"" if how == "empty" else b"garbage")
    assert_named(ill, [oid])
    assert look(ill).ok
    assert f"objects/{oid[:2]}/{oid[2:]}" in kept_aside(ill)
    # What the file was in the way of: the same content is recorded again, and all is well.
    ill.git("add", "--renormalize", ".")
    snapshot.create(location.find(ill.path), message="again", config={"again": True})
    ill.git("hash-object", "-w", "code.py")
    assert_well(ill, full=True)


def test_a_loose_object_with_a_flipped_bit(ill: Repo) -> None:
    oid = ill.git("hash-object", "-w", "--stdin", input=b"unused" * 1000)
    path = ill.git_dir / "objects" / oid[:2] / oid[2:]
    data = path.read_bytes()
    path.chmod(0o644)
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    assert told(look(ill)) == []
    assert_cured(ill, [oid], full=True)


def test_a_hub_is_nobodys_project(tmp_path: Path) -> None:
    team = Team(tmp_path)
    ann = team.clone("ann")
    ann.write("model.bin", large(1))
    snap(ann, "model")
    datmo("push", cwd=ann.path)
    assert told(look(team.origin)) == []  # This made the index, as any command that reads does.
    assert_well(team.origin, full=True)
    assert not (team.origin.path / "datmo" / "store-id").exists()
    # What others brought by a plain fetch, before init: it is read, and left alone.
    reader = team.clone("reader", init=False)
    reader.git("fetch", "-q", "origin", BOTH)
    assert told(look(reader)) == []
    assert_well(reader)


def test_an_object_that_a_remote_has(tmp_path: Path) -> None:
    team = Team(tmp_path)
    ann = team.clone("ann")
    ann.write("code.py", "2\n")
    oid = snap(ann, "shared")
    datmo("push", cwd=ann.path)
    for lost in (oid, ann.git("rev-parse", f"{oid}:code.py")):
        (ann.git_dir / "objects" / lost[:2] / lost[2:]).unlink()
    found = told(look(ann, full=True))
    assert LEFT in {one.state for one in found}
    assert any(oid in one.message for one in found)
    assert any("git fetch --refetch" in one.advice for one in found)
    ann.git("fetch", "-q", "--refetch")
    assert look(ann, full=True).ok
    assert_well(ann, full=True)
