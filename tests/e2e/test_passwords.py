"""A password that nobody remembers for us: asked once in a command, and kept nowhere."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.team import large, snap
from tests.kit.git import Repo
from tests.kit.program import datmo
from tests.kit.webgit import PASSWORD, WebGit

ASKED = "asked"
SCRIPT = """\
#!/bin/sh
echo "$1" >>"{log}"
case "$1" in Username*) echo writer ;; *) echo "{password}" ;; esac
"""


@pytest.fixture
def typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """Somebody who answers git's questions; what was asked since the last call."""
    log, script = tmp_path / ASKED, tmp_path / "askpass"
    script.write_text(SCRIPT.format(log=log, password=PASSWORD))
    script.chmod(0o755)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("GIT_ASKPASS", str(script))
    monkeypatch.setenv("TMPDIR", str(temporary))

    def asked() -> list[str]:
        said = log.read_text().splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        return [line.partition(" ")[0] for line in said]

    return asked


ONCE = ["Username", "Password"]


def test_every_command_asks_once(
    webgit: WebGit, typed: Callable[[], list[str]], tmp_path: Path
) -> None:
    url = f"{webgit.url}/origin.git"
    datmo("clone", url, "maker", cwd=tmp_path)
    assert typed() == ONCE
    maker = Repo(tmp_path / "maker")
    maker.write("one.bin", large(1))
    maker.write("two.bin", large(2))
    snap(maker, "first", "--label", "best")
    assert typed() == []
    datmo("push", "--dry-run", cwd=maker.path)
    assert typed() == ONCE
    datmo("push", cwd=maker.path)
    assert typed() == ONCE
    datmo("remote", "show", cwd=maker.path)
    assert typed() == ONCE
    datmo("clone", url, "reader", "--content", cwd=tmp_path)
    assert typed() == ONCE
    datmo("clone", url, "late", cwd=tmp_path)
    typed()
    late = Repo(tmp_path / "late")
    datmo("snapshot", "checkout", "best", cwd=late.path)
    assert typed() == ONCE
    assert late.read("two.bin") == large(2)


def test_git_asks_for_itself_and_the_hook_once_more(
    webgit: WebGit, typed: Callable[[], list[str]], tmp_path: Path
) -> None:
    datmo("clone", f"{webgit.url}/origin.git", "maker", cwd=tmp_path)
    typed()
    maker = Repo(tmp_path / "maker")
    maker.write("one.bin", large(1))
    snap(maker, "first")
    maker.git("push", "-q", "origin", "refs/datmo/*")
    assert typed() == ONCE * 2


def test_nothing_is_left_of_the_password(
    webgit: WebGit, typed: Callable[[], list[str]], tmp_path: Path
) -> None:
    datmo("clone", f"{webgit.url}/origin.git", "maker", cwd=tmp_path)
    assert typed() == ONCE
    assert os.listdir(tmp_path / "temporary") == []
    running = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
    assert str(tmp_path / "temporary") not in running.stdout
    for file in (tmp_path / "maker" / ".git").rglob("*"):
        assert not file.is_file() or PASSWORD.encode() not in file.read_bytes()


def test_a_helper_of_the_users_is_asked_and_told_alone(
    webgit: WebGit, typed: Callable[[], list[str]], seal: Path, tmp_path: Path
) -> None:
    subprocess.run(["git", "config", "--global", "credential.helper", "store"], check=True)
    datmo("clone", f"{webgit.url}/origin.git", "maker", cwd=tmp_path)
    assert typed() == ONCE
    assert "writer" in (seal / ".git-credentials").read_text()
    datmo("pull", cwd=tmp_path / "maker")
    assert typed() == []
