"""Reading the upper folder of an overlay gives what reading the merged view gives."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from git_datmo.storage.results import Results
from tests.kit.results import Left, mischief


class Overlay:
    """An overlay over the slot, mounted by this kernel."""

    def __init__(self, left: Left, folder: Path, options: str) -> None:
        self.left, self.options = left, options
        self.upper, self.work = folder / "upper", folder / "work"
        self.merged, self.copy = folder / "merged", folder / "copy"

    def mount(self) -> None:
        """Start with an empty upper folder."""
        for path in (self.upper, self.work, self.merged):
            shutil.rmtree(path, ignore_errors=True)
            path.mkdir()
        options = f"lowerdir={self.left.root},upperdir={self.upper},workdir={self.work}"
        command = ["mount", "-t", "overlay", "overlay", "-o", options + self.options]
        done = subprocess.run([*command, str(self.merged)], capture_output=True, text=True)
        if done.returncode != 0:
            pytest.skip(f"no overlay of this kind here: {done.stderr.strip()}")

    def end(self) -> None:
        """Keep a copy of what the task sees, and unmount."""
        shutil.rmtree(self.copy, ignore_errors=True)
        subprocess.run(["cp", "-a", str(self.merged), str(self.copy)], check=True)
        subprocess.run(["umount", str(self.merged)], check=True)

    def read(self) -> Results:
        """The results of the upper folder; those of the copy must be the same."""
        self.end()
        found = self.left.read(upper=self.upper)
        (self.left.slot.folder / "pristine").unlink()  # no longer: here comes the copy
        shutil.rmtree(self.left.root)
        self.copy.rename(self.left.root)
        walked = self.left.read()
        self.left.fill(self.left.before)
        assert found.changes == walked.changes
        assert (found.tree, found.files, found.ignored) == (
            walked.tree,
            walked.files,
            walked.ignored,
        )
        return found


@pytest.fixture(params=["", ",userxattr"], ids=["trusted", "user"])
def overlay(left: Left, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Overlay]:
    made = Overlay(left, tmp_path, request.param)
    made.mount()
    yield made
    subprocess.run(["umount", str(made.merged)], capture_output=True, check=False)


def test_nothing_changed(overlay: Overlay) -> None:
    assert overlay.read() == Results(overlay.left.before)


def test_an_untouched_slot_is_known_to_be_untouched(overlay: Overlay) -> None:
    (overlay.merged / "code.py").write_text("changed")
    overlay.end()
    left = overlay.left
    left.read(upper=overlay.upper)
    (left.root / "seen").write_text("")
    left.fill(left.before)
    assert (left.root / "seen").exists(), "it was looked at"


def test_changes_of_every_kind(overlay: Overlay) -> None:
    root = overlay.merged
    (root / "code.py").write_text("print(2)\n")
    (root / "bin/tool").chmod(0o644)
    (root / "data/a").unlink()
    (root / "link").unlink()
    (root / "link").mkdir()
    (root / "new/er").mkdir(parents=True)
    (root / "new/er/f").write_text("f")
    os.utime(root / ".gitignore", (1, 1))
    found = overlay.read()
    assert set(found.changes) == {b"code.py", b"bin/tool", b"data/a", b"link", b"new/er/f"}


@pytest.mark.parametrize("again", [None, "deep/c", "a", "."])
def test_a_folder_removed_and_made_again(overlay: Overlay, again: str | None) -> None:
    shutil.rmtree(overlay.merged / "data")
    if again == ".":
        (overlay.merged / "data").mkdir()
    elif again is not None:
        (overlay.merged / "data" / again).parent.mkdir(parents=True)
        (overlay.merged / "data" / again).write_text("new")
    found = overlay.read()
    assert found.changes[b"data/deep/b"] is None


def test_a_folder_emptied_file_by_file(overlay: Overlay) -> None:
    (overlay.merged / "data/deep/b").unlink()
    assert overlay.read().changes[b"data/deep"] is not None
    overlay.mount()
    (overlay.merged / "data/deep/b").rename(overlay.merged / "data/b")
    (overlay.merged / "data/deep").rmdir()
    assert set(overlay.read().changes) == {b"data/b", b"data/deep/b"}


def test_a_file_in_the_place_of_a_folder_and_back(overlay: Overlay) -> None:
    shutil.rmtree(overlay.merged / "data")
    (overlay.merged / "data").write_text("file")
    (overlay.merged / "code.py").unlink()
    (overlay.merged / "code.py").mkdir()
    (overlay.merged / "code.py/f").write_text("f")
    assert set(overlay.read().changes) == {
        *(b"data", b"data/a", b"data/deep/b", b"code.py", b"code.py/f"),
    }


def test_what_is_skipped_stays_as_it_was(overlay: Overlay) -> None:
    shutil.rmtree(overlay.merged / "data")
    (overlay.merged / "data").mkdir()
    os.mkfifo(overlay.merged / "data/a")
    (overlay.merged / "code.py").unlink()
    os.mknod(overlay.merged / "code.py", 0o600 | 0o020000, os.makedev(1, 3))
    found = overlay.read()
    assert set(found.changes) == {b"data/deep/b"}
    assert dict(found.skipped) == {b"data/a": "it is a named pipe", b"code.py": "it is a device"}


def test_a_whiteout_by_attribute(left: Left, tmp_path: Path) -> None:
    upper = tmp_path / "upper"
    (upper / "data").mkdir(parents=True)
    (upper / "data/a").touch()
    (upper / "data/empty").touch()
    try:
        os.setxattr(upper / "data", "user.overlay.opaque", b"x")
        os.setxattr(upper / "data/a", "user.overlay.whiteout", b"")
    except OSError:
        pytest.skip("this disk keeps no attributes")
    assert set(left.read(upper=upper).changes) == {b"data/a", b"data/empty"}
    for name, value in (("redirect", b"/bin"), ("metacopy", b"")):
        (upper / "other").mkdir(exist_ok=True)
        if name == "redirect":
            os.setxattr(upper / "other", "user.overlay.redirect", value)
        else:
            os.truncate(upper / "data/empty", 5000)
            os.setxattr(upper / "data/empty", "user.overlay.metacopy", value)
    found = left.read(upper=upper)
    assert {path for path, _ in found.skipped} == {b"other", b"data/empty"}


@pytest.mark.parametrize("seed", range(12))
def test_whatever_a_task_does(overlay: Overlay, seed: int) -> None:
    mischief(overlay.merged, seed)
    overlay.read()
