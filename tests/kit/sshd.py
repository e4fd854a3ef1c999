"""An OpenSSH server for tests. CI must have one; elsewhere tests that need it are skipped.

Each server listens on this machine only, lets one key in, and gives its sessions a home directory
of the test's own.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import shlex
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from git_datmo.remotes.ssh.place import Ssh
from git_datmo.remotes.sshaddress import SshAddress
from git_datmo.storage.git import Git, environment
from git_datmo.storage.store import Store
from tests.contracts.places.ground import Ground
from tests.kit.absence import absent
from tests.kit.git import Repo

CONFIG = """\
ListenAddress 127.0.0.1
Port {port}
HostKey {folder}/host_key
PidFile {folder}/pid
AuthorizedKeysFile {folder}/key.pub
PasswordAuthentication no
KbdInteractiveAuthentication no
StrictModes no
UsePAM no
PrintMotd no
MaxStartups 100
SetEnv HOME={home} GIT_CONFIG_NOSYSTEM=1 XDG_CONFIG_HOME={home}/.config
{more}
"""


@dataclass
class Sshd:
    """`home` is where sessions start from for `~`; `folder` has the keys and settings."""

    port: int
    folder: Path
    home: Path
    process: subprocess.Popen[bytes]

    @property
    def command(self) -> str:
        """What to set GIT_SSH_COMMAND to."""
        return f"ssh -F {shlex.quote(os.fspath(self.folder / 'config'))}"

    @property
    def user(self) -> str:
        """The user that sessions run as: whoever runs the tests."""
        return getpass.getuser()

    def url(self, path: str | os.PathLike[str], port: int | None = None) -> str:
        """An ssh:// address of an absolute path."""
        return f"ssh://{self.user}@127.0.0.1:{port or self.port}{os.fspath(path)}"

    def address(self, path: str | os.PathLike[str], port: int | None = None) -> SshAddress:
        """The same for code."""
        return SshAddress(self.user, "127.0.0.1", port or self.port, os.fspath(path))

    def sessions(self) -> list[int]:
        """The processes that serve connections now."""
        listed = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(self.process.pid)], capture_output=True, check=False
        )
        return [int(word) for word in listed.stdout.split()]

    def cut(self) -> None:
        """Kill what serves connections; the server itself goes on."""
        for pid in self.sessions():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def stop(self) -> None:
        """End the server and its sessions."""
        self.cut()
        self.process.terminate()
        self.process.wait(10)


def start(folder: Path, more: str = "") -> Sshd:
    """A server with its keys in `folder`, which is made; `more` is added to its settings."""
    home = folder / "home"
    home.mkdir(parents=True)
    if os.geteuid() == 0:
        os.makedirs("/run/sshd", exist_ok=True)
    for name in ("host_key", "key"):
        words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", os.fspath(folder / name)]
        subprocess.run(words, check=True)
    port = free_port()
    (folder / "sshd_config").write_text(
        CONFIG.format(port=port, folder=folder, home=home, more=more)
    )
    (folder / "config").write_text(
        f"Host *\n  IdentityFile {folder}/key\n  IdentitiesOnly yes\n  LogLevel ERROR\n"
        f"  StrictHostKeyChecking no\n  UserKnownHostsFile {folder}/known_hosts\n"
        f"Host lab\n  HostName 127.0.0.1\n  Port {port}\n"
    )
    program = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin")
    assert program is not None
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [program, "-D", "-e", "-f", os.fspath(folder / "sshd_config")],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    server = Sshd(port, folder, home, process)
    until = time.monotonic() + 20
    while not _answers(port):
        if process.poll() is not None or time.monotonic() > until:
            server.stop()
            pytest.fail(f"sshd did not start: {(folder / 'log').read_text()}")
        time.sleep(0.02)
    return server


def free_port() -> int:
    """A port on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            return bool(connection.recv(4))
    except OSError:
        return False


@pytest.fixture(scope="session")
def openssh() -> None:
    """OpenSSH's server and client are here: else the test is skipped, or fails where `CI` is."""
    path = f"{os.environ['PATH']}:/usr/sbin"
    missing = [name for name in ("sshd", "ssh", "ssh-keygen") if not shutil.which(name, path=path)]
    if not missing:
        return
    reason = f"OpenSSH is not here: {', '.join(missing)}"
    absent(reason)


@pytest.fixture
def make_sshd(
    openssh: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Sshd]]:
    """Starts servers; the last one is what ssh and git of the test know how to log in to."""
    made: list[Sshd] = []

    def make(more: str = "") -> Sshd:
        server = start(tmp_path / f"sshd-{len(made)}", more)
        made.append(server)
        monkeypatch.setenv("GIT_SSH_COMMAND", server.command)
        return server

    yield make
    for server in made:
        server.stop()


@pytest.fixture
def sshd(make_sshd: Callable[..., Sshd]) -> Sshd:
    """A server that allows everything."""
    return make_sshd()


@pytest.fixture
def ssh_git(tmp_path: Path, sshd: Sshd) -> Git:
    """The git of a clone that uses the server."""
    repo = Repo.init(tmp_path / "clone of the test")
    return Git(repo.git_dir, repo.path, environment())


@pytest.fixture
def ssh_ground(sshd: Sshd, ssh_git: Git, tmp_path: Path) -> Ground:
    """A store folder at the other end of a server."""
    folder = tmp_path / "server" / "store"

    def there(pointer):
        return next(path for path in Store(folder).candidates(pointer) if path.exists())

    def damage(pointer, data: bytes) -> None:
        os.chmod(there(pointer), 0o644)
        there(pointer).write_bytes(data)

    def litter() -> list[str]:
        found = [path for path in folder.rglob("*") if path.is_file()]
        return [str(path) for path in found if len(path.parent.name) != 2 and path.name != "lock"]

    nobody = sshd.address(folder, free_port())
    return Ground(
        "ssh",
        tmp_path,
        make=lambda: Ssh(sshd.address(folder), ssh_git, repository=False),
        damage=damage,
        lose=lambda pointer: there(pointer).unlink(),
        litter=litter,
        unreachable=lambda: Ssh(nobody, ssh_git, repository=False),
    )
