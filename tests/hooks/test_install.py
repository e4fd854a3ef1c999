"""Hooks on disk: into whatever is there, and out without a trace."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from git_datmo.errors import Conflict, ReadOnlyRepository, UnsafePath
from git_datmo.hooks.install import install, installed
from git_datmo.hooks.location import location, manual_lines
from git_datmo.hooks.uninstall import uninstall
from tests.hooks.fake import Fake
from tests.kit.git import Repo

PROGRAM = ["/opt/git-datmo"]
FOREIGN = {
    "sh": (b"#!/bin/sh\necho hi\n", 0o755),
    "read-only sh": (b"#!/usr/bin/env bash\nexit 0", 0o555),
    "latin-1": ("#!/bin/sh\n# f\u00fcr \u00fcbermorgen\r\necho\n".encode("latin-1"), 0o711),
    "dos": (b"#!/bin/sh\r\necho hi\r\n", 0o755),
    "no interpreter": (b"echo hi", 0o755),
    "no end of line": (b"#!/bin/sh", 0o755),
    "python": (b"#!/usr/bin/env python3\nprint('hi')\n", 0o750),
    "binary": (b"\x7fELF\0\0\xff", 0o755),
    "switched off": (b"#!/bin/sh\necho off\n", 0o644),
    "empty": (b"", 0o755),
    "like ours": (b"#!/bin/sh\n", 0o755),
}

Facts = Mapping[str, tuple[int, bytes]]


def facts(folder: Path) -> Facts:
    """Name -> mode and content, or where a link points, of everything in a folder."""
    return {
        file.name: (
            file.lstat().st_mode,
            os.fsencode(os.readlink(file)) if file.is_symlink() else file.read_bytes(),
        )
        for file in folder.iterdir()
    }


@pytest.fixture
def hooks(repo: Repo) -> Path:
    return repo.git_dir / "hooks"


def plant(path: Path, kind: str) -> None:
    data, mode = FOREIGN[kind]
    path.write_bytes(data)
    path.chmod(mode)


@pytest.mark.parametrize("kind", FOREIGN)
def test_uninstall_restores_bytes_and_mode(hooks: Path, kind: str) -> None:
    plant(hooks / "post-commit", kind)
    plant(hooks / "pre-push", kind)
    before = facts(hooks)

    install(hooks, PROGRAM)
    once = facts(hooks)
    assert installed(hooks) == {"post-commit": "installed", "pre-push": "installed"}
    assert [change.action for change in install(hooks, PROGRAM)] == ["unchanged"] * 2
    assert facts(hooks) == once
    assert [change.action for change in install(hooks, ["/new/place"])] == ["updated"] * 2
    uninstall(hooks)

    assert facts(hooks) == before
    assert uninstall(hooks) == []


def test_hooks_that_were_not_there_come_and_go(hooks: Path) -> None:
    before = facts(hooks)
    assert set(installed(hooks).values()) == {"missing"}

    assert [change.action for change in install(hooks, PROGRAM)] == ["created"] * 2
    assert os.access(hooks / "pre-push", os.X_OK)
    assert [change.action for change in uninstall(hooks)] == ["deleted"] * 2

    assert facts(hooks) == before


@pytest.mark.parametrize("empty", [True, False])
def test_the_folder_goes_only_if_it_came_with_us(tmp_path: Path, empty: bool) -> None:
    folder = tmp_path / "hooks"
    if empty:
        folder.mkdir()

    install(folder, PROGRAM)
    install(folder, ["/new/place"])
    uninstall(folder)

    assert folder.exists() is empty


def test_a_link_stays_a_link_and_its_target_untouched(hooks: Path, repo: Repo) -> None:
    script = repo.write("scripts/push.sh", "#!/bin/sh\n", mode=0o755)
    (hooks / "pre-push").symlink_to("../../scripts/push.sh")
    (hooks / "post-commit").symlink_to("../../scripts/gone.sh")
    before = facts(hooks)

    assert [change.action for change in install(hooks, PROGRAM)] == ["chained"] * 2
    assert script.read_bytes() == b"#!/bin/sh\n"
    assert (hooks / "pre-push.datmo-chained").is_symlink()
    uninstall(hooks)

    assert facts(hooks) == before


def test_edits_made_since_stay(hooks: Path) -> None:
    install(hooks, PROGRAM)
    with (hooks / "pre-push").open("a") as file:
        file.write("echo mine\n")

    uninstall(hooks)

    assert (hooks / "pre-push").read_bytes() == b"#!/bin/sh\necho mine\n"
    assert not (hooks / "post-commit").exists()


def test_edits_beside_a_hook_moved_aside_keep_both_running(hooks: Path, repo: Repo) -> None:
    (hooks / "post-commit").write_bytes(b"#!/usr/bin/env python3\nopen('python-ran', 'w')\n")
    (hooks / "post-commit").chmod(0o755)
    install(hooks, PROGRAM)
    with (hooks / "post-commit").open("a") as file:
        file.write(": >edit-ran\n")

    [kept] = [change for change in uninstall(hooks) if change.event == "post-commit"]
    assert kept.action == "kept"
    assert "datmo-chained" in kept.note
    repo.commit()

    assert (repo.path / "python-ran").exists()
    assert (repo.path / "edit-ran").exists()
    assert installed(hooks)["post-commit"] == "missing"


def test_a_crash_while_moving_aside_is_picked_up(hooks: Path) -> None:
    plant(hooks / "pre-push", "python")
    os.link(hooks / "pre-push", hooks / "pre-push.datmo-chained")

    assert install(hooks, PROGRAM, ["pre-push"])[0].action == "chained"


def test_something_else_under_the_name_is_not_overwritten(hooks: Path) -> None:
    plant(hooks / "pre-push", "python")
    plant(hooks / "pre-push.datmo-chained", "sh")
    before = facts(hooks)

    with pytest.raises(UnsafePath, match="has to make room"):
        install(hooks, PROGRAM, ["pre-push"])

    assert facts(hooks) == before


def test_a_folder_in_the_place_of_a_hook_is_refused(hooks: Path) -> None:
    (hooks / "post-commit").mkdir()

    with pytest.raises(UnsafePath, match="not a file"):
        install(hooks, PROGRAM)


def test_a_damaged_block_is_reported_and_left(hooks: Path) -> None:
    install(hooks, PROGRAM)
    path = hooks / "pre-push"
    path.write_bytes(path.read_bytes().replace(b"# <<< git-datmo pre-push <<<", b""))
    before = facts(hooks)

    assert installed(hooks) == {"post-commit": "installed", "pre-push": "damaged"}
    for verb in (lambda: install(hooks, PROGRAM, ["pre-push"]), lambda: uninstall(hooks)):
        with pytest.raises(Conflict):
            verb()
    assert facts(hooks) == before


def test_a_hook_switched_off_later_is_reported(hooks: Path) -> None:
    install(hooks, PROGRAM)
    (hooks / "post-commit").chmod(0o644)

    assert installed(hooks)["post-commit"] == "disabled"


def test_a_folder_that_cannot_be_written_is_one_clear_error(hooks: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write anywhere")
    hooks.chmod(0o555)

    with pytest.raises(ReadOnlyRepository):
        install(hooks, PROGRAM)


def test_what_the_pre_commit_framework_moved_is_found_there(hooks: Path) -> None:
    install(hooks, PROGRAM)
    (hooks / "pre-push").rename(hooks / "pre-push.legacy")
    theirs = (
        b"#!/usr/bin/env bash\n# File generated by pre-commit: https://pre-commit.com\nexec true\n"
    )
    (hooks / "pre-push").write_bytes(theirs)
    (hooks / "pre-push").chmod(0o755)

    assert installed(hooks)["pre-push"] == "installed"
    assert install(hooks, ["/new/place"], ["pre-push"])[0].action == "updated"
    assert b"/new/place" in (hooks / "pre-push.legacy").read_bytes()
    assert (hooks / "pre-push").read_bytes() == theirs
    uninstall(hooks)

    assert (hooks / "pre-push").read_bytes() == theirs
    assert not (hooks / "pre-push.legacy").exists()


def test_a_legacy_hook_that_nothing_runs_does_not_count(hooks: Path) -> None:
    install(hooks, PROGRAM)
    (hooks / "pre-push").rename(hooks / "pre-push.legacy")
    plant(hooks / "pre-push", "sh")

    assert installed(hooks)["pre-push"] == "missing"
    assert install(hooks, PROGRAM, ["pre-push"])[0].action == "added"


def test_a_folder_outside_the_git_directory_is_never_written(repo: Repo, fake: Fake) -> None:
    git_dir = repo.git_dir
    (repo.path / ".husky").mkdir()
    (git_dir / "linked").symlink_to(repo.path / ".husky")

    assert location(git_dir, git_dir / "hooks").reached
    assert location(git_dir, git_dir / "other").hooks_dir == git_dir / "other"
    for outside in (repo.path / ".husky", git_dir / "linked", git_dir / ".." / "hooks"):
        place = location(git_dir, outside)
        assert not place.reached
        assert place.hooks_dir == git_dir / "datmo" / "hooks"
    for event in ("post-commit", "pre-push"):
        assert "\n" not in manual_lines(event)[0]
        assert str(repo.path) not in manual_lines(event)[0]
