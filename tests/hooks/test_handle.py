from __future__ import annotations

import pytest

from git_datmo.errors import ValidationFailed
from git_datmo.hooks.handle import RefUpdate, in_progress, parse_pre_push
from tests.kit.git import Repo

A, B, ZERO = "a" * 40, "b" * 64, "0" * 40


def test_what_git_writes_is_read() -> None:
    lines = (
        f"refs/heads/main {A} refs/heads/main {ZERO}\n"
        f"(delete) {ZERO} refs/datmo/snapshots/1 {A}\n"
        f"HEAD@{{2 days ago}} {B} refs/datmo/notes/1 {B}\n"
    )

    updates = parse_pre_push(
        lines.encode() + b"refs/heads/\xff %s refs/heads/\r %s\n" % ((A.encode(),) * 2)
    )

    assert updates[0] == RefUpdate(b"refs/heads/main", A, b"refs/heads/main", ZERO)
    assert [update.remote_oid for update in updates] == [ZERO, A, B, A]
    assert [update.local_oid for update in updates] == [A, ZERO, B, A]
    assert updates[2].local_ref == b"HEAD@{2 days ago}"
    assert updates[3].local_ref == b"refs/heads/\xff"


def test_a_push_of_nothing_has_no_updates() -> None:
    assert parse_pre_push(b"") == []


@pytest.mark.parametrize(
    "line",
    [
        "\n",
        "\n\n",
        f"main {A} refs/heads/main\n",
        f"main {A} heads/main {A}\n",
        f"main {A[:-1]} refs/heads/main {A}\n",
        f"main {A.upper()} refs/heads/main {A}\n",
        f"main {A} refs/heads/main {A} \n",
        f"main {A} refs/heads/main {A}\n\n",
    ],
)
def test_anything_else_is_refused(line: str) -> None:
    with pytest.raises(ValidationFailed):
        parse_pre_push(line.encode())


def test_what_is_under_way_is_named(repo: Repo) -> None:
    repo.write("a", "1\n")
    first = repo.commit("first")
    repo.write("a", "2\n")
    second = repo.commit("second")
    repo.write("a", "3\n")
    third = repo.commit("third")
    assert in_progress(repo.git_dir) is None

    for start, abort, name in [
        (["cherry-pick", first, second], ["cherry-pick", "--abort"], "cherry-pick"),
        (["revert", "--no-edit", second], ["revert", "--abort"], "revert"),
        (["revert", "--no-edit", second, third], ["revert", "--abort"], "revert"),
        (["rebase", "--onto", first, second], ["rebase", "--abort"], "rebase"),
        (["rebase", "--apply", "--onto", first, second], ["rebase", "--abort"], "rebase"),
        (["bisect", "start"], ["bisect", "reset"], "bisect"),
    ]:
        repo.try_git(*start)
        assert in_progress(repo.git_dir) == name, start
        repo.git(*abort)
        assert in_progress(repo.git_dir) is None


def test_a_mailed_patch_is_not_a_rebase(repo: Repo) -> None:
    repo.write("a", "1\n")
    repo.commit("first")
    repo.write("a", "2\n")
    repo.commit("second")
    patch = repo.git("format-patch", "--stdout", "HEAD~1")
    repo.write("patch", patch + "\n")

    repo.try_git("am", "patch")

    assert in_progress(repo.git_dir) == "am"
