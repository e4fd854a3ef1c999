"""Where things are recorded: the project around the current directory, or one of the script's own.

Inside a task there is a run already, and no repository is made: `project` gives the one that the
task came from where it can be reached, and None in a container.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from git_datmo.compat.em import console
from git_datmo.config import Config
from git_datmo.errors import (
    InvalidProjectPath,
    NeedsWorkTree,
    NotARepository,
    UnsupportedRepository,
)
from git_datmo.tracking import origin
from git_datmo.tracking.current import TASK

if TYPE_CHECKING:
    from git_datmo.records.project import Project

FOLDER = ".em"
PRIVATE = "repository"
RUNS, ARTIFACTS = "EM_RUN_PARENT_DIR", "EM_ARTIFACT_PARENT_DIR"

_opened: dict[tuple[int, int, Path], Project] = {}
_told: set[str] = set()


def home() -> Path:
    """The folder that `.em` lies in, and whose repository is meant: the current directory, unless
    `Config.set_home` chose another."""
    return Path(Config().home)


def runs() -> Path:
    """The folder of the local directories of runs: `$EM_RUN_PARENT_DIR`, or `.em/runs`."""
    return _parent(RUNS, "runs")


def artifacts() -> Path:
    """The folder of the local directories of artifacts: `$EM_ARTIFACT_PARENT_DIR`, or
    `.em/artifacts`."""
    return _parent(ARTIFACTS, "artifacts")


def task() -> Path | None:
    """The task directory of the run that this program is in, None outside of any."""
    found = os.environ.get(TASK)
    return Path(found).absolute() if found and os.path.isdir(found) else None


def project(folder: Path | None = None) -> Project | None:
    """The project that everything is recorded in, initialised where it was not yet.

    The repository around `folder`, or `home()`; where there is none that can be worked in, a
    private one at `.em/repository`. The same value each time in one thread: another thread gets
    one of its own. None in a task from which no repository can be reached: what is made goes
    through the task directory there. Raises ReadOnlyRepository, Conflict in a mirror.
    """
    key = (os.getpid(), threading.get_ident(), (folder or home()).absolute())
    found = _opened.get(key)
    if found is None or not found.initialized:
        made = _around(key[2]) if task() is None else origin.project(key[2])
        if made is None:
            return None
        found = _opened[key] = made
    return found


def required() -> Project:
    """`project()`, where nothing goes without. Raises NotARepository in a task without one."""
    return origin.required(project())


def sheltered(folder: Path) -> Path:
    """Make a folder; a new `.em` above it is one that git passes over."""
    folder.mkdir(parents=True, exist_ok=True)
    for above in (folder, *folder.parents):
        if above.name == FOLDER:
            rule = above / ".gitignore"
            if not rule.exists():
                rule.write_text("*\n", "utf-8")
            break
    return folder


def _parent(variable: str, name: str) -> Path:
    chosen = os.environ.get(variable)
    # Relative as in t9k: `local` is what a script joins and prints.
    base = home()
    shown = Path() if base == Path.cwd() else base
    return Path(chosen) if chosen else shown / FOLDER / name


def private_project() -> Project | None:
    """The repository in the `.em` of `home()`, where scripts made one: what `project()` gives
    outside of a repository. Nothing is made."""
    from git_datmo.api import private

    return private.known(home() / FOLDER / PRIVATE)


def _around(folder: Path) -> Project:
    from git_datmo.api import location, private

    try:
        found = location.find(folder)
        if found.repository.work_tree is None:
            raise NeedsWorkTree(f"{folder} is no work tree")
    except (NotARepository, UnsupportedRepository, NeedsWorkTree, InvalidProjectPath) as error:
        if isinstance(error, UnsupportedRepository):
            _once(f"{error.message}: what is recorded goes to {folder / FOLDER}", console.warning)
        sheltered(folder / FOLDER)
        made, new = private.ready(folder / FOLDER / PRIVATE)
        if new:
            _once(f"not in a git repository: runs are recorded in {folder / FOLDER}", console.info)
        return made
    if private.adopt_identity(found):
        who = found.identity[0]
        _once(f"git does not know your name: runs are recorded as {who}", console.warning)
    if not found.initialized and private.settle(found):
        where = found.repository.work_tree
        _once(f"made {where} a git-datmo project (it has no hooks: 'git datmo init')", console.info)
    return found


def _once(message: str, say: object) -> None:
    if message not in _told and callable(say):
        _told.add(message)
        say(message)
