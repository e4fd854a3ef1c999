"""What must hold after every change: a sound repository, and a user's state left alone."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.kit.git import Repo
from tests.kit.program import datmo

# git says these of sound repositories: an object nothing points to yet, a branch without commits.
NOT_A_COMPLAINT = ("dangling ", "notice: ")
USERS_REFS = ("refs/heads", "refs/tags", "refs/notes", "refs/stash")


def assert_clean(repo: Repo) -> None:
    """git and git-datmo both find nothing wrong with the repository."""
    assert_git_clean(repo)
    checked = datmo("fsck", cwd=repo.path, check=False)
    assert checked.code == 0, f"git datmo fsck:\n{checked.stdout}{checked.stderr}"


def assert_git_clean(repo: Repo) -> None:
    """`git fsck --strict` has nothing to say."""
    done = repo.try_git("fsck", "--strict", "--no-progress")
    lines = (done.stdout + done.stderr).splitlines()
    complaints = [line for line in lines if not line.startswith(NOT_A_COMPLAINT)]
    assert done.returncode == 0, f"git fsck exited {done.returncode}: {complaints}"
    assert complaints == []


@contextmanager
def untouched(repo: Repo) -> Iterator[None]:
    """HEAD, branches, tags, stash, index and work tree are the same bytes before and after.

    Modification times count, those of folders too: a file made and taken away again is seen.
    """
    before = users_state(repo)
    yield
    after = users_state(repo)
    changed = {
        what: (before.get(what), after.get(what))
        for what in sorted(before.keys() | after.keys())
        if before.get(what) != after.get(what)
    }
    assert changed == {}


def users_state(repo: Repo) -> dict[str, str]:
    """Everything of the user's that git-datmo must leave alone, by name."""
    state = {f"ref {name}": target for name, target in repo.refs(*USERS_REFS).items()}
    here, common = repo.git_dir, repo.common_dir
    for file in (here / "HEAD", here / "index", here / "logs" / "HEAD", common / "logs/refs/stash"):
        state[f"git {file.name}"] = digest(file) if file.exists() else "absent"
    if repo.git("rev-parse", "--is-bare-repository") == "false":
        state |= {f"file {path}": facts for path, facts in work_tree(repo.path).items()}
    return state


def work_tree(root: Path) -> dict[str, str]:
    """Path -> type, mode, modification time and content of everything but `.git`."""
    found = {}
    for folder, folders, files in os.walk(root):
        if ".git" in folders:
            folders.remove(".git")
        for name in [".", *folders, *files]:
            path = Path(folder, name)
            found[os.path.relpath(path, root)] = facts(path)
    return found


def facts(path: Path) -> str:
    """Type, mode, modification time and content of one thing, links not followed."""
    status = path.lstat()
    content = ""
    if stat.S_ISLNK(status.st_mode):
        content = os.readlink(path)
    elif stat.S_ISREG(status.st_mode):
        content = digest(path)
    return f"{status.st_mode:o} {status.st_mtime_ns} {content}"


def digest(file: Path) -> str:
    """SHA-256 of a file, in hex."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
