"""Repositories in odd shapes, with odd files, odd clocks, and damage in git's own objects."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from git_datmo.api import location, snapshot
from git_datmo.errors import (
    DamagedObject,
    DatmoError,
    FileChanging,
    UnsupportedRepository,
    ValidationFailed,
)
from tests.kit.checks import assert_clean
from tests.kit.git import Repo
from tests.kit.program import datmo
from tests.kit.trees import on_disk
from tests.torture.world import opened

THRESHOLD = 4096


@pytest.fixture
def project(project: Repo) -> Repo:
    """A project whose large files begin at 4 KiB."""
    project.git("config", "datmo.largeFile", str(THRESHOLD))
    project.git("config", "datmo.autoSnapshot", "false")
    return project


def taken(repo: Repo, message: str) -> str:
    """A snapshot's id."""
    with opened(repo) as found:
        return str(snapshot.create(found, message=message, stats={"m": message}).id)


def back(repo: Repo, oid: str, into: Path) -> dict[bytes, object]:
    """What a snapshot holds, restored."""
    with opened(repo) as found:
        snapshot.checkout(found, oid, into=into)
    return on_disk(into)


def test_every_size_around_the_threshold(project: Repo, tmp_path: Path) -> None:
    sizes = (0, 1, THRESHOLD - 1, THRESHOLD, THRESHOLD + 1, 3_000_000)
    files = {b"%d" % size: os.urandom(size) for size in sizes}
    for name, data in files.items():
        project.write(name, data)
    assert back(project, taken(project, "sizes"), tmp_path / "out") == files


def test_bytes_that_attributes_would_change_come_back(project: Repo, tmp_path: Path) -> None:
    files = {
        b".gitattributes": b"*.txt eol=crlf ident\n*.dat filter=broken\n"
        b"*.u working-tree-encoding=UTF-16\n",
        b"a.txt": b"one\ntwo\r\n$Id: mine$\n$Id$\n",
        b"b.dat": b"\0\1\r\n",
        b"c.u": "é".encode("utf-16"),
    }
    for name, data in files.items():
        project.write(name, data)
    assert back(project, taken(project, "bytes"), tmp_path / "out") == files


def test_a_terabyte_of_nothing_is_refused_at_once(project: Repo) -> None:
    os.truncate(project.write("hole"), 1 << 40)
    with opened(project) as found, pytest.raises(DatmoError, match=f"hole is {1 << 40} bytes"):
        snapshot.create(found, message="hole")


def test_folders_deeper_than_any_tree(project: Repo) -> None:
    here = os.open(project.path, os.O_RDONLY)
    for _ in range(700):
        os.mkdir("d", dir_fd=here)
        inner = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(os.open("f", os.O_CREAT | os.O_WRONLY, dir_fd=here))
    os.close(here)
    with opened(project) as found, pytest.raises(DatmoError, match="512"):
        snapshot.create(found, message="deep")


def test_a_file_that_turns_into_a_link_is_not_followed(project: Repo, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    (project.path / "link").symlink_to(tmp_path / "secret")
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            os.symlink(tmp_path / "secret", project.path / ".git" / "next")
            os.rename(project.path / ".git" / "next", project.path / "a")
            stop.wait(0.001)
            project.write(".git/next", "mine")
            os.rename(project.path / ".git" / "next", project.path / "a")
            stop.wait(0.001)

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        for number in range(15):
            try:
                oid = taken(project, f"{number}")
            except (FileChanging, DatmoError):
                continue
            said = project.git("cat-file", "blob", f"{oid}:a")
            assert said in ("mine", str(tmp_path / "secret"))
    finally:
        stop.set()
        thread.join()


@pytest.mark.parametrize("extension", ["worktreeConfig", "preciousObjects"])
def test_extensions_of_git_that_change_nothing_for_us(project: Repo, extension: str) -> None:
    project.git("config", "core.repositoryFormatVersion", "1")
    project.git("config", f"extensions.{extension}", "true")
    project.write("a", "1")
    taken(project, "works")
    assert_clean(project)


def test_another_way_to_keep_refs_is_refused(project: Repo) -> None:
    project.git("config", "core.repositoryFormatVersion", "1")
    config = project.git_dir / "config"
    config.write_text(config.read_text() + "[extensions]\n\trefstorage = reftable\n")
    with pytest.raises(UnsupportedRepository, match=r"refstorage|reftable"):
        location.find(project.path).repository.objects.repo.path  # noqa: B018


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_repository_of_somebody_else_is_refused(project: Repo) -> None:
    project.commit()
    for path in (project.path, project.path / ".git"):
        os.chown(path, 65534, 65534)
    done = datmo("snapshot", "ls", cwd=project.path, check=False)
    assert done.code != 0
    assert "safe.directory" in done.stderr
    assert "Traceback" not in done.stderr


def test_objects_that_lie_elsewhere(project: Repo, tmp_path: Path) -> None:
    """What git is told in the environment counts for us too, or is refused; nothing is torn."""
    project.write("a", "1")
    first = taken(project, "here")
    (tmp_path / "elsewhere").mkdir()
    project.write("a", "2")
    env = {"GIT_OBJECT_DIRECTORY": str(tmp_path / "elsewhere")}
    datmo("snapshot", "create", "-m", "there", cwd=project.path, env=env, check=False)
    with opened(project) as found:
        assert first in {str(one.id) for one in snapshot.ls(found)}
    assert_clean(project)


@pytest.mark.parametrize("cache", ["known", "forgotten"])
def test_a_damaged_object_is_not_counted_on(project: Repo, cache: str) -> None:
    """git takes an empty file for the object; we read it back."""
    project.write("a", "the same again")
    oid = project.git("rev-parse", f"{taken(project, 'one')}:a")
    file = project.git_dir / "objects" / oid[:2] / oid[2:]
    file.chmod(0o644)
    file.write_bytes(b"")
    project.write("b", "new")
    if cache == "forgotten":
        (project.git_dir / "datmo" / "capture").unlink()
    with pytest.raises(DamagedObject, match=oid):
        taken(project, "two")
    assert len(project.refs("refs/datmo/snapshots")) == 1


def test_a_bit_that_flips_in_a_pack(project: Repo, tmp_path: Path) -> None:
    project.git("config", "datmo.largeFile", "1m")
    project.write("a", os.urandom(200_000))
    hurt = taken(project, "hurt")
    project.write("a", "small")
    well = taken(project, "well")
    project.git("gc", "-q")
    [pack] = (project.git_dir / "objects" / "pack").glob("*.pack")
    data = bytearray(pack.read_bytes())
    data[len(data) // 2] ^= 4
    pack.chmod(0o644)
    pack.write_bytes(data)
    with pytest.raises(DatmoError):
        back(project, hurt, tmp_path / "hurt")
    assert not (tmp_path / "hurt" / "a").exists()
    assert back(project, well, tmp_path / "well") == {b"a": b"small"}


def test_clocks_that_are_wrong(project: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    for number, date in enumerate(("0", "2147483648", "4294967296", "253402300799", "86400")):
        monkeypatch.setenv("GIT_COMMITTER_DATE", f"@{date} +0000")
        project.write("a", f"{number}")
        made.append(taken(project, f"{number}"))
    with opened(project) as found:
        assert [str(one.id) for one in snapshot.ls(found)] == made[::-1]
    assert_clean(project)


def test_messages_that_are_no_plain_text(project: Repo) -> None:
    project.git("config", "i18n.commitEncoding", "ISO-8859-1")
    (project.path / ".git" / "said").write_bytes(b"caf\xe9\n")
    project.git("commit", "-q", "--allow-empty", "-F", ".git/said")
    project.write("a", "1")
    oid = taken(project, "on it")
    with opened(project) as found:
        assert snapshot.inspect(found, oid).message == "on it"
        with pytest.raises(ValidationFailed, match=r"NUL|null|control|\\x00"):
            snapshot.create(found, message="a\0b", stats={"n": 2})
        with pytest.raises(ValidationFailed, match="more than a note can hold"):
            snapshot.create(found, message="x" * 10_000_000, stats={"n": 3})
        long = snapshot.create(found, message="x" * 500_000, stats={"n": 4})
        assert len(snapshot.inspect(found, str(long.id)).message) == 500_000
    assert_clean(project)
