"""Each ailment is planted, named by a dry run that changes nothing, mended, and gone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from git_datmo.model.checkup import LEFT, REMARK
from git_datmo.records import layout
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
    unchanged,
)


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
        old(touched(ill.git_dir / name), 120)
    (home(ill) / "index.lock").touch()
    assert_cured(ill, [*locks, "datmo/index.lock"])


def test_locks_that_a_dead_writer_announced(ill: Repo) -> None:
    lock = ill.git_dir / (own_ref(ill) + ".lock")
    (home(ill) / "intent").write_text(f'{{"locks": ["{lock}"], "pid": 1}}')
    lock.touch()
    assert_cured(ill, ["datmo/intent"])
    assert not lock.exists()


def test_locks_of_the_living_stay(ill: Repo) -> None:
    lock = old(touched(ill.git_dir / "packed-refs.lock"), 120)
    linked = ill.worktree(ill.path.parent / "linked")
    for words, folder in (
        ([], ill.path),
        ([], linked.path),
        (["--git-dir", "repo/.git"], ill.path.parent),
    ):
        # A git that waits for its standard input.
        waiting = ["git", *words, "update-ref", "--stdin"]
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
    # One that only reads, as we have them while we work, holds none.
    waiting = ["git", "cat-file", "--batch"]
    with subprocess.Popen(waiting, cwd=ill.path, stdin=subprocess.PIPE) as reader:
        [found] = told(look(ill))
        reader.communicate()
    assert found.state != LEFT
    # As long as it is young, it is nothing at all.
    lock.touch()
    assert told(look(ill)) == []
    old(lock, 120)
    # The git that waits for `git datmo doctor` itself holds nothing.
    assert subprocess.run(["git", "datmo", "doctor"], cwd=ill.path).returncode == 0
    assert not lock.exists()
    assert_well(ill)


def test_a_lock_of_the_users_is_only_named(ill: Repo) -> None:
    lock = old(touched(ill.git_dir / "index.lock"), 120)
    assert_named(ill, [".git/index.lock"])
    assert [one.state for one in told(look(ill))] == [LEFT]
    assert lock.exists()


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
        touched(git / name)
    for name in folders:
        touched(git / name / "inner")
    touched(ours / "pool/1/lock")
    for name in (*single, *folders):
        old(git / name)
    assert_cured(ill, [*single, *folders])


def test_young_litter_may_be_somebodys(ill: Repo) -> None:
    sent = f"datmo/runs/.{'a' * 32}.sent.41"
    for name in (
        "datmo/store/tmp-abcdefgh",
        "objects/pack/tmp_pack_XYZ123",
        "datmo/index.41",
        sent,
    ):
        touched(ill.git_dir / name)
    with unchanged(ill.git_dir):
        assert told(look(ill)) == []


def test_slots_beyond_the_limit(ill: Repo) -> None:
    for number in range(1, 11):
        touched(home(ill) / "pool" / str(number) / "lock")
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


def test_hooks(ill: Repo) -> None:
    for how in ("missing", "program gone", "outdated"):
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


def test_the_commands_tell_of_it(ill: Repo) -> None:
    theirs = touched(ill.git_dir / "refs/datmo-remotes/hub/notes" / ("f" * 16))
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
    lock = touched(linked.git_dir / "datmo" / "index.lock")
    assert_cured(ill, [f"worktrees/linked/datmo/{lock.name}"])
    # From a linked work tree the same project is looked at.
    lock = old(touched(ill.git_dir / "packed-refs.lock"), 120)
    assert look(linked).ok
    assert not lock.exists()
