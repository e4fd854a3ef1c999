"""Results go into the user's work tree where nobody else touched those paths, and only there."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from git_datmo.api import application
from git_datmo.api.application import Applied
from git_datmo.records.project import Project
from git_datmo.storage import worktree
from git_datmo.storage.results import Results
from git_datmo.storage.treewriter import TreeWriter
from tests.kit.checks import users_state, work_tree
from tests.kit.git import Repo
from tests.kit.results import THRESHOLD, Left, start
from tests.kit.trees import Exec, Link, on_disk

IGNORED = "git ignores it or it was left out, and it is not what a run left there"


@pytest.fixture
def left(project: Repo, tmp_path: Path) -> Left:
    """A project whose work tree is captured as it is, and a slot that holds it."""
    project.write("code.py", "print(1)\n")
    project.write("bin/tool", "#!/bin/sh\n", mode=0o755)
    project.write("data/a", "a")
    project.write("data/deep/b", "b")
    project.write(".gitignore", "out/\n*.log\n")
    project.git("config", "datmo.largeFile", str(THRESHOLD))
    project.commit()
    project.write("untracked", "mine")
    (project.path / "empty").mkdir()
    made = start(project, tmp_path / "task")
    opened = Project.open(project.path)
    options = worktree.Options(THRESHOLD)
    made.fill(worktree.capture(opened.repository, opened.store, options).tree)
    return made


def put_back(left: Left, found: Results, known: str | None = None) -> Applied:
    """Put back; whatever happens, HEAD, branches and index stay."""
    before = {k: v for k, v in users_state(left.repo).items() if not k.startswith("file ")}
    done = application.put_back(Project.open(left.repo.path), left.before, found, known=known)
    after = {k: v for k, v in users_state(left.repo).items() if not k.startswith("file ")}
    assert before == after
    return done


def user(left: Left) -> dict[bytes, object]:
    return {name: node for name, node in on_disk(left.repo.path).items() if name != b".git"}


def test_nothing_to_put_back(left: Left) -> None:
    before = work_tree(left.repo.path)
    assert put_back(left, left.read()) == Applied()
    assert work_tree(left.repo.path) == before


def test_everything_a_run_changed(left: Left) -> None:
    root = left.root
    (root / "code.py").write_text("print(2)\n")
    (root / "bin/tool").chmod(0o644)
    (root / "data/a").unlink()
    (root / "data/deep/b").unlink()
    (root / "untracked").write_text("theirs")
    (root / "empty").rmdir()
    (root / "out").mkdir()
    (root / "out/model.bin").write_bytes(b"x" * THRESHOLD)
    (root / "run.log").write_text("log")
    (root / "more" / "none").mkdir(parents=True)
    (root / "link").symlink_to("code.py")
    found = left.read()
    done = put_back(left, found)
    assert done.kept == ()
    assert set(done.applied) == {
        *("bin/tool", "code.py", "data/a", "data/deep/b", "empty", "link", "more/none"),
        *("out/model.bin", "run.log", "untracked"),
    }
    assert user(left) == on_disk(root)
    assert type(user(left)[b"bin"][b"tool"]) is bytes  # type: ignore[index]
    # All of it is there already: nothing is left to do.
    before = work_tree(left.repo.path)
    assert put_back(left, found) == Applied()
    assert work_tree(left.repo.path) == before


def test_what_the_user_changed_meanwhile_stays(left: Left) -> None:
    for path in ("code.py", "untracked", "data/a"):
        (left.root / path).write_text("run")
    (left.root / "data/deep/b").unlink()
    (left.root / "new").write_text("run")
    (left.root / "same").write_text("same")
    (left.root / "fine").write_text("run")
    found = left.read()
    (left.repo.path / "code.py").write_text("user")
    (left.repo.path / "untracked").unlink()
    (left.repo.path / "data/a").chmod(0o755)
    (left.repo.path / "data/deep/b").write_text("user")
    (left.repo.path / "new").write_text("user")
    (left.repo.path / "same").write_text("same")
    done = put_back(left, found)
    assert dict(done.kept) == {
        "code.py": "it was changed meanwhile",
        "data/a": "it was changed meanwhile",
        "data/deep/b": "it was changed meanwhile",
        "new": "it was changed meanwhile",
        "untracked": "it was deleted meanwhile",
    }
    assert done.applied == ("fine",)
    assert user(left)[b"code.py"] == b"user"
    assert user(left)[b"data"] == {b"a": Exec(b"a"), b"deep": {b"b": b"user"}}
    assert b"untracked" not in user(left)


def test_ignored_paths(left: Left) -> None:
    for name in ("absent", "edited", "same", "earlier"):
        (left.root / f"{name}.log").write_text("run")
    found = left.read()
    (left.repo.path / "edited.log").write_text("mine")
    (left.repo.path / "same.log").write_text("run")
    (left.repo.path / "earlier.log").write_text("before")
    done = put_back(left, found)
    assert done.applied == ("absent.log",)
    assert dict(done.kept) == {"edited.log": IGNORED, "earlier.log": IGNORED}
    # A run that started from the same state left `earlier.log` there: then it may go on.
    objects = left.repository.objects
    leaf = (0o100644, objects.write_blob(b"before"))
    known = objects.patch_tree(left.before, {b"earlier.log": leaf})
    done = put_back(left, found, known)
    assert done == Applied(("earlier.log",), (("edited.log", IGNORED),))
    assert (left.repo.path / "earlier.log").read_text() == "run"
    assert (left.repo.path / "edited.log").read_text() == "mine"


def test_a_large_ignored_file_of_an_earlier_run(left: Left) -> None:
    (left.root / "out").mkdir()
    (left.root / "out/model.bin").write_bytes(b"1" * THRESHOLD)
    first = left.read()
    assert put_back(left, first).applied == ("out/model.bin",)
    (left.root / "out/model.bin").write_bytes(b"2" * THRESHOLD)
    second = left.read()
    assert put_back(left, second).kept == (("out/model.bin", IGNORED),)
    assert put_back(left, second, first.tree).applied == ("out/model.bin",)
    assert (left.repo.path / "out/model.bin").read_bytes() == b"2" * THRESHOLD


def test_secrets_never(left: Left) -> None:
    (left.root / ".env").write_text("TOKEN=run")
    found = left.read(include_secrets=True)
    assert put_back(left, found) == Applied((), ((".env", "it looks like a secret"),))
    assert not (left.repo.path / ".env").exists()


def test_a_secret_of_the_users_in_the_way(left: Left) -> None:
    (left.root / "notes").write_text("run")
    found = left.read()
    (left.repo.path / "notes").write_text("-----BEGIN RSA PRIVATE KEY-----\n")
    assert put_back(left, found).kept == (("notes", IGNORED),)


def test_nothing_through_a_link(left: Left, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    shutil.copytree(left.repo.path / "data", outside)
    (left.root / "data/a").write_text("run")
    (left.root / "data/new").write_text("run")
    (left.root / "data/deep/b").unlink()
    (left.root / "out").mkdir()
    (left.root / "out/f").write_text("run")
    found = left.read()
    shutil.rmtree(left.repo.path / "data")
    (left.repo.path / "data").symlink_to(outside)
    (left.repo.path / "out").symlink_to(outside)
    done = put_back(left, found)
    assert done.applied == ()
    assert {path for path, _ in done.kept} == {"data/a", "data/new", "data/deep", "out/f"}
    assert on_disk(outside) == {b"a": b"a", b"deep": {b"b": b"b"}}


def test_a_file_becomes_a_folder_and_back(left: Left) -> None:
    (left.root / "code.py").unlink()
    (left.root / "code.py").mkdir()
    (left.root / "code.py/f").write_text("f")
    shutil.rmtree(left.root / "data")
    (left.root / "data").write_text("file")
    (left.root / "empty").rmdir()
    (left.root / "empty").write_text("file")
    found = left.read()
    (left.repo.path / "data/mine.log").write_text("ignored")
    done = put_back(left, found)
    assert done.kept == (("data", "a folder with other files stands there"),)
    assert user(left)[b"code.py"] == {b"f": b"f"}
    assert user(left)[b"empty"] == b"file"
    assert user(left)[b"data"] == {b"mine.log": b"ignored"}
    (left.repo.path / "data/mine.log").unlink()
    assert put_back(left, found) == Applied(("data",))
    assert user(left) == on_disk(left.root)


def test_folders_that_the_user_filled_stay(left: Left) -> None:
    (left.root / "empty").rmdir()
    (left.root / "data/deep/b").unlink()
    (left.root / "data/deep").rmdir()
    found = left.read()
    (left.repo.path / "empty/mine").write_text("")
    (left.repo.path / "data/deep/mine.log").write_text("")
    assert put_back(left, found) == Applied(("data/deep/b",))
    assert user(left)[b"empty"] == {b"mine": b""}
    assert user(left)[b"data"] == {b"a": b"a", b"deep": {b"mine.log": b""}}


def test_a_folder_that_a_run_emptied_stays_and_one_it_filled_is_filled(left: Left) -> None:
    (left.root / "data/deep/b").unlink()
    (left.root / "empty/f").write_text("f")
    done = put_back(left, left.read())
    assert done == Applied(("data/deep/b", "empty/f"))
    assert user(left) == on_disk(left.root)


def test_the_task_directory_stays_in_the_snapshot(left: Left) -> None:
    (left.task / "model.txt").write_text("m")
    found = left.read()
    assert b"task/model.txt" in found.changes
    assert put_back(left, found) == Applied()
    assert not (left.repo.path / "task").exists()


def test_a_submodule_is_left_alone(left: Left) -> None:
    objects = left.repository.objects
    tree = objects.patch_tree(left.before, {b"mod": (0o160000, "1" * 40)})
    done = put_back(left, Results(tree, {b"mod": (0o160000, "1" * 40)}))
    assert done == Applied((), (("mod", "it is a submodule"),))


def test_nothing_into_a_submodule(left: Left) -> None:
    objects = left.repository.objects
    left.before = objects.patch_tree(left.before, {b"mod": (0o160000, "1" * 40)})
    (left.repo.path / "mod").mkdir()
    leaf = (0o100644, objects.write_blob(b"run"))
    tree = objects.patch_tree(left.before, {b"mod": None, b"mod/f": leaf})
    done = put_back(left, Results(tree, {b"mod": None, b"mod/f": leaf}))
    assert done == Applied((), (("mod/f", "it lies in a submodule"),))


def test_a_repository_in_the_way(left: Left) -> None:
    (left.root / "sub").write_text("file")
    found = left.read()
    Repo.init(left.repo.path / "sub")
    assert put_back(left, found).kept == (("sub", "a folder with other files stands there"),)
    assert (left.repo.path / "sub/.git/HEAD").exists()


def test_pipes_in_the_way(left: Left) -> None:
    (left.root / "p").write_text("run")
    (left.root / "q").mkdir()
    (left.root / "q/f").write_text("run")
    found = left.read()
    os.mkfifo(left.repo.path / "p")
    os.mkfifo(left.repo.path / "q")
    done = put_back(left, found)
    assert {path for path, _ in done.kept} == {"p", "q/f"}
    assert done.applied == ()


def test_what_changes_while_we_look(left: Left, monkeypatch: pytest.MonkeyPatch) -> None:
    (left.root / "code.py").write_text("run")
    (left.root / "data/a").write_text("run")
    found = left.read()
    real = worktree.capture

    def slow(*args: Any) -> worktree.Capture:
        captured = real(*args)
        (left.repo.path / "code.py").write_text("user")
        return captured

    monkeypatch.setattr(worktree, "capture", slow)
    done = put_back(left, found)
    assert done == Applied(("data/a",), (("code.py", "it was changed meanwhile"),))
    assert user(left)[b"code.py"] == b"user"


def test_what_is_refused_at_the_last_moment_holds_up_nothing_else(
    left: Left, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (left.root / "data/new").write_text("run")
    (left.root / "code.py").write_text("run")
    found = left.read()
    real = TreeWriter.__enter__

    def swap(writer: TreeWriter) -> TreeWriter:
        folder = left.repo.path / "data"
        if not folder.is_symlink():
            folder.rename(tmp_path / "moved")
            folder.symlink_to(tmp_path / "moved")
        return real(writer)

    monkeypatch.setattr(TreeWriter, "__enter__", swap)
    done = put_back(left, found)
    assert done.applied == ("code.py",)
    assert [path for path, _ in done.kept] == ["data/new"]
    assert "symbolic link" in done.kept[0][1]
    assert sorted(os.listdir(tmp_path / "moved")) == ["a", "deep"]


def test_from_a_run_without_those_paths(left: Left) -> None:
    """Results name a link and odd names; they arrive as they are."""
    name = os.fsdecode(b"\xff odd\n")
    (left.root / name).write_text("odd")
    (left.root / "out").symlink_to("/nowhere")
    done = put_back(left, left.read())
    assert set(done.applied) == {name, "out"}
    assert user(left)[b"out"] == Link(b"/nowhere")
