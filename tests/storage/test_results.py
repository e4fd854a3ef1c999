"""What a task left is read as it lies there; only what changed is read, and nothing is followed."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from git_datmo.errors import NoSpace
from git_datmo.storage import leftovers, packing
from git_datmo.storage.reader import Reader
from git_datmo.storage.results import Results
from tests.kit import nobody
from tests.kit.capture import pointer
from tests.kit.checks import untouched
from tests.kit.git import Repo
from tests.kit.results import EMPTY, THRESHOLD, Left, start


def test_nothing_changed(left: Left, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("an unchanged file was read")

    monkeypatch.setattr(Reader, "read", refuse)
    assert left.read() == Results(left.before)


def test_changes_of_every_kind(left: Left) -> None:
    root = left.root
    (root / "code.py").write_text("print(2)\n")  # the same size
    (root / "bin/tool").chmod(0o644)
    (root / "data/a").unlink()
    (root / "data/deep/b").rename(root / "data/deep/c")
    (root / "link").unlink()
    (root / "link").symlink_to("elsewhere")
    (root / "new" / "er").mkdir(parents=True)
    (root / "new" / "er" / "f").write_text("f")
    (root / "new" / "nothing").mkdir()
    with untouched(left.repo):
        found = left.read()
    blob = left.repository.objects.write_blob
    assert found.changes == {
        b"code.py": (0o100644, blob(b"print(2)\n")),
        b"bin/tool": (0o100644, blob(b"#!/bin/sh\n")),
        b"data/a": None,
        b"data/deep/b": None,
        b"data/deep/c": (0o100644, blob(b"b")),
        b"link": (0o120000, blob(b"elsewhere")),
        b"new/er/f": (0o100644, blob(b"f")),
        b"new/nothing": (0o040000, EMPTY),
    }
    assert found.files == {b"data/deep/c", b"new/er/f"}
    assert (found.ignored, found.secrets, found.skipped) == (set(), {}, ())
    # What was read is known now, and a second run of the same changes nothing.
    left.before = found.tree
    assert left.read() == Results(found.tree)


def test_the_next_fill_is_cheap_and_exact(left: Left) -> None:
    first = left.before
    (left.root / "code.py").write_text("changed")
    (left.root / "more").write_text("more")
    after = left.read().tree
    assert left.slot.holds == after
    report = left.slot.fill(left.repository.objects, left.store, first)
    assert (report.written, report.removed) == (1, 1)
    left.before = first
    assert left.read() == Results(first)


def test_folders_that_come_and_go(left: Left) -> None:
    for path in ("data/a", "data/deep/b"):
        (left.root / path).unlink()
    found = left.read()
    assert found.changes == {
        b"data/a": None,
        b"data/deep/b": None,
        b"data/deep": (0o040000, EMPTY),
    }
    left.fill(found.tree)
    (left.root / "data/deep").rmdir()
    found = left.read()
    assert found.changes == {b"data/deep": None, b"data": (0o040000, EMPTY)}
    left.fill(found.tree)
    (left.root / "data/x").write_text("x")
    found = left.read()
    assert set(found.changes) == {b"data", b"data/x"}
    left.fill(found.tree)
    (left.root / "data/x").unlink()
    (left.root / "data").rmdir()
    found = left.read()
    assert found.changes == {b"data/x": None}
    assert "data" not in left.listed(found.tree)


def test_one_thing_in_the_place_of_another(left: Left) -> None:
    root = left.root
    (root / "code.py").unlink()
    (root / "code.py").mkdir()
    (root / "code.py" / "f").write_text("f")
    subprocess.run(["rm", "-r", str(root / "data")], check=True)
    (root / "data").symlink_to("/etc")
    found = left.read()
    assert set(left.listed(found.tree)) == {
        *(".gitignore", "bin/tool", "code.py/f", "data", "link"),
    }
    assert left.content(found.tree, "data") == b"/etc"


def test_large_files_are_pointers(left: Left) -> None:
    large = os.urandom(THRESHOLD)
    (left.root / "model.bin").write_bytes(large)
    (left.root / "lookalike").write_bytes(pointer(b"x"))
    (left.root / "small").write_bytes(large[:-1])
    found = left.read()
    assert set(found.pointers) == {b"model.bin", b"lookalike"}
    assert left.content(found.tree, "model.bin") == pointer(large)
    with open(left.store.open(found.pointers[b"model.bin"]), "rb") as file:
        assert file.read() == large
    left.before = found.tree
    assert left.read() == Results(found.tree)


def test_attributes_force_and_forbid_the_store(left: Left) -> None:
    left.repo.write(".gitattributes", "*.w datmo\n*.keep -datmo\n")
    (left.root / "a.w").write_text("tiny")
    (left.root / "b.keep").write_bytes(b"x" * THRESHOLD)
    found = left.read()
    assert set(found.pointers) == {b"a.w"}
    assert left.content(found.tree, "b.keep") == b"x" * THRESHOLD


def test_what_git_ignores_is_recorded_and_litter_is_not(left: Left) -> None:
    for path in (
        *("out/result.txt", "train.log", "plain.txt", "pkg/__pycache__/m.pyc", "old.pyc"),
        *(".pytest_cache/x", "sub/.DS_Store", ".ipynb_checkpoints/n.ipynb"),
        *(".mypy_cache/y", ".ruff_cache/z"),
    ):
        (left.root / path).parent.mkdir(parents=True, exist_ok=True)
        (left.root / path).write_text("x")
    found = left.read()
    assert found.files == {b"out/result.txt", b"train.log", b"plain.txt"}
    assert found.ignored == {b"out/result.txt", b"train.log"}
    assert found.changes.keys() - found.files == {b"pkg", b"sub"}, "they are empty folders now"
    assert found.skipped == ()


def test_litter_that_was_recorded_before_still_counts(repo: Repo, tmp_path: Path) -> None:
    repo.write("__pycache__/m.pyc", "1")
    repo.write("lib.pyc", "1")
    repo.commit()
    left = start(repo, tmp_path / "task")
    with left.slot:
        (left.root / "__pycache__/m.pyc").write_text("2")
        (left.root / "__pycache__/n.pyc").write_text("2")
        (left.root / "lib.pyc").unlink()
        assert set(left.read().changes) == {b"__pycache__/m.pyc", b"lib.pyc"}


SECRET = "-----BEGIN RSA PRIVATE KEY-----\n"


def test_secrets_are_left_out(left: Left) -> None:
    (left.root / ".env").write_text("TOKEN=1")
    (left.root / "notes.txt").write_text(SECRET)
    (left.root / "code.py").write_text(SECRET)  # it was there before: the user's own
    (left.task / "id_rsa").write_text("x")
    found = left.read()
    assert set(found.changes) == {b"code.py"}
    assert set(found.secrets) == {b".env", b"notes.txt", b"task/id_rsa"}
    found = left.read(include_secrets=True)
    assert set(found.changes) == {b"code.py", b".env", b"notes.txt", b"task/id_rsa"}
    assert found.secrets == {}
    assert found.included == {b".env", b"notes.txt", b"task/id_rsa"}


def test_links_of_the_run_are_left_out(left: Left, tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "huge").write_text("")
    (left.root / "in" / "put").mkdir(parents=True)
    (left.root / "in" / "put" / "data").symlink_to(tmp_path / "shared")
    (left.root / "mounted" / "here").mkdir(parents=True)
    (left.root / "mounted" / "here" / "f").write_text("")
    assert left.read(links={b"in/put/data", b"mounted/here"}) == Results(left.before)


def test_the_task_directory(left: Left) -> None:
    for path in ("config.json", "stats.json", "metrics.jsonl", "sub/stats.json", "model.bin"):
        (left.task / path).parent.mkdir(exist_ok=True)
        (left.task / path).write_bytes(b"x" * (THRESHOLD if path == "model.bin" else 1))
    (left.task / "empty").mkdir()
    found = left.read()
    assert set(found.changes) == {b"task/sub/stats.json", b"task/model.bin", b"task/empty"}
    assert set(found.pointers) == {b"task/model.bin"}
    assert found.files == {b"task/sub/stats.json", b"task/model.bin"}
    # A run that starts from there brings the same again.
    left.fill(found.tree)
    assert left.read() == Results(found.tree)
    (left.task / "model.bin").write_bytes(b"second")
    assert set(left.read().changes) == {b"task/model.bin"}


def test_the_work_tree_wins_over_the_task_directory(left: Left) -> None:
    (left.root / "task").mkdir()
    (left.root / "task" / "f").write_text("tree")
    (left.root / "task" / "d").mkdir()
    (left.root / "task" / "d" / "x").write_text("tree")
    for name in ("f", "d", "g"):
        (left.task / name).write_text("task")
    found = left.read()
    assert {path for path, _ in found.skipped} == {b"task/f", b"task/d"}
    assert left.content(found.tree, "task/f") == b"tree"
    assert left.content(found.tree, "task/g") == b"task"
    subprocess.run(["rm", "-r", str(left.root / "task")], check=True)
    (left.root / "task").write_text("a file")
    found = left.read()
    assert len(found.skipped) == 3
    assert left.content(found.tree, "task") == b"a file"


@pytest.mark.parametrize("count", [3, 200])
def test_many_small_files(left: Left, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "_BYTES", 2000)
    for number in range(count):
        (left.root / f"n{number}").write_bytes(b"%d" % number * 20)
    found = left.read()
    assert len(found.files) == count
    packs = list((left.repository.common_dir / "objects" / "pack").glob("*.pack"))
    assert (len(packs) > 1) == (count == 200)
    left.repository.objects.forget()
    assert left.content(found.tree, "n2") == b"2" * 20


def test_an_error_leaves_no_pack(left: Left, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise NoSpace("full")

    for number in range(200):
        (left.root / f"n{number}").write_text(str(number))
    (left.root / "z").write_bytes(b"x" * THRESHOLD)
    monkeypatch.setattr(left.store, "ingest", full)
    with pytest.raises(NoSpace):
        left.read()
    assert list((left.repository.common_dir / "objects" / "pack").iterdir()) == []
    assert list(left.repository.home.glob("tmp-*")) == []


def test_limits(left: Left) -> None:
    for number in range(5):
        (left.root / f"n{number}").write_bytes(b"%d" % number * 100)
    found = left.read(max_files=3)
    assert found.files == {b"n0", b"n1", b"n2"}
    assert [path for path, _ in found.skipped] == [b"n3", b"n4"]
    (left.root / "n0").write_bytes(b"x" * 450)
    found = left.read(max_bytes=400)
    assert b"n0" not in found.files
    assert [path for path, _ in found.skipped] == [b"n0"]
    (left.root / "code.py").write_bytes(b"y" * 450)
    assert b"code.py" not in left.read(max_bytes=400).changes, "it stays as it was"


def test_a_flood_is_summed_up(left: Left, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leftovers, "_LISTED", 5)
    for number in range(20):
        (left.root / f"n{number:02}").write_text("x")
    found = left.read(max_files=3)
    assert len(found.skipped) == 6
    assert found.skipped[-1] == (b"", "12 more files are beyond the limits")


def test_without_a_memory_or_from_another_tree(left: Left) -> None:
    (left.root / "code.py").write_text("2")
    (left.slot.folder / "memory").unlink()
    left.slot.__dict__.pop("memory")
    found = left.read()
    assert set(found.changes) == {b"code.py"}
    (left.root / "code.py").write_text("3")
    assert set(left.read().changes) == {b"code.py"}
    assert left.slot.holds != left.before


def test_a_submodule_stays_unless_the_task_fills_it(repo: Repo, tmp_path: Path) -> None:
    repo.write("f")
    repo.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},mod")
    repo.git("add", "f")
    repo.git("commit", "-qm", "x")
    left = start(repo, tmp_path / "task")
    with left.slot:
        assert left.read() == Results(left.before)
        (left.root / "mod" / "f").write_text("x")
        found = left.read()
        leaf = (0o100644, left.repository.objects.write_blob(b"x"))
        assert found.changes == {b"mod": None, b"mod/f": leaf}
        left.fill(left.before)
        (left.root / "mod").rmdir()
        assert left.read().changes == {b"mod": None}


def test_what_the_user_cannot_read_is_listed_and_stays() -> None:
    def check(folder: Path) -> None:
        (folder / ".gitconfig").write_text("[user]\nname = N\nemail = n@example.com\n")
        repo = Repo.init(folder / "repo")
        for path in ("d/f", "d/g", "e", "x"):
            repo.write(path, path)
        repo.commit()
        left = start(repo, folder / "task")
        (left.root / "d").chmod(0)
        (left.root / "e").chmod(0)
        (left.root / "new").write_text("")
        (left.root / "new").chmod(0)
        (left.root / "x").write_text("changed")
        (left.root / "locked").mkdir(mode=0)
        found = left.read()
        assert set(found.changes) == {b"x"}
        assert {path for path, _ in found.skipped} == {b"d", b"e", b"new", b"locked"}
        left.fill(left.before)
        assert left.read() == Results(left.before)
        left.root.chmod(0)
        left.task.chmod(0)
        found = left.read()
        assert found.tree == left.before
        assert {path for path, _ in found.skipped} == {b"", b"task"}

    nobody.run(check)
