"""Loose objects that came to harm: said at once, and a packed twin stands in."""

from __future__ import annotations

import os
import resource
import zlib
from contextlib import suppress

import pytest

from git_datmo.errors import Conflict, DamagedObject
from git_datmo.storage.repository import discover
from tests.kit.git import Repo
from tests.kit.program import datmo


@pytest.mark.parametrize("length", [0, 1, 10, 30, -1])
def test_one_that_is_cut_short(repo: Repo, length: int):
    """libgit2 reads on for ever where a stream does not end."""
    oid = repo.git("hash-object", "-w", "--stdin", input=b"words " * 2000 + bytes(range(256)) * 9)
    path = repo.git_dir / "objects" / oid[:2] / oid[2:]
    data = path.read_bytes()
    path.chmod(0o644)
    path.write_bytes(data[:length])
    objects = discover(repo.path).objects
    with pytest.raises(DamagedObject, match=oid):
        objects.blob(oid)
    assert objects.here("1" * 40) is None


def test_one_that_is_not_what_its_id_says(repo: Repo):
    oid = repo.git("hash-object", "-w", "--stdin", input=b"words")
    repo.commit()
    repo.git("update-ref", "refs/tags/it", repo.git("mktree", input=f"100644 blob {oid}\tf\n"))
    path = repo.git_dir / "objects" / oid[:2] / oid[2:]
    path.chmod(0o644)
    path.write_bytes(zlib.compress(b"blob 5\0swords"))
    with pytest.raises(DamagedObject, match="does not hold what its id says"):
        discover(repo.path).objects.blob(oid)
    path.write_bytes(zlib.compress(b"blob 5\0words"))
    repo.git("repack", "-q", "-a")
    path.write_bytes(b"")
    assert discover(repo.path).objects.blob(oid) == b"words"


def test_a_command_ends(project: Repo):
    project.write("train.py", "x = 1\n" * 500)
    oid = datmo("snapshot", "create", "-m", "one", "--json").json()["id"]
    blob = project.git("rev-parse", f"{oid}:train.py")
    path = project.git_dir / "objects" / blob[:2] / blob[2:]
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:20])
    done = datmo("snapshot", "checkout", oid, "--into", project.path.parent / "out", check=False)
    assert done.code == 5
    assert "it is cut short" in done.stderr


def test_with_no_descriptor_left_nothing_is_called_damaged(repo: Repo):
    oid = repo.git("hash-object", "-w", "--stdin", input=b"words")
    objects = discover(repo.path).objects
    assert objects.blob(oid) == b"words"
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (200, hard))
    taken: list[int] = []
    try:
        with suppress(OSError):
            while True:
                taken.append(os.open(os.devnull, os.O_RDONLY))
        with pytest.raises(Conflict, match="Too many open files"):
            objects.blob(oid)
    finally:
        for fd in taken:
            os.close(fd)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
