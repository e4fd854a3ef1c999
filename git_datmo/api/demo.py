"""The demo: a small real project with a few runs, made to be looked at and played with."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from git_datmo.api import project as projects
from git_datmo.api import run as runs
from git_datmo.api import session, snapshot
from git_datmo.api.user import NOBODY, User
from git_datmo.errors import Conflict, DatmoError, GitFailed
from git_datmo.model.demo import Demonstration, Step
from git_datmo.model.quantity import counted
from git_datmo.model.run import Run
from git_datmo.model.snapshot import Snapshot
from git_datmo.records.project import Project
from git_datmo.storage.durability import disk_errors
from git_datmo.storage.git import environment
from git_datmo.storage.repository import Repository

SOURCE = Path(__file__).parents[1] / "demo"
FILES = ("train.py", "config.json", "data/penguins.csv", "data/SOURCE.md")
# Its own identity; what the user ignores in every repository is not ignored in this one.
SETTINGS = {
    "user.name": "git-datmo demo",
    "user.email": "demo@example.com",
    "core.excludesFile": os.devnull,
}
SESSION = "penguins"
RESULT = "decision_map.csv"

# Label -> what the run is for, and which settings differ from the one before.
TRIALS: Mapping[str, tuple[str, Mapping[str, object]]] = {
    "baseline": ("bill depth and body mass", {}),
    "bill": ("length and depth of the bill", {"features": ["bill_length_mm", "bill_depth_mm"]}),
    "hasty": ("the same, a large learning rate", {"learning_rate": 3.0}),
    "flipper": (
        "length of bill and flipper",
        {"features": ["bill_length_mm", "flipper_length_mm"], "learning_rate": 0.1},
    ),
}


def demo(
    project: None = None,
    *,
    directory: str | os.PathLike[str],
    program: Sequence[str] = (),
    user: User = NOBODY,
    report: Callable[[Step], None] | None = None,
) -> Demonstration:
    """Make a project in `directory`, train with several settings, compare, and repeat the best.

    Needs no project: the one it makes has an identity of its own. `directory` is new or empty;
    when the demo fails nothing of it stays. `report` hears of each step as it is done, `program`
    is what `init` puts into hooks. Raises Conflict for a directory that holds something.
    """
    folder = Path(os.path.realpath(directory))
    was_there = _check(folder)
    steps: list[Step] = []

    def done(says: str, command: str = "", shown: object = None) -> None:
        steps.append(Step(says, command, shown))
        if report is not None:
            report(steps[-1])

    try:
        made, best = _play(folder, program, replace(user, running=True), done)
    except BaseException:
        for entry in list(folder.iterdir()) if folder.is_dir() else ():
            shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
        if folder.is_dir() and not was_there:
            folder.rmdir()
        raise
    return Demonstration(os.fspath(folder), tuple(made), best, tuple(steps))


def _check(folder: Path) -> bool:
    """Whether the folder is there; it must be empty."""
    if not os.path.lexists(folder):
        return False
    if not folder.is_dir():
        raise Conflict(f"{folder} is a file: the demo needs a new folder")
    if any(folder.iterdir()):
        raise Conflict(
            f"{folder} is not empty: the demo needs a new folder",
            hint="name another one: git datmo demo DIR",
        )
    return True


def _play(
    folder: Path, program: Sequence[str], user: User, done: Callable[..., None]
) -> tuple[list[Snapshot], Snapshot]:
    project = _project(folder, done)
    initialized = projects.init(project, name="penguins", program=program)
    session.create(project, name=SESSION)
    done("Track it: this writes below .git only", "git datmo init", "\n".join(initialized.steps))

    config = json.loads((SOURCE / "config.json").read_text("utf-8"))
    made = []
    for label, (message, changes) in TRIALS.items():
        if changes:
            config |= changes
            (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n", "utf-8")
        trained = _train(project, message, label, user)
        command = f'git datmo run --label {label} --message "{message}" -- python3 train.py'
        done("Train, and record what went in and what came out", command, trained)
        made.append(snapshot.inspect(project, str(trained.after_id)))

    order = "-stats.accuracy"
    listed = snapshot.ls(project, sort=order)
    best = listed[0]
    done("Which was best?", f"git datmo snapshot ls --sort {order}", listed)
    first = made[0]
    done(
        f"What made the difference between {first.label} and {best.label}?",
        f"git datmo snapshot diff {first.label} {best.label}",
        snapshot.diff(project, first.id, best.id),
    )
    for label, says in ((first.label, "Go back to the first"), (best.label, "And to the best")):
        back = snapshot.checkout(project, label, user=user)
        size = (folder / RESULT).stat().st_size
        stats = json.loads((folder / "stats.json").read_text("utf-8"))
        done(
            f"{says}: every file is as it was then, the large one too",
            f"git datmo snapshot checkout {label}",
            f"{counted(back.written, 'file')} written; "
            f"stats.json says accuracy {stats['accuracy']}, "
            f"{RESULT} has {size:,} bytes",
        )
    again = runs.rerun(project, best.id, user=user)
    if not again.comparison.equal:
        raise DatmoError("the demo's best run could not be repeated", hint="please report this")
    done(
        f"Does {best.label} hold? Run it again from the state it started from, and compare",
        f"git datmo rerun --check {best.label}",
        again.comparison,
    )
    return made, best


def _project(folder: Path, done: Callable[..., None]) -> Project:
    """A fresh repository with one commit, tied to `folder` whatever the environment says."""
    with disk_errors(folder):
        for name in FILES:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(SOURCE / name, folder / name)
    # libgit2 reads neither SHA-256 names nor reftable, whatever the user's defaults are.
    env = {**environment(), "GIT_DEFAULT_HASH": "sha1", "GIT_DEFAULT_REF_FORMAT": "files"}
    command = ["git", "-c", "init.defaultBranch=main", "init", "--quiet", "--template="]
    started = subprocess.run(command, cwd=folder, env=env, capture_output=True, check=False)
    if started.returncode != 0:
        said = started.stderr.decode(errors="replace").strip()
        raise GitFailed(f"git init failed: {said}", stderr=said)
    project = Project(Repository(folder / ".git", folder / ".git", folder))
    for key, value in SETTINGS.items():
        project.repository.config.set(key, value)
    project.repository.git.run("add", "--", *FILES)
    project.repository.git.run("commit", "--quiet", "--no-gpg-sign", "-m", "Classify penguins")
    done(
        f"A small real project in {folder}: 344 penguins, and a script that tells species apart",
        "git init && git add . && git commit -m 'Classify penguins'",
        "\n".join(FILES),
    )
    return project


def _train(project: Project, message: str, label: str, user: User) -> Run:
    python = "python3" if shutil.which("python3", path=user.environ.get("PATH")) else sys.executable
    done = runs.run(
        project,
        [python, "train.py"],
        runner="local",
        message=message,
        label=label,
        user=user,
    )
    if done.exit_code != 0:
        said = done.logs.strip().splitlines()
        raise DatmoError(f"the demo's train.py failed: {said[-1] if said else done.status}")
    return done
