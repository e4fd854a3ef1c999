"""Runs in odd places: no commits, detached, linked work trees, strange names, full disks."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.task import after, leftovers, ran, runs, typed
from tests.kit.checks import assert_clean, assert_git_clean, untouched
from tests.kit.git import Repo
from tests.kit.program import datmo

ODD = "na\u00efve \u2028 'quoted' $HOME #1"


def made(path: Path) -> Repo:
    """A project there, whose runs are processes of this machine."""
    repo = Repo.init(path)
    datmo("init", "--force", cwd=path)
    repo.git("config", "datmo.runner", "local")
    return repo


@pytest.fixture
def local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repo:
    repo = made(tmp_path / "place")
    monkeypatch.chdir(repo.path)
    return repo


def test_without_commits_and_without_files(local: Repo):
    row = ran(local, "ls -A; echo made >first.txt")
    assert (row["git"], row["outputs"]) == ({"branch": "main"}, ["first.txt"])
    assert local.read("first.txt") == b"made\n"
    assert typed(local, "rerun", "--check", row["id"]).code == 0
    assert local.refs("refs/heads") == {}


def test_empty_folders_go_there_and_back(local: Repo):
    local.write("a", "1")
    local.commit()
    (local.path / "out" / "plots").mkdir(parents=True)
    row = ran(local, "rmdir out/plots; mkdir -p out/models; ls out")
    assert sorted(row["outputs"]) == ["out/models", "out/plots"]
    assert os.listdir(local.path / "out") == ["models"]
    typed(local, "snapshot", "checkout", row["before_id"])
    assert os.listdir(local.path / "out") == ["plots"]


def test_what_git_ignores_is_named_and_can_be_taken_along(local: Repo):
    local.write(".gitignore", "data/\n__pycache__/\n*.tmp\n")
    local.write("data/in.csv", "1\n")
    local.write("a.tmp")
    local.write("pkg/__pycache__/a.pyc")
    local.commit()
    done = datmo("run", "cat data/in.csv", check=False)
    assert done.code == 1
    [note] = [line for line in done.stderr.splitlines() if "git ignores" in line]
    assert ": a.tmp, data (" in note
    taken = ran(local, "--paths", "data", "cat data/in.csv")
    assert typed(local, "rerun", "--check", taken["id"]).code == 0
    local.git("config", "--add", "datmo.link", "data")
    linked = ran(local, "cat data/in.csv; echo more >>data/in.csv")
    assert linked["outputs"] == []
    assert local.read("data/in.csv") == b"1\nmore\n"


def test_a_task_that_removes_everything(local: Repo):
    local.write("a", "1")
    local.commit()
    row = ran(local, "rm a")
    assert list(local.path.glob("[!.]*")) == []
    typed(local, "snapshot", "checkout", row["before_id"])
    assert local.read("a") == b"1"


def test_submodules_are_there_in_place_only_and_that_is_said(local: Repo, tmp_path: Path):
    inner = Repo.init(tmp_path / "inner")
    inner.write("lib.txt", "1\n")
    inner.commit()
    local.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", str(inner.path), "lib")
    local.commit()
    done = datmo("run", "ls lib")
    assert done.stdout == ""
    assert "submodules are empty" in done.stderr
    there = datmo("run", "--in-place", "cat lib/lib.txt")
    assert there.stdout == "1\n"
    assert "submodules" not in there.stderr
    assert local.read("lib/lib.txt") == b"1\n"
    assert_clean(local)


def test_with_a_detached_head(local: Repo):
    local.write("a", "1")
    first = local.commit()
    local.write("a", "2")
    local.commit()
    local.git("checkout", "-q", first)
    row = ran(local, "cat a; echo x >b")
    assert row["git"] == {"commit": first, "dirty": False}
    local.write("a", "3")
    assert ran(local, "true")["git"] == {"commit": first, "dirty": True}
    assert local.head() == first
    assert local.try_git("symbolic-ref", "-q", "HEAD").returncode == 1


def test_in_a_linked_work_tree(local: Repo, tmp_path: Path):
    local.write("a", "1")
    local.commit()
    linked = local.worktree(tmp_path / "linked tree")
    linked.write("a", "2")
    with untouched(local):
        row = ran(linked, "cat a; cp a copied")
    assert datmo("logs", cwd=linked.path).stdout == "2"
    assert linked.read("copied") == b"2"
    assert [one["id"] for one in runs(local)] == [row["id"]]
    assert typed(local, "rerun", "--check", row["id"]).code == 0


def test_strange_names_everywhere(tmp_path: Path):
    repo = made(tmp_path / ODD)
    repo.write(f"{ODD}/in put.txt", "1\n")
    repo.write(b"latin-\xe9.txt", "2\n")
    repo.write("-n", "3\n")
    folder = repo.path / ODD
    row = ran(repo, "cp -- 'in put.txt' ' out\tput\u00e9'; cat ../latin-*.txt ./../-n", cwd=folder)
    assert row["outputs"] == [f"{ODD}/ out\tput\u00e9"]
    assert (folder / " out\tput\u00e9").read_text() == "1\n"
    assert datmo("logs", cwd=repo.path).stdout == "2\n3\n"
    assert "\u2028" not in datmo("ls", cwd=repo.path).stdout
    assert typed(repo, "rerun", "--check", row["id"]).code == 0


def test_hostile_results(local: Repo, tmp_path: Path):
    outside = tmp_path / "outside.txt"
    outside.write_text("mine\n")
    local.write("kept.txt", "1\n")
    script = (
        f"ln -s {outside} link; rm kept.txt; ln -s {outside} kept.txt; mkfifo pipe; "
        "mkdir -p sub/.git .git; echo evil >.git/config; echo evil >sub/.git/config; "
        "echo in >sub/in.txt; echo fine >fine.txt"
    )
    row = ran(local, script)
    assert outside.read_text() == "mine\n"
    assert os.readlink(local.path / "link") == str(outside)
    assert os.readlink(local.path / "kept.txt") == str(outside)
    assert local.read("fine.txt") == b"fine\n"
    assert local.read("sub/in.txt") == b"in\n"
    assert not (local.path / "sub/.git").exists()
    assert "evil" not in local.git("config", "--list")
    skipped = "\n".join(row["skipped"])
    assert "pipe" in skipped
    assert ".git" in skipped


root = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("mount") is None, reason="only root mounts"
)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 3 MiB."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(place)]
    if subprocess.run(command, capture_output=True).returncode != 0:
        pytest.skip("mounting is not permitted here")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


@root
def test_a_full_disk_ends_with_one_sentence_and_loses_nothing(disk: Path):
    repo = made(disk / "repo")
    repo.write("a.txt", "one\n")
    repo.commit()
    before = ran(repo, "echo 1 >small.txt")
    (repo.path / "filler").write_bytes(b"x" * 900_000)
    (repo.path / ".gitignore").write_text("filler\n")
    with untouched(repo):
        done = datmo("run", "head -c 9000000 /dev/urandom >big.bin", cwd=repo.path, check=False)
    assert done.code != 0
    assert "Traceback" not in done.stderr
    (repo.path / "filler").unlink()
    # With room again, what could not be recorded then is, and nothing was lost.
    listed = runs(repo)
    assert before["id"] in {row["id"] for row in listed}
    assert {row["status"] for row in listed} <= {"success", "failed"}, "its end was seen"
    assert after(repo, before, "small.txt") == b"1\n"
    assert repo.read("small.txt") == b"1\n"
    assert_clean(repo)
    ran(repo, "echo 2 >small.txt")
    assert repo.read("small.txt") == b"2\n"


@root
def test_a_disk_that_is_full_before_the_run(disk: Path):
    repo = made(disk / "repo")
    repo.write("a.txt", "one\n")
    (disk / "filler").write_bytes(b"x" * (shutil.disk_usage(disk).free - 8192))
    with untouched(repo):
        done = datmo("run", "echo x >x.txt", cwd=repo.path, check=False)
    assert done.code in (1, 4)
    assert "Traceback" not in done.stderr
    assert len([line for line in done.stderr.splitlines() if line.startswith("error:")]) == 1
    (disk / "filler").unlink()
    assert_clean(repo)
    assert ran(repo, "echo x >x.txt")["status"] == "success"
    assert leftovers(repo) == []


@root
def test_a_disk_that_cannot_be_written(disk: Path):
    repo = made(disk / "repo")
    repo.write("a.txt", "one\n")
    row = ran(repo, "echo x: 1")
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    done = datmo("run", "echo y: 1", cwd=repo.path, check=False)
    assert (done.code, done.stdout) == (4, "")
    assert len([line for line in done.stderr.splitlines() if line.startswith("error:")]) == 1
    assert "Traceback" not in done.stderr
    assert [one["id"] for one in runs(repo)] == [row["id"]]
    assert datmo("logs", row["id"], cwd=repo.path).stdout == "x: 1\n"
    assert_git_clean(repo)
    subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
    assert_clean(repo)
