"""Where the repository is, and what kind it is.

The common case (a plain `.git` folder, nothing special in its config) is read here, so that
a listing starts no process; everything else is asked of git.
"""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from git_datmo.errors import (
    GitFailed,
    InvalidProjectPath,
    NeedsWorkTree,
    NotARepository,
    UnsupportedRepository,
)
from git_datmo.model.frozen import frozen

if TYPE_CHECKING:
    from git_datmo.storage.config import Config
    from git_datmo.storage.git import Git
    from git_datmo.storage.objects import Objects

_SPECIAL = (b"[extensions", b"[include", b"worktree", b"bare = true", b"bare=true")


@frozen
class Repository:
    """One git repository as seen from one of its work trees.

    `git_dir` belongs to the work tree, `common_dir` is shared by all of them, `work_tree` is
    None in a bare repository. All three are absolute.
    """

    git_dir: Path
    common_dir: Path
    work_tree: Path | None

    @property
    def home(self) -> Path:
        """Our own folder, shared by all work trees: `<common dir>/datmo`."""
        return self.common_dir / "datmo"

    @cached_property
    def git(self) -> Git:
        """The git program, bound to this repository."""
        from git_datmo.storage.git import Git

        return Git(self.git_dir, self.work_tree)

    @cached_property
    def config(self) -> Config:
        """git's configuration, with the project's `.datmoconfig` below it."""
        from git_datmo.storage.config import Config

        return Config(self.git, self.work_tree)

    @cached_property
    def objects(self) -> Objects:
        """The object database. Opening it is the first thing that loads pygit2."""
        from git_datmo.storage.objects import Objects

        return Objects(self.common_dir)

    def needs_work_tree(self, verb: str) -> Path:
        """The work tree, or NeedsWorkTree for a bare repository."""
        if self.work_tree is None:
            raise NeedsWorkTree(
                f"cannot {verb} in the bare repository {self.git_dir}: it has no work tree",
                hint="clone it and work there",
            )
        return self.work_tree


def discover(start: Path) -> Repository:
    """Find the repository that git would use from the folder `start`.

    Raises InvalidProjectPath, NotARepository, UnsupportedRepository (SHA-256, reftable), and
    GitFailed with git's own words for anything else, such as a foreign owner.
    """
    if not start.is_dir():
        raise InvalidProjectPath(f"no such folder: {start}")
    repository = _plain(start) or _ask_git(start)
    return repository


def _plain(start: Path) -> Repository | None:
    """The repository when it is an ordinary one, else None."""
    if any(name.startswith("GIT_") and name in _REDIRECTS for name in os.environ):
        return None
    here = os.path.realpath(start)
    if f"{os.sep}.git{os.sep}" in here + os.sep:
        return None
    device = os.stat(here).st_dev
    while True:
        candidate = os.path.join(here, ".git")
        try:
            found = os.lstat(candidate)
        except OSError:
            parent = os.path.dirname(here)
            if parent == here or os.stat(parent).st_dev != device:
                return None
            if os.path.exists(os.path.join(here, "HEAD")):
                return None
            here = parent
            continue
        break
    if not os.path.isdir(candidate) or os.path.islink(candidate):
        return None
    owner = os.stat(here).st_uid
    if owner != os.geteuid() or found.st_uid != owner or os.environ.get("SUDO_UID"):
        return None
    try:
        with open(os.path.join(candidate, "config"), "rb") as file:
            text = file.read().lower()
    except OSError:
        return None
    if any(mark in text for mark in _SPECIAL):
        return None
    if not os.path.exists(os.path.join(candidate, "HEAD")):
        return None
    path = Path(candidate)
    return Repository(path, path, Path(here))


_REDIRECTS = frozenset(
    {
        "GIT_DIR",
        "GIT_WORK_TREE",
        "GIT_COMMON_DIR",
        "GIT_OBJECT_DIRECTORY",
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_CONFIG",
        "GIT_CONFIG_PARAMETERS",
        "GIT_CONFIG_COUNT",
        "GIT_CEILING_DIRECTORIES",
        "GIT_DISCOVERY_ACROSS_FILESYSTEM",
    }
)


def _ask_git(start: Path) -> Repository:
    import subprocess

    if os.environ.get("GIT_OBJECT_DIRECTORY"):
        raise UnsupportedRepository(
            "GIT_OBJECT_DIRECTORY is set: snapshots would lie outside their repository",
            hint="unset GIT_OBJECT_DIRECTORY",
        )
    env = {**os.environ, "LC_ALL": "C"}
    asked = ["--is-bare-repository", "--show-object-format", "--path-format=absolute"]
    done = subprocess.run(
        ["git", "rev-parse", *asked, "--git-dir", "--git-common-dir", "--show-toplevel"],
        cwd=start,
        env=env,
        capture_output=True,
        check=False,
    )
    lines = done.stdout.decode(errors="surrogateescape").splitlines()
    said = done.stderr.decode(errors="replace").strip()
    if len(lines) < 4:
        if "not a git repository" in said:
            inside = "a run is recorded when it ends; --in-place lets it take snapshots by itself"
            raise NotARepository(
                f"{start} is not in a git repository",
                hint=inside if os.environ.get("DATMO_RUN_ID") else None,
            )
        if "unknown repository extension" in said or "unsupported" in said:
            raise UnsupportedRepository(f"git cannot open the repository at {start}: {said}")
        raise GitFailed(f"git cannot open the repository at {start}: {said}", stderr=said)
    git_dir, common_dir = Path(lines[2]), Path(lines[3])
    if lines[1] != "sha1":
        raise UnsupportedRepository(
            f"the repository {common_dir} uses {lines[1]} object names; only sha1 is supported yet"
        )
    if (common_dir / "reftable").is_dir():
        raise UnsupportedRepository(
            f"the repository {common_dir} keeps its refs in reftable; only loose-file and packed "
            "refs are supported yet",
            hint="git refs migrate --ref-format=files",
        )
    bare = lines[0] == "true" or len(lines) < 5
    return Repository(git_dir, common_dir, None if bare else Path(lines[4]))
