"""`git datmo --help` opens the manual where the program is installed, and nowhere else to look."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

MAN = Path("share/man/man1/git-datmo.1")


@pytest.fixture
def installed() -> Path:
    """The prefix that git-datmo is installed in."""
    program = shutil.which("git-datmo")
    assert program is not None, "git-datmo is not installed in this environment"
    prefix = Path(program).parents[1]
    assert prefix == Path(sys.prefix)
    return prefix


def test_the_manual_is_installed(installed: Path):
    assert (installed / MAN).is_file()


def test_completions_are_installed(installed: Path):
    share = installed / "share"
    assert (share / "bash-completion/completions/git-datmo").is_file()
    assert (share / "zsh/site-functions/_git-datmo").is_file()
    assert (share / "fish/vendor_completions.d/git-datmo.fish").is_file()


def test_git_datmo_help_opens_the_manual(installed: Path):
    if shutil.which("man") is None:
        pytest.skip("man is not installed")
    done = subprocess.run(["git", "datmo", "--help"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("GIT-DATMO(1)")
    assert "EXIT STATUS" in done.stdout
