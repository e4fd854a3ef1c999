"""Keys to sign with, as people have them: of ssh, and of GnuPG with an agent of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit.git import Repo


@pytest.fixture
def ssh_key(tmp_path: Path) -> Path:
    """A private key of ssh without a passphrase; its public half lies beside it."""
    return make_ssh_key(tmp_path / "signing_key")


def make_ssh_key(path: Path) -> Path:
    """A new key of ssh at `path`."""
    words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(path)]
    subprocess.run(words, check=True)
    return path


def sign_with_ssh(repo: Repo, key: Path, *signers: str) -> None:
    """Set a repository up to sign with a key of ssh; `signers` may use it by the allowed list."""
    repo.git("config", "gpg.format", "ssh")
    repo.git("config", "user.signingKey", str(key))
    repo.git("config", "datmo.sign", "true")
    allow(repo, key, *signers)


def allow(repo: Repo, key: Path, *signers: str) -> None:
    """Write the list of allowed signers anew: these may use the key."""
    public = key.with_name(key.name + ".pub").read_text()
    listed = key.with_name("allowed")
    listed.write_text("".join(f"{signer} {public}" for signer in signers))
    repo.git("config", "gpg.ssh.allowedSignersFile", str(listed))


@pytest.fixture
def gnupg(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home of GnuPG with a key of ada@example.com, its agent ended afterwards."""
    needs("gpg")
    # The socket of the agent lies in it, and its path may not be long.
    home = Path(tempfile.mkdtemp(prefix="gpg-", dir="/tmp"))
    monkeypatch.setenv("GNUPGHOME", str(home))
    try:
        words = ["--batch", "--quiet", "--passphrase", "", "--quick-gen-key"]
        gpg(*words, "Ada Lovelace <ada@example.com>", "ed25519", "sign", "never")
        yield home
    finally:
        subprocess.run(["gpgconf", "--kill", "all"], capture_output=True)
        shutil.rmtree(home, ignore_errors=True)


def needs(program: str) -> None:
    """Skip the test where a program is not installed; CI must have it."""
    if shutil.which(program) is None:
        if os.environ.get("CI"):
            pytest.fail(f"{program} is not installed")
        pytest.skip(f"{program} is not installed")


def gpg(*words: str) -> str:
    """Run gpg; what it printed. Fails the test if it fails."""
    done = subprocess.run(["gpg", *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout
