"""The environment variables of a task."""

from __future__ import annotations

import os
from pathlib import Path

from git_datmo.runners.base import Job, Prepared
from git_datmo.runners.local.folders import data_folder

PROTOCOL = ("DATMO_RUN_ID", "DATMO_TASK_DIR", "DATMO_DATA_DIR")
# What points git at one repository and work tree (`git rev-parse --local-env-vars`): in a work
# tree of its own a task must not reach into the user's by it.
REPOSITORY = (
    *("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_PREFIX"),
    *("GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_NAMESPACE"),
    *("GIT_INTERNAL_SUPER_PREFIX", "GIT_SHALLOW_FILE", "GIT_GRAFT_FILE"),
)


def variables(job: Job, prepared: Prepared, cwd: Path, devices: dict[str, str]) -> dict[str, str]:
    """The user's, then those of a virtual environment, then the task's own.

    `devices` are those that name its GPUs. The protocol's are this runner's to say: it knows
    where the folders are.
    """
    unwanted = {*PROTOCOL, "OLDPWD", *(() if job.in_place else REPOSITORY)}
    found = {name: value for name, value in job.environ.items() if name not in unwanted}
    found["PWD"] = os.fspath(cwd)
    if not job.in_place:
        # Its work tree lies below the user's git directory, which git would find from there.
        above = [os.fspath(job.tree.parent), found.get("GIT_CEILING_DIRECTORIES", "")]
        found["GIT_CEILING_DIRECTORIES"] = os.pathsep.join(filter(None, above))
    found.setdefault("PYTHONUNBUFFERED", "1")
    prefix = prepared.token.get("prefix")
    if isinstance(prefix, str):
        found |= activated(found, Path(prefix))
        found.pop("PYTHONHOME", None)
    found |= devices
    found |= job.variables
    if job.home is not None and not job.in_place:
        found |= _moved(found, job.home, job.tree)
    found |= {"DATMO_RUN_ID": job.run_id, "DATMO_TASK_DIR": os.fspath(job.task)}
    if job.mounts:
        found["DATMO_DATA_DIR"] = os.fspath(data_folder(job))
    else:
        found.pop("DATMO_DATA_DIR", None)
    return found


def _moved(environ: dict[str, str], home: Path, tree: Path) -> dict[str, str]:
    """What makes Python find packages of the user's work tree in the task's instead."""
    first = os.fspath(Path(__file__).with_name("site"))
    path = os.pathsep.join(filter(None, (first, environ.get("PYTHONPATH", ""))))
    places = {"DATMO_MOVED_FROM": home, "DATMO_MOVED_TO": tree}
    return {"PYTHONPATH": path} | {name: os.path.realpath(place) for name, place in places.items()}


def activated(environ: dict[str, str], prefix: Path) -> dict[str, str]:
    """What activating a virtual environment sets."""
    rest = environ.get("PATH", os.defpath)
    return {"VIRTUAL_ENV": str(prefix), "PATH": f"{prefix / 'bin'}{os.pathsep}{rest}"}
