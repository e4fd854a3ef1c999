"""A server whose disk gives trouble, or that lies."""

from __future__ import annotations

import os
import shlex
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from git_datmo.errors import DatmoError, RemoteError
from git_datmo.remotes.ssh.place import Ssh
from git_datmo.remotes.sshaddress import SshAddress
from git_datmo.storage.git import Git
from git_datmo.storage.store import Store
from tests.contracts.places.ground import fill, nothing, some
from tests.kit.git import Repo
from tests.kit.sshd import Sshd

Disk = Callable[[str], Path]


def names(folder: Path) -> list[str]:
    return [file.name for file in folder.rglob("*") if file.is_file() and file.name != "lock"]


def test_a_full_disk_keeps_what_came_whole(sshd: Sshd, ssh_git: Git, disk: Disk, here: Store):
    folder = disk("size=3m") / "store"
    pointers = fill(here, *(some(n, 900_000) for n in range(6)))
    place = Ssh(sshd.address(folder), ssh_git, repository=False)
    with pytest.raises(RemoteError, match="no space left") as caught:
        place.put(here, pointers, nothing)
    assert caught.value.hint == "make room there, then push again: what arrived is kept"
    place.close()
    kept = place.present(pointers)
    assert 0 < len(kept) < 6
    assert len(names(folder)) == len(kept)

    os.system(f"mount -o remount,size=20m {shlex.quote(str(folder.parent))}")
    moved: list[int] = []
    place.put(here, [p for p in pointers if p not in kept], moved.append)
    assert sum(moved) == 900_000 * (6 - len(kept))
    assert place.present(pointers) == set(pointers)
    place.close()


def test_a_large_file_that_does_not_fit_is_not_begun(
    sshd: Sshd, ssh_git: Git, disk: Disk, here: Store
):
    folder = disk("size=3m") / "store"
    pointers = fill(here, some(1, 6_000_000))
    place = Ssh(sshd.address(folder), ssh_git, repository=False)
    moved: list[int] = []
    with pytest.raises(RemoteError, match="no space left"):
        place.put(here, pointers, moved.append)
    assert moved == []
    place.close()


def test_a_disk_that_fills_under_a_large_file(sshd: Sshd, ssh_git: Git, disk: Disk, here: Store):
    """Somebody else takes the room meanwhile; the next try sends the rest."""
    folder = disk("size=16m") / "store"
    [pointer] = fill(here, some(1, 12_000_000))
    place = Ssh(sshd.address(folder), ssh_git, repository=False)
    moved: list[int] = []

    def advance(count: int) -> None:
        if not moved:
            (folder / "somebody's").write_bytes(bytes(9_000_000))
        moved.append(count)

    with pytest.raises(RemoteError, match="no space left"):
        place.put(here, [pointer], advance)
    assert place.present([pointer]) == set()
    (folder / "somebody's").unlink()
    place.put(here, [pointer], nothing)
    assert place.present([pointer]) == {pointer}
    place.close()
    assert names(folder) == [f"{pointer.key[2:]}-{pointer.blake3}"]


def test_a_disk_that_is_read_only(sshd: Sshd, ssh_git: Git, disk: Disk, here: Store):
    folder = disk("size=3m") / "store"
    there, other = pointers = fill(here, b"there", b"other")
    place = Ssh(sshd.address(folder), ssh_git, repository=False)
    place.put(here, [there], nothing)
    os.system(f"mount -o remount,ro {shlex.quote(str(folder.parent))}")
    assert place.present(pointers) == {there}
    with pytest.raises(RemoteError, match="no permission") as caught:
        place.put(here, [other], nothing)
    assert "Read-only file system" in caught.value.message
    found = place.check()
    assert found.reached
    assert found.writable is False
    assert "Read-only" in found.remarks[0]
    [held] = place.listing()
    with pytest.raises(RemoteError, match="no permission"):
        place.remove([held])
    assert place.get(Store(here.folder.parent / "mine"), [there], nothing) == {}
    place.close()


def test_no_repository_at_the_path(sshd: Sshd, ssh_git: Git, here: Store, tmp_path: Path):
    (tmp_path / "plain").mkdir()
    for path in (tmp_path / "plain", tmp_path / "nowhere"):
        place = Ssh(sshd.address(path), ssh_git, repository=True)
        with pytest.raises(RemoteError, match="is no git repository") as caught:
            place.put(here, fill(here, b"content"), nothing)
        assert str(path) in caught.value.message
        found = place.check()
        assert "is no git repository" in found.remarks[0]
        place.close()
    assert names(tmp_path / "plain") == []


def test_a_repository_that_a_group_shares(sshd: Sshd, ssh_git: Git, here: Store, tmp_path: Path):
    hub = Repo.bare(tmp_path / "hub.git", "--shared=group")
    place = Ssh(sshd.address(hub.path), ssh_git, repository=True)
    place.put(here, fill(here, b"content"), nothing)
    place.close()
    for folder in (hub.path / "datmo", hub.path / "datmo" / "store"):
        assert folder.stat().st_mode & 0o2070 == 0o2070


LIAR = """
import struct, sys, json, time
out, into = sys.stdout.buffer, sys.stdin.buffer
into.read(int(into.readline()))
out.write(b"git-datmo agent 1\\n"); out.flush()
def asked():
    head = into.read(4)
    if len(head) < 4: sys.exit()
    return json.loads(into.read(struct.unpack(">I", head)[0]))
def say(**said):
    data = json.dumps(said).encode()
    out.write(struct.pack(">I", len(data)) + data); out.flush()
asked(); say(store="/", free=1)
"""


@pytest.fixture
def liar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Makes a place whose server does what a program says."""
    repo = Repo.init(tmp_path / "clone")

    def make(text: str) -> Ssh:
        program = tmp_path / "liar.py"
        program.write_text(LIAR + textwrap.dedent(text))
        words = f"{shlex.quote(sys.executable)} {shlex.quote(str(program))}"
        monkeypatch.setenv("GIT_SSH_COMMAND", words)
        monkeypatch.setenv("GIT_SSH_VARIANT", "ssh")
        address = SshAddress(None, "liar", None, "/x")
        return Ssh(address, Git(repo.git_dir, repo.path), repository=False)

    return make


ANSWERS = {
    "no JSON": 'asked(); out.write(struct.pack(">I", 3) + b"{x}"); out.flush()',
    "a list": 'asked(); out.write(struct.pack(">I", 2) + b"[]"); out.flush()',
    "gigabytes": 'asked(); out.write(struct.pack(">I", 2**31)); out.flush(); asked()',
    "numbers": "asked(); out.write(struct.pack('>I', 5000) + b'9' * 5000); out.flush()",
    "depth": "asked(); out.write(struct.pack('>I', 400000) + b'[' * 400000); out.flush()",
    "nothing": "asked(); say()",
    "too few": 'asked(); say(there="1")',
    "a negative size": "asked(); say(size=-1); asked()",
    "a larger size": "asked(); say(size=2**60); out.write(bytes(10**6)); asked()",
    "a smaller size": "asked(); say(size=1); out.write(b'x'); asked()",
    "a text for a size": "asked(); say(size='9'); asked()",
    "an unknown error": "asked(); say(error='\\x1b[31mred', message='\\x1b]0;title\\x07')",
    "an offset beyond the end": "asked(); say(offset=10**12); asked()",
}


@pytest.mark.parametrize("answer", ANSWERS)
def test_a_server_that_answers_nonsense(answer: str, liar, here: Store, elsewhere: Store):
    pointers = fill(here, some(1, 1000), some(2, 6_000_000))
    for ask in (
        lambda place: place.present(pointers),
        lambda place: place.get(elsewhere, pointers[:1], nothing),
        lambda place: place.get(elsewhere, pointers[1:], nothing),
        lambda place: list(place.listing()),
    ):
        place = liar(ANSWERS[answer])
        with pytest.raises(DatmoError) as caught:
            found = ask(place)
            assert not found, found
            raise RemoteError("nothing was claimed")
        assert isinstance(caught.value, RemoteError)
        assert "\x1b" not in caught.value.message
        place.close()
    assert elsewhere.missing(pointers) == pointers


def test_other_bytes_are_damage(liar, here: Store, elsewhere: Store):
    pointers = fill(here, some(1, 1000), some(2, 6_000_000))
    place = liar("while True:\n    size = asked()['size']; say(size=size); out.write(bytes(size))")
    failed = place.get(elsewhere, pointers, nothing)
    place.close()
    assert set(failed) == set(pointers)
    assert all("damaged" in error.message for error in failed.values())
    assert elsewhere.missing(pointers) == pointers


@pytest.mark.parametrize(
    "file", [["../x", 1, 1], ["ab/" + "c" * 30, "1", 1], ["ab/" + "c" * 30], "x", None, ["é", 1, 1]]
)
def test_a_listing_of_nonsense(file, liar):
    place = liar(f"asked(); say(files=[{file!r}], next=256)")
    with pytest.raises(RemoteError, match="makes no sense"):
        list(place.listing())
    place.close()
