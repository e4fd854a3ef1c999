"""Addresses that are none, or hold a secret: one sentence, which does not repeat the secret."""

from __future__ import annotations

import pytest

from tests.kit.git import Repo
from tests.kit.program import datmo

SECRET = "hunter2"
COMMANDS = (("remote", "show", "o"), ("gc", "--remote", "o", "--yes"), ("push", "o"))


@pytest.mark.parametrize("store", ["", "lfs", "git", "itself"])
@pytest.mark.parametrize(
    "url",
    [
        "ssh://[bad/x",
        "https://[bad/x",
        "~nosuchuser/x",
        f"ftp://us:{SECRET}@127.0.0.1:1/x",
        f"ssh://us:{SECRET}@-x/y",
        f"https://{SECRET}@127.0.0.1:1/x",
    ],
)
def test_what_is_said_of_it(project: Repo, url: str, store: str) -> None:
    project.git("config", "remote.o.url", url)
    if store:
        project.git("config", "datmo.o.store", url if store == "itself" else store)
    for command in COMMANDS:
        done = datmo(*command, cwd=project.path, check=False)
        assert done.code not in (0, 70), done
        assert SECRET not in done.stdout + done.stderr, done
