"""The seal holds for git, for libgit2 and for what a test starts."""

from __future__ import annotations

import os
from pathlib import Path

import pygit2

from tests.kit.checks import untouched
from tests.kit.git import Repo, run_git


def test_git_reads_no_configuration_from_outside(repo: Repo, seal: Path):
    origins = run_git("config", "--list", "--show-origin", "--show-scope", "-z").split("\0")
    outside = {
        origin
        for scope, origin in zip(origins[::3], origins[1::3], strict=False)
        if scope != "local" and not origin.startswith(f"file:{seal}")
    }
    assert outside == set()


def test_git_and_libgit2_know_the_same_person(repo: Repo):
    signature = pygit2.Repository(str(repo.path)).default_signature
    assert repo.git("var", "GIT_AUTHOR_IDENT").startswith(f"{signature.name} <{signature.email}>")


def test_commits_are_the_same_in_every_run(repo: Repo):
    repo.write("a.txt", "a\n")
    assert repo.commit("first") == "e12da970622ad617093c5df8f6b012015a4e2573"


def test_an_unexpected_editor_fails_at_once(repo: Repo):
    assert repo.try_git("commit", "--allow-empty").returncode != 0


def test_bytecode_is_written():
    assert "PYTHONDONTWRITEBYTECODE" not in os.environ


def test_untouched_notices_a_file_that_came_and_went(repo: Repo):
    repo.write("a.txt", "a\n")
    os.utime(repo.path, ns=(0, 0))
    noticed = False
    try:
        with untouched(repo):
            repo.write("b.txt").unlink()
    except AssertionError:
        noticed = True
    assert noticed
