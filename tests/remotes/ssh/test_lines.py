"""Several connections: when there are more, and when one has to do."""

from __future__ import annotations

import shlex
import threading
import time
from pathlib import Path

import pytest

from git_datmo.remotes.ssh.parcels import FULL_FILES, LARGE, parcels
from git_datmo.remotes.ssh.place import CONNECTIONS, Ssh
from git_datmo.storage.git import Git
from git_datmo.storage.store import Store
from tests.contracts.places.ground import fill, nothing, some
from tests.kit.sshd import Sshd

MUCH = [9_000_000 + n for n in range(8)]


def logins(server: Sshd) -> int:
    return (server.folder / "log").read_text().count("Accepted publickey")


def test_much_content_takes_several_connections(
    place: Ssh, sshd: Sshd, here: Store, elsewhere: Store
):
    pointers = fill(here, *(some(size, size) for size in MUCH))
    counts: list[int] = []
    place.put(here, pointers, counts.append)
    assert sum(counts) == sum(MUCH)
    assert place.present(pointers) == set(pointers)
    assert logins(sshd) == CONNECTIONS
    place.close()
    assert place.get(elsewhere, pointers, nothing) == {}
    assert elsewhere.missing(pointers) == []
    assert 1 < logins(sshd) <= 2 * CONNECTIONS


def test_little_content_takes_one(place: Ssh, sshd: Sshd, here: Store):
    place.put(here, fill(here, *(some(n, 400_000) for n in range(20))), nothing)
    assert logins(sshd) == 1


def test_where_a_password_would_be_asked_again_one_has_to_do(
    sshd: Sshd, ssh_git: Git, here: Store, folder: Path, tmp_path: Path, monkeypatch
):
    asks = tmp_path / "asks"
    asks.write_text(
        '#!/bin/sh\ncase "$*" in *BatchMode=yes*) echo "Permission denied" >&2; exit 255;; esac\n'
        f'exec {sshd.command} "$@"\n'
    )
    asks.chmod(0o755)
    monkeypatch.setenv("GIT_SSH_COMMAND", shlex.quote(str(asks)))
    monkeypatch.setenv("GIT_SSH_VARIANT", "ssh")
    place = Ssh(sshd.address(folder), Git(ssh_git.git_dir, ssh_git.work_tree), repository=False)
    pointers = fill(here, *(some(size, size) for size in MUCH))
    place.put(here, pointers, nothing)
    assert place.present(pointers) == set(pointers)
    place.close()
    assert logins(sshd) == 1


def test_a_program_that_is_not_openssh_gets_one_and_no_settings(
    sshd: Sshd, ssh_git: Git, here: Store, folder: Path, tmp_path: Path, monkeypatch
):
    plain = tmp_path / "plain"
    plain.write_text(
        '#!/bin/sh\ncase "$1" in -*) echo "no options" >&2; exit 1;; esac\n'
        f'exec {sshd.command} "$@"\n'
    )
    plain.chmod(0o755)
    monkeypatch.setenv("GIT_SSH", str(plain))
    monkeypatch.delenv("GIT_SSH_COMMAND")
    address = sshd.address(folder)
    place = Ssh(type(address)(None, "lab", None, address.path), ssh_git, repository=False)
    pointers = fill(here, *(some(size, size) for size in MUCH))
    place.put(here, pointers, nothing)
    assert place.present(pointers) == set(pointers)
    place.close()
    assert logins(sshd) == 1


def test_an_interrupt_ends_all_connections(place: Ssh, sshd: Sshd, here: Store):
    pointers = fill(here, *(some(size, size) for size in MUCH))
    main = threading.current_thread()
    moved = 0

    def advance(count: int) -> None:
        nonlocal moved
        moved += count
        if moved > 20_000_000 and threading.current_thread() is main:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        place.put(here, pointers, advance)
    place.close()
    assert moved < sum(MUCH)
    until = time.monotonic() + 10
    while sshd.sessions() and time.monotonic() < until:
        time.sleep(0.05)
    assert sshd.sessions() == []


def test_parcels_hold_everything_once(here: Store):
    pointers = fill(here, *(b"%d" % n for n in range(1200)), bytes(LARGE), bytes(LARGE + 1))
    made = parcels([*pointers, *pointers])
    assert sorted(p.key for parcel in made for p in parcel) == sorted(p.key for p in pointers)
    assert [len(parcel) for parcel in made] == [1, 1, FULL_FILES, FULL_FILES, 200]
    assert [parcel[0].size for parcel in made[:2]] == [LARGE + 1, LARGE]
