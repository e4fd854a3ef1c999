"""Hosts as they are: without a shell, without python3, talkative, unreachable."""

from __future__ import annotations

import json
import shlex
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from git_datmo.errors import ContentMissing, RemoteError
from git_datmo.remotes.directory import Directory
from git_datmo.remotes.ssh.fallback import REMEMBERED, Fallback
from git_datmo.remotes.ssh.place import Ssh
from git_datmo.storage.git import Git
from git_datmo.storage.store import Store
from tests.contracts.places.ground import fill, nothing
from tests.kit.git import Repo
from tests.kit.sshd import Sshd, free_port

MakeSshd = Callable[..., Sshd]

# What public hosts say to any command that is not git's; each is followed by its exit code.
GREETINGS = {
    "git-shell": ("fatal: unrecognized command 'python3'", 128),
    "github": (
        "Invalid command: 'python3'\\n  You appear to be using ssh to clone a git:// URL.",
        1,
    ),
    "gitlab": ("> GitLab: Disallowed command", 1),
    "gitea": ("Gitea: Unknown git command", 1),
    "nologin": ("This account is currently not available.", 1),
    "silent": ("", 1),
    "255": ("exec request failed on channel 0", 255),
}


def script(path: Path, text: str) -> Path:
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)
    return path


@pytest.fixture
def elsewhere(tmp_path: Path) -> Directory:
    """Where content goes when the host takes none."""
    return Directory(tmp_path / "elsewhere" / "store")


@pytest.fixture
def fallen(tmp_path: Path, elsewhere: Directory) -> Callable[[Sshd], Fallback]:
    """The place of a repository on a server, as a push would make it."""
    repo = Repo.init(tmp_path / "clone")
    Repo.bare(tmp_path / "hub.git")

    def make(server: Sshd) -> Fallback:
        git = Git(repo.git_dir, repo.path)
        first = Ssh(server.address(tmp_path / "hub.git"), git, repository=True)
        return Fallback(first, lambda: elsewhere, tmp_path / "clone" / "hosts.json")

    return make


def logins(server: Sshd) -> int:
    return (server.folder / "log").read_text().count("Accepted publickey")


@pytest.mark.parametrize("host", GREETINGS)
def test_a_host_that_serves_only_git_costs_one_connection(
    host: str, make_sshd: MakeSshd, fallen, elsewhere: Directory, here: Store, tmp_path: Path
):
    words, code = GREETINGS[host]
    said = script(tmp_path / "only-git", f"printf '%b\\n' {shlex.quote(words)} >&2; exit {code}\n")
    server = make_sshd(f"ForceCommand {said}")
    pointers = fill(here, b"content")
    for _ in range(2):
        place = fallen(server)
        place.put(here, pointers, nothing)
        assert place.present(pointers) == set(pointers)
        place.close()
    assert elsewhere.present(pointers) == set(pointers)
    assert logins(server) == 1
    [(name, known)] = json.loads((tmp_path / "clone" / "hosts.json").read_text()).items()
    assert name == f"{server.user}@127.0.0.1:{server.port}"
    ended = f"the command ended with exit code {code}"
    assert known["refused"] == (words.replace("\\n  ", "; ") or ended)

    found = fallen(server).check()
    assert found.reached
    assert found.writable
    assert "runs no python3" in found.remarks[0]


def test_real_git_shell(make_sshd: MakeSshd, fallen, elsewhere: Directory, here: Store):
    server = make_sshd('ForceCommand git-shell -c "$SSH_ORIGINAL_COMMAND"')
    pointers = fill(here, b"content")
    place = fallen(server)
    place.put(here, pointers, nothing)
    place.close()
    assert elsewhere.present(pointers) == set(pointers)


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_a_host_without_python(
    shell: str, make_sshd: MakeSshd, fallen, elsewhere: Directory, here: Store, tmp_path: Path
):
    server = make_sshd(f'ForceCommand PATH=/nowhere /bin/{shell} -c "$SSH_ORIGINAL_COMMAND"')
    pointers = fill(here, b"content")
    place = fallen(server)
    place.put(here, pointers, nothing)
    place.close()
    assert elsewhere.present(pointers) == set(pointers)
    assert "not found" in (tmp_path / "clone" / "hosts.json").read_text()


def test_a_store_folder_on_a_host_without_python_is_an_error(
    make_sshd: MakeSshd, here: Store, tmp_path: Path
):
    server = make_sshd('ForceCommand PATH=/nowhere /bin/sh -c "$SSH_ORIGINAL_COMMAND"')
    repo = Repo.init(tmp_path / "clone")
    place = Ssh(server.address(tmp_path / "x"), Git(repo.git_dir, repo.path), repository=False)
    with pytest.raises(RemoteError, match="no python3") as caught:
        place.put(here, fill(here, b"content"), nothing)
    assert "install python3" in str(caught.value.hint)
    assert place.check().writable is False
    place.close()


def test_an_old_python_is_none(make_sshd: MakeSshd, fallen, here: Store, tmp_path: Path):
    old = tmp_path / "bin"
    old.mkdir()
    text = 'exec /usr/bin/python3 "$1" "import sys; sys.version_info = (3, 5)\n$2"\n'
    script(old / "python3", text)
    server = make_sshd(f'ForceCommand PATH={old}:$PATH /bin/sh -c "$SSH_ORIGINAL_COMMAND"')
    place = fallen(server)
    place.put(here, fill(here, b"content"), nothing)
    place.close()
    assert "older than 3.6" in (tmp_path / "clone" / "hosts.json").read_text()


def test_the_memory_ends(make_sshd: MakeSshd, sshd: Sshd, fallen, here: Store, tmp_path: Path):
    """A host that has learned python3 is used after a week, or as soon as it is checked."""
    memory = tmp_path / "clone" / "hosts.json"
    host = f"{sshd.user}@127.0.0.1:{sshd.port}"
    store = Directory(tmp_path / "hub.git" / "datmo" / "store")
    for at in (time.time() - REMEMBERED - 60, time.time() + 9999):
        memory.write_text(json.dumps({host: {"refused": "no", "at": at}, "other": {"at": 1}}))
        pointers = fill(here, b"%f" % at)
        place = fallen(sshd)
        place.put(here, pointers, nothing)
        place.close()
        assert store.present(pointers) == set(pointers)
        assert list(json.loads(memory.read_text())) == ["other"]

    memory.write_text(json.dumps({host: {"refused": "no", "at": time.time() - 60}}))
    pointers = fill(here, b"after the check")
    place = fallen(sshd)
    assert place.check().remarks == ()
    place.put(here, pointers, nothing)
    place.close()
    assert store.present(pointers) == set(pointers)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"x": 1}', "\xff"])
def test_a_spoilt_memory_is_none(text: str, sshd: Sshd, fallen, here: Store, tmp_path: Path):
    (tmp_path / "clone" / "hosts.json").write_bytes(text.encode("latin-1"))
    place = fallen(sshd)
    place.put(here, fill(here, b"content"), nothing)
    place.close()
    assert len(list((tmp_path / "hub.git" / "datmo" / "store").glob("??/*"))) == 1


def test_what_others_had_to_leave_elsewhere_is_found(
    sshd: Sshd, fallen, elsewhere: Directory, here: Store, tmp_path: Path
):
    there, both, nowhere = pointers = fill(here, b"there", b"elsewhere", b"nowhere")
    place = fallen(sshd)
    place.put(here, [there], nothing)
    elsewhere.put(here, [both], nothing)
    target = Store(tmp_path / "target" / "store")
    failed = place.get(target, pointers, nothing)
    place.close()
    assert list(failed) == [nowhere]
    assert isinstance(failed[nowhere], ContentMissing)
    assert target.missing(pointers) == [nowhere]


def test_who_cannot_be_reached_is_no_reason_to_go_elsewhere(
    sshd: Sshd, fallen, elsewhere: Directory, here: Store, tmp_path: Path
):
    pointers = fill(here, b"content")
    sshd.port = free_port()
    place = fallen(sshd)
    with pytest.raises(RemoteError, match="Connection refused") as caught:
        place.put(here, pointers, nothing)
    assert f"ssh -p {sshd.port}" in str(caught.value.hint)
    found = place.check()
    place.close()
    assert not found.reached
    assert not elsewhere.folder.exists()
    assert not (tmp_path / "clone" / "hosts.json").exists()


def test_a_key_that_is_not_let_in(sshd: Sshd, fallen, here: Store):
    (sshd.folder / "key.pub").write_text("")
    place = fallen(sshd)
    with pytest.raises(RemoteError, match="Permission denied"):
        place.put(here, fill(here, b"content"), nothing)
    place.close()


def test_a_host_that_changed_its_key(sshd: Sshd, fallen, here: Store, monkeypatch):
    monkeypatch.setenv("GIT_SSH_COMMAND", f"{sshd.command} -o StrictHostKeyChecking=yes")
    place = fallen(sshd)
    with pytest.raises(RemoteError, match="Host key verification failed"):
        place.put(here, fill(here, b"content"), nothing)
    place.close()


def test_no_ssh_at_all(sshd: Sshd, fallen, here: Store, monkeypatch):
    monkeypatch.delenv("GIT_SSH_COMMAND")
    monkeypatch.setenv("GIT_SSH", "/nowhere/ssh")
    place = fallen(sshd)
    with pytest.raises(RemoteError, match="cannot run /nowhere/ssh"):
        place.put(here, fill(here, b"content"), nothing)
    place.close()


def test_talk_before_the_agent(make_sshd: MakeSshd, fallen, here: Store, tmp_path: Path):
    said = script(
        tmp_path / "talks",
        'i=0; while [ $i -lt 500 ]; do echo "Welcome to the lab, dear user $i"; i=$((i+1)); done\n'
        "echo 'watch out' >&2; printf 'no newline: '; eval \"$SSH_ORIGINAL_COMMAND\"\n",
    )
    (tmp_path / "banner").write_text("You are watched.\n")
    server = make_sshd(f"ForceCommand {said}\nBanner {tmp_path / 'banner'}")
    pointers = fill(here, b"content")
    place = fallen(server)
    place.put(here, pointers, nothing)
    place.close()
    assert Directory(tmp_path / "hub.git" / "datmo" / "store").present(pointers) == set(pointers)


def test_a_login_script_that_talks(sshd: Sshd, fallen, here: Store, tmp_path: Path):
    (sshd.home / ".bashrc").write_text("echo 'Hello from .bashrc'\n")
    shell = subprocess.run(
        [*shlex.split(sshd.command), "lab", "echo", "$0"], capture_output=True, check=True
    ).stdout.decode()
    if "bash" not in shell:
        pytest.skip("the login shell here is not bash")
    assert "Hello from .bashrc" in shell
    place = fallen(sshd)
    place.put(here, fill(here, b"content"), nothing)
    place.close()
    assert len(list((tmp_path / "hub.git" / "datmo" / "store").glob("??/*"))) == 1


def test_a_server_that_never_stops_talking(make_sshd: MakeSshd, fallen, elsewhere, here: Store):
    server = make_sshd("ForceCommand yes")
    pointers = fill(here, b"content")
    place = fallen(server)
    place.put(here, pointers, nothing)
    place.close()
    assert elsewhere.present(pointers) == set(pointers)


def test_a_host_that_waits_for_something_else(
    make_sshd: MakeSshd, fallen, elsewhere, here: Store, monkeypatch
):
    """A menu, say: it talks, and would wait for ever."""
    monkeypatch.setattr("git_datmo.remotes.ssh.link.GREETING", 1)
    server = make_sshd("ForceCommand echo 'Your choice:'; cat >/dev/null")
    pointers = fill(here, b"content")
    place = fallen(server)
    place.put(here, pointers, nothing)
    place.close()
    assert elsewhere.present(pointers) == set(pointers)
