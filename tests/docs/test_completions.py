"""Tab completion in the real shells, by the program's own name and through git's completion."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

COMPLETIONS = Path(__file__).parents[2] / "docs" / "completions"
GIT_FOR_BASH = Path("/usr/share/bash-completion/completions/git")


def ask(shell: str, *command: str) -> list[str]:
    """What the shell prints, line by line."""
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    done = subprocess.run([shell, *command], capture_output=True, text=True, timeout=60)
    assert done.stderr == ""
    return done.stdout.splitlines()


@pytest.mark.parametrize(
    ("words", "at", "answer"),
    [("git-datmo snaps", 1, "snapshot"), ("git-datmo snapshot create --mess", 3, "--message")],
)
def test_bash(words: str, at: int, answer: str):
    script = f"""
        source {COMPLETIONS}/bash
        COMP_WORDS=({words}); COMP_CWORD={at}
        _git_datmo_answer; printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    assert ask("bash", "--norc", "-c", script) == [answer]


def test_bash_through_git():
    if not GIT_FOR_BASH.exists():
        pytest.skip("git's completion for bash is not installed")
    script = f"""
        source {GIT_FOR_BASH}; source {COMPLETIONS}/bash
        COMP_WORDS=(git -C . datmo snapshot create --mess); COMP_CWORD=6
        __git_wrap__git_main; printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    assert ask("bash", "--norc", "-c", script) == ["--message"]


def test_zsh_called_by_git_and_by_name(tmp_path: Path):
    shutil.copy(COMPLETIONS / "zsh", tmp_path / "_git-datmo")
    script = f"""
        fpath=({tmp_path} $fpath); autoload -U _git-datmo
        compadd() {{ print -l -- $plain }}
        _describe() {{ print -l -- ${{described%%:*}} }}
        words=(datmo snaps); CURRENT=2; _git-datmo
        words=(git-datmo snapshot create --mess); CURRENT=4; _git-datmo
    """
    assert ask("zsh", "-f", "-c", script) == ["snapshot", "--message"]


def test_fish(tmp_path: Path):
    script = f"source {COMPLETIONS}/fish; complete -C 'git-datmo snapshot create --mess'"
    assert [line.split("\t")[0] for line in ask("fish", "--no-config", "-c", script)] == [
        "--message"
    ]
