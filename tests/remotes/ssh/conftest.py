"""Stores at the other end of a server, and disks that give trouble."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from git_datmo.remotes.ssh.place import Ssh
from git_datmo.storage.git import Git
from git_datmo.storage.store import Store
from tests.kit.sshd import Sshd


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the store is on the server."""
    return tmp_path / "there" / "store"


@pytest.fixture
def here(tmp_path: Path) -> Store:
    """The store of whoever pushes."""
    return Store(tmp_path / "here" / "store")


@pytest.fixture
def elsewhere(tmp_path: Path) -> Store:
    """The store of whoever pulls."""
    return Store(tmp_path / "elsewhere" / "store")


@pytest.fixture
def place(sshd: Sshd, ssh_git: Git, folder: Path) -> Iterator[Ssh]:
    """The store at `folder`, over ssh."""
    made = Ssh(sshd.address(folder), ssh_git, repository=False)
    yield made
    made.close()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Mounts a small disk with the options given."""
    made: list[Path] = []

    def mount(options: str) -> Path:
        target = tmp_path / f"disk-{len(made)}"
        target.mkdir()
        words = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(target)]
        if os.geteuid() != 0 or subprocess.run(words, capture_output=True).returncode != 0:
            pytest.skip("only root may mount a small disk")
        made.append(target)
        return target

    yield mount
    for target in made:
        subprocess.run(["umount", "-l", str(target)], check=True)
