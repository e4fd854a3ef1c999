"""Each ailment is planted, named by a dry run that changes nothing, mended, and gone."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from git_datmo.api import location, snapshot
from git_datmo.model.checkup import LEFT, REMARK
from git_datmo.records import layout
from git_datmo.storage import aside
from tests.e2e.team import BOTH, Team, large, snap
from tests.kit.git import Repo
from tests.kit.program import datmo
from tests.kit.sickness import assert_cured, assert_named, assert_well, look, old, told, unchanged


@pytest.fixture
def ill(project: Repo) -> Repo:
    """A project with a snapshot, about to be hurt."""
    project.git("config", "datmo.autoSnapshot", "false")  # its process would write meanwhile
    project.write("model.bin", large(1))
    project.write("code.py", "1\n")
    project.commit()
    snapshot.create(location.find(project.path), message="one", label="first")
    return project


def home(repo: Repo) -> Path:
    return repo.git_dir / "datmo"


def kept_aside(repo: Repo) -> set[str]:
    room = home(repo) / aside.ROOM
    return {
        "/".join(path.relative_to(room).parts[1:]) for path in room.rglob("*") if path.is_file()
    }


def own_ref(repo: Repo) -> str:
    [name] = repo.refs(layout.NOTES)
    return name


def test_a_sound_project_is_left_alone(ill: Repo) -> None:
    assert_named(ill, [], full=True)
    assert_well(ill)
    assert_well(ill, full=True)


def test_without_a_project(repo: Repo) -> None:
    done = datmo("doctor", cwd=repo.path, check=False)
    assert done.code == 3
    assert "init" in done.stderr
    assert not home(repo).exists()


def test_locks_of_the_dead(ill: Repo) -> None:
    locks = [own_ref(ill) + ".lock", "refs/datmo-local/notes.lock", "packed-refs.lock"]
    for name in locks:
        old(_touched(ill.git_dir / name), 120)
    (home(ill) / "index.lock").touch()
    assert_cured(ill, [*locks, "datmo/index.lock"])


def test_locks_that_a_dead_writer_announced(ill: Repo) -> None:
    lock = ill.git_dir / (own_ref(ill) + ".lock")
    (home(ill) / "intent").write_text(f'{{"locks": ["{lock}"], "pid": 1}}')
    lock.touch()
    assert_cured(ill, ["datmo/intent"])
    assert not lock.exists()


def test_locks_of_the_living_stay(ill: Repo) -> None:
    lock = old(_touched(ill.git_dir / "packed-refs.lock"), 120)
    linked = ill.worktree(ill.path.parent / "linked")
    for words, folder in (
        ([], ill.path),
        ([], linked.path),
        (["--git-dir", "repo/.git"], ill.path.parent),
    ):
        # A git that waits for its standard input.
        waiting = ["git", *words, "cat-file", "--batch"]
        with subprocess.Popen(waiting, cwd=folder, stdin=subprocess.PIPE) as holder:
            [left] = told(look(ill))
            holder.communicate()
        assert left.state == LEFT, words
        assert f"rm '{lock}'" in left.advice
        assert lock.exists()
    # Any other program that has it open.
    with (
        lock.open() as opened,
        subprocess.Popen(["cat"], stdin=subprocess.PIPE, pass_fds=[opened.fileno()]) as other,
    ):
        [left] = told(look(ill))
        other.communicate()
    assert left.state == LEFT
    # As long as it is young, it is nothing at all.
    lock.touch()
    assert told(look(ill)) == []
    old(lock, 120)
    # The git that waits for `git datmo doctor` itself holds nothing.
    assert subprocess.run(["git", "datmo", "doctor"], cwd=ill.path).returncode == 0
    assert not lock.exists()
    assert_well(ill)


def test_a_lock_of_the_users_is_only_named(ill: Repo) -> None:
    lock = old(_touched(ill.git_dir / "index.lock"), 120)
    assert_named(ill, [".git/index.lock"])
    assert [one.state for one in told(look(ill))] == [LEFT]
    assert lock.exists()


def _touched(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def test_litter(ill: Repo) -> None:
    git, ours = ill.git_dir, home(ill)
    single = (
        "datmo/store/tmp-abcdefgh",
        "datmo/store/parts/" + "0" * 32 + "-" + "1" * 64,
        "objects/ab/tmp_obj_XYZ123",
        "objects/pack/tmp_pack_XYZ123",
        "datmo/tmp-pack-abc",
        "datmo/index.4194000",
        "datmo/.tmp-abcdefgh",
        "datmo/ledgers/git-x/new-0a1b2c3d",
    )
    folders = (
        "objects/tmp_objdir-incoming-abc123",
        "datmo/ledgers/git-x/tmp-abc",
        "datmo/live/tmp-abc",
        "datmo/runs/.new-" + "a" * 32,
        "datmo/views/.old-0123",
        "datmo/pool/1/aside-0123",
    )
    for name in single:
        _touched(git / name)
    for name in folders:
        _touched(git / name / "inner")
    _touched(ours / "pool/1/lock")
    for name in (*single, *folders):
        old(git / name)
    assert_cured(ill, [*single, *folders])


def test_young_litter_may_be_somebodys(ill: Repo) -> None:
    for name in ("datmo/store/tmp-abcdefgh", "objects/pack/tmp_pack_XYZ123", "datmo/index.41"):
        _touched(ill.git_dir / name)
    with unchanged(ill.git_dir):
        assert told(look(ill)) == []


def test_slots_beyond_the_limit(ill: Repo) -> None:
    for number in range(1, 11):
        _touched(home(ill) / "pool" / str(number) / "lock")
    assert_cured(ill, ["datmo/pool"])
    assert len(list((home(ill) / "pool").iterdir())) == 8


def test_what_an_interrupted_checkout_left(ill: Repo) -> None:
    ill.write(".gitignore", ".datmo-*\n")
    name = ".datmo-tmp-0123456789abcdef"
    old(ill.write(name, "half a fi"))
    ill.write("deep/code.py", "2\n")
    ill.write(f"deep/{name}", "half")
    old(ill.path / "deep" / name)
    assert_cured(ill, [f"repo/{name}"])
    assert_cured(ill, [f"deep/{name}"], full=True)
    assert kept_aside(ill) == {f"work-tree/{name}", f"work-tree/{name}.1"}


@pytest.mark.parametrize("how", ["garbage", "empty", "a folder", "another version", "no tables"])
def test_the_index(ill: Repo, how: str) -> None:
    index = home(ill) / "index.sqlite"
    if how == "garbage":
        index.write_bytes(b"garbage " * 4096)
    elif how == "empty":
        index.write_bytes(b"")
    elif how == "a folder":
        index.unlink()
        _touched(index / "something")
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


@pytest.mark.parametrize("how", ["missing", "program gone", "outdated"])
def test_hooks(ill: Repo, how: str) -> None:
    hook = ill.git_dir / "hooks" / "pre-push"
    if how == "missing":
        hook.unlink()
    elif how == "program gone":
        hook.write_text(hook.read_text().replace(sys.executable, "/nowhere/python"))
    else:
        hook.write_text(hook.read_text().replace("exit 1; }; done", "exit 2; }; done"))
    assert_cured(ill, ["hooks/pre-push"])
    assert sys.executable in hook.read_text()


def test_hooks_that_only_the_user_can_judge(ill: Repo) -> None:
    hooks = ill.git_dir / "hooks"
    (hooks / "pre-push").chmod(0o644)
    text = (hooks / "post-commit").read_text()
    (hooks / "post-commit").write_text(text.replace(sys.executable, "/bin/sh"))
    found = look(ill)
    assert {one.state for one in found.ailments if one.kind == "hook"} == {LEFT, REMARK}
    (hooks / "post-commit").write_text(text.replace("# <<<", "# <"))
    assert_named(ill, ["hooks/pre-push", "hooks/post-commit"])
    assert {one.state for one in told(look(ill))} == {LEFT}


def test_hooks_in_a_folder_of_the_users(ill: Repo) -> None:
    ill.git("config", "core.hooksPath", ".husky")
    events = ("post-commit", "pre-push")
    assert_named(ill, [f"{room}/{event}" for room in ("datmo/hooks", ".husky") for event in events])
    found = told(look(ill))
    for one in found:
        if one.state == LEFT:
            ill.write(os.path.relpath(one.subject, ill.path), one.advice.partition(": ")[2] + "\n")
    assert told(look(ill)) == []


def test_fetch_lines(ill: Repo) -> None:
    hub = Repo.bare(ill.path.parent / "hub.git")
    ill.git("remote", "add", "hub", str(hub.path))
    assert_cured(ill, ["hub"])
    assert layout.fetch_line("hub") in ill.git("config", "--get-all", "remote.hub.fetch")


@pytest.mark.parametrize(
    "content", [b"", b"garbage\n", b"ref: refs/heads/main\n"], ids=["empty", "garbage", "symref"]
)
def test_refs_that_cannot_be_read(ill: Repo, content: bytes) -> None:
    before = ill.refs("refs/datmo", "refs/datmo-local")
    [state] = ill.refs(layout.SNAPSHOTS)
    head = ill.head()
    theirs = "refs/datmo-remotes/hub/notes/" + "f" * 16
    names = [own_ref(ill), layout.LOCAL_TIP, state, theirs]
    for name in names:
        _touched(ill.git_dir / name).write_bytes(content)
    assert_cured(ill, names)
    assert ill.refs("refs/datmo", "refs/datmo-local") == before
    assert ill.head() == head
    assert kept_aside(ill) == set(names)


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


@pytest.mark.parametrize("how", ["copied", "garbage", "missing"])
def test_a_clone_id_that_no_longer_fits(ill: Repo, how: str) -> None:
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
    _touched(ill.git_dir / "refs/datmo/snapshots/a b").write_text(kept + "\n")
    assert_cured(ill, ["snapshots/a b"])
    assert ill.refs(layout.PLAIN) == {f"refs/datmo-remotes/_plain/rescued/{kept}": kept}
    assert kept_aside(ill) == {"refs/datmo/snapshots/a b"}


def test_refs_without_their_object(ill: Repo) -> None:
    theirs = "refs/datmo-remotes/hub/snapshots/" + "1" * 40
    _touched(ill.git_dir / theirs).write_text("1" * 40 + "\n")
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


def test_the_commands_tell_of_it(ill: Repo) -> None:
    theirs = _touched(ill.git_dir / "refs/datmo-remotes/hub/notes" / ("f" * 16))
    listed = datmo("snapshot", "ls", cwd=ill.path)
    assert "1 ref of snapshots and runs cannot be read: run 'git datmo doctor'" in listed.stderr
    dry = datmo("doctor", "--dry-run", cwd=ill.path, check=False)
    assert dry.code == 1
    assert "to be mended by 'git datmo doctor'" in dry.stdout
    assert theirs.exists()
    done = datmo("doctor", "--json", cwd=ill.path).json()
    assert (done["ok"], done["counts"]) == (True, {"mended": 1})
    assert done["ailments"][0]["subject"] == f"refs/datmo-remotes/hub/notes/{'f' * 16}"
    assert datmo("doctor", cwd=ill.path).stdout == "all is well\n"
    assert datmo("snapshot", "ls", cwd=ill.path).stderr == ""


def test_from_python(ill: Repo) -> None:
    import git_datmo

    own = ill.git_dir / own_ref(ill)
    own.unlink()
    with unchanged(ill.path):
        found = git_datmo.doctor(dry_run=True)
    assert [(one.state, one.subject) for one in found.ailments] == [
        ("mendable", f"{layout.NOTES}{own.name}")
    ]
    assert git_datmo.doctor().ok
    assert own.exists()


def test_linked_work_trees(ill: Repo, tmp_path: Path) -> None:
    linked = ill.worktree(tmp_path / "linked")
    lock = _touched(linked.git_dir / "datmo" / "index.lock")
    assert_cured(ill, [f"worktrees/linked/datmo/{lock.name}"])
    # From a linked work tree the same project is looked at.
    lock = old(_touched(ill.git_dir / "packed-refs.lock"), 120)
    assert look(linked).ok
    assert not lock.exists()


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
