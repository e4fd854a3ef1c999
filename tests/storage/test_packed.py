"""Objects of packs, whoever is asked for them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from git_datmo.errors import DamagedObject
from git_datmo.storage import catfile, loose
from git_datmo.storage.objects import Objects
from git_datmo.storage.packed import Packed
from tests.kit.git import Repo


@pytest.fixture
def packed(repo: Repo) -> Repo:
    for number in range(3):
        repo.write(f"f{number}", f"{number}\n" * 100)
    repo.write("large", os.urandom(100_000))
    repo.commit()
    repo.git("gc", "-q", "--prune=now")
    return repo


def everything(repo: Repo) -> dict[str, tuple[str, int]]:
    lines = repo.git("cat-file", "--batch-all-objects", "--batch-check").splitlines()
    return {oid: (kind, int(size)) for oid, kind, size in map(str.split, lines)}


@pytest.mark.parametrize("questions", [catfile.QUESTIONS, 4, 0])
def test_all_of_them_are_answered(packed: Repo, monkeypatch: pytest.MonkeyPatch, questions: int):
    monkeypatch.setattr(catfile, "QUESTIONS", questions)
    objects = Objects(packed.common_dir)
    for oid, (kind, size) in everything(packed).items():
        assert (objects.kind(oid), objects.size(oid), objects.has(oid)) == (kind, size, True)
        found, data = objects.read(oid)
        assert (found, len(data)) == (kind, size)
    assert objects.kind("1" * 40) is None
    assert not objects.has("1" * 40)
    with pytest.raises(DamagedObject, match="is missing"):
        objects.read("1" * 40)
    assert ("library" in objects.packed.__dict__) == (questions < 20)


def test_a_git_that_dies_is_no_answer(packed: Repo):
    cat = catfile.CatFile(packed.common_dir)
    oid = packed.git("rev-parse", "HEAD")
    assert cat.header(oid) is not None
    os.kill(cat._processes["--batch-check"].pid, signal.SIGKILL)
    with pytest.raises(EOFError):
        cat.header(oid)
    assert cat.header(oid) is not None
    os.kill(cat._processes["--batch-check"].pid, signal.SIGKILL)
    asked = Packed(packed.common_dir, promises=False)
    asked.__dict__["_cat"] = cat
    assert asked.header(oid) == ("commit", len(packed.git("cat-file", "commit", oid)) + 1)


def test_without_a_git_the_library_answers(packed: Repo, monkeypatch: pytest.MonkeyPatch):
    oid = packed.git("rev-parse", "HEAD")
    objects = Objects(packed.common_dir)
    monkeypatch.setenv("PATH", "/nowhere")
    assert objects.commit(oid).message == "a commit\n"


@pytest.mark.parametrize("name", ["HEAD", "HEAD\n" + "1" * 40, "", "../../../etc/passwd"])
def test_what_is_no_id_is_not_asked(packed: Repo, name: str):
    assert Objects(packed.common_dir).kind(name) is None
    assert Objects(packed.common_dir).kind(packed.head()) == "commit"


def test_what_git_would_show_instead_is_not_shown(packed: Repo):
    oid = packed.git("rev-parse", "HEAD:f1")
    packed.git("replace", oid, packed.git("rev-parse", "HEAD:f2"))
    assert Objects(packed.common_dir).blob(oid) == b"1\n" * 100


def test_bytes_that_are_not_what_was_asked_for_are_no_answer(packed: Repo, tmp_path: Path):
    """A pack in which a blob was changed, its checksums made to fit."""
    oid = packed.git("rev-parse", "HEAD:f1")
    liar = tmp_path / "bin" / "git"
    liar.parent.mkdir()
    liar.write_text(f"#!/bin/sh\nread x; printf '{oid} blob 2\\nhi\\n'; read x\n")
    liar.chmod(0o755)
    cat = catfile.CatFile(packed.common_dir)
    cat._git.env["PATH"] = f"{liar.parent}:{os.environ['PATH']}"
    with pytest.raises(EOFError):
        cat.read(oid)


def test_a_process_that_was_forked_off_asks_by_itself(packed: Repo):
    objects = Objects(packed.common_dir)
    oid = packed.git("rev-parse", "HEAD")
    data = objects.read(oid)
    child = os.fork()
    if child == 0:
        try:
            same = all(objects.read(oid) == data for _ in range(5))
            objects.forget()
        finally:
            os._exit(0 if same else 1)
    assert [objects.read(oid) for _ in range(5)] == [data] * 5
    assert os.waitpid(child, 0)[1] == 0
    assert objects.read(oid) == data


def test_nothing_of_it_outlives_the_program(packed: Repo):
    code = (
        "import sys; from pathlib import Path; from git_datmo.storage.objects import Objects\n"
        "objects = Objects(Path(sys.argv[1])); objects.read(sys.argv[2])\n"
        "print(*(p.pid for p in objects.packed._cat._processes.values()))\n"
    )
    oid = packed.git("rev-parse", "HEAD")
    words = [sys.executable, "-W", "error", "-c", code, str(packed.common_dir), oid]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert not Path(f"/proc/{int(done.stdout)}").exists()


@pytest.mark.parametrize("kind", ["blob", "tree", "commit"])
def test_loose_ones_are_those_of_git(repo: Repo, kind: str):
    repo.write("a/b", os.urandom(70_000))
    repo.commit()
    oid = repo.git("rev-parse", {"blob": "HEAD:a/b", "tree": "HEAD^{tree}", "commit": "HEAD"}[kind])
    data = loose.read(repo.common_dir, oid)
    assert data is not None
    path = repo.git_dir / "objects" / oid[:2] / oid[2:]
    path.unlink()
    assert loose.write(repo.common_dir, *data) == oid
    assert path.stat().st_mode & 0o777 == 0o444
    assert loose.header(repo.common_dir, oid) == (kind, len(data[1]))
    assert repo.try_git("fsck", "--strict").returncode == 0
    os.utime(path, (1, 1))
    assert loose.write(repo.common_dir, *data) == oid
    assert path.stat().st_mtime > 1
    assert [p for p in path.parent.iterdir() if p.name.startswith("tmp_")] == []


def test_what_git_prunes_while_it_is_written_is_written_again(
    repo: Repo, monkeypatch: pytest.MonkeyPatch
):
    rename, left = os.rename, 3

    def pruned(source: str, target: str) -> None:
        nonlocal left
        left -= 1
        if left >= 0:
            repo.git("prune", "--expire=now")
            assert not os.path.exists(source)
        rename(source, target)

    monkeypatch.setattr(os, "rename", pruned)
    oid = loose.write(repo.common_dir, "blob", b"words")
    monkeypatch.undo()
    assert left < 0
    assert repo.git("cat-file", "blob", oid) == "words"
