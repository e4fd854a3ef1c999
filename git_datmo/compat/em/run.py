"""Making runs, and loading those that are there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from git_datmo.compat.em import console, facts, layout, place, resumption
from git_datmo.compat.em.experiment import Run
from git_datmo.compat.em.facts import RUNNING
from git_datmo.compat.em.local import documents
from git_datmo.compat.em.marks import Mark
from git_datmo.errors import FileIOError, ValidationFailed
from git_datmo.model.folder import check_strategy
from git_datmo.tracking.params import Params
from git_datmo.tracking.run import TrackedRun

__all__ = ["Mark", "Run", "create_run", "load_run"]

_ARGUMENTS = frozenset(
    {"name", "hparams", "labels", "description", "auto_upload", "folder", "make_folder"}
    | {"conflict_strategy", "folder_path"}
)


def create_run(
    config_path: str | os.PathLike[str] | None = None,
    name: str = "default",
    hparams: Mapping[str, Any] | None = None,
    labels: Iterable[str] | str | None = None,
    description: str = "",
    auto_upload: bool = False,
    folder: str = "default",
    make_folder: bool = False,
    conflict_strategy: str = "new",
    folder_path: str | None = None,
) -> Run:
    """Begin a run of this script: from here on what it logs, prints and sets is recorded.

    A YAML file at `config_path` may give any of the other arguments, and wins over them. `name`
    is 1 to 40 letters, digits, `_` and `-`; `labels` are texts, one text is one label. With
    `auto_upload` the run goes to `folder` of the chosen remote while it lasts, which is made with
    `make_folder`; `conflict_strategy` (skip, error, new or replace) says what happens when the
    name is taken there. `folder_path` is an older name of `folder`.

    Any number of runs may last at a time. Inside a task this adds to the task's run. Raises
    ValueError for a bad name, an unknown strategy or a file that says what nobody asks,
    TypeError for hparams or labels of a wrong type, IdentityMissing, ReadOnlyRepository, NoSpace.
    """
    asked: dict[str, Any] = {
        "name": name,
        "hparams": hparams,
        "labels": labels,
        "description": description,
        "auto_upload": auto_upload,
        "folder": folder,
        "make_folder": make_folder,
        "conflict_strategy": conflict_strategy,
        "folder_path": folder_path,
    }
    if config_path is not None:
        asked |= _stated(config_path)
    if asked["folder_path"] is not None:
        console.warning("folder_path is an old name: say folder")
        if asked["folder"] == "default":
            asked["folder"] = asked["folder_path"]
    return _created(asked)


def _stated(path: str | os.PathLike[str]) -> dict[str, Any]:
    """What a config file says. Raises FileNotFoundError, ValueError."""
    try:
        found = layout.read_yaml(Path(path))
    except FileIOError as error:
        raise ValueError(error.message) from error
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise ValueError(f"a config file names arguments, and {path} does not")
    for key in found:
        if key not in _ARGUMENTS:
            raise ValueError(f"Unknown arg provided by config file: '{key}'")
    return found


def _created(asked: Mapping[str, Any]) -> Run:
    name = layout.check_name("Run", asked["name"])
    labels = layout.labels_of(asked["labels"])
    given = asked["hparams"]
    if given is not None and not isinstance(given, Mapping):
        raise TypeError(f"hparams are a mapping, not {type(given).__name__}")
    hparams = Params(None, given).as_dict()
    _check_strategy(asked["conflict_strategy"])
    metadata: dict[str, Any] = {
        "name": name,
        "labels": labels,
        "description": str(asked["description"] or ""),
        "startTimestamp": layout.now(),
        "endTimestamp": None,
        "status": RUNNING,
        "alternativeName": layout.alternative_name(name),
        "associations": {"inputs": [], "outputs": []},
        "remote": [],
    }
    local = layout.new_folder(place.runs(), metadata["alternativeName"])
    try:
        run, tracked = _recorded(metadata, hparams, local)
    except BaseException:
        shutil.rmtree(local, ignore_errors=True)
        raise
    if asked["auto_upload"]:
        run._wish = {key: asked[key] for key in ("folder", "make_folder", "conflict_strategy")}
    run._start(tracked)
    return run


def _check_strategy(strategy: str) -> None:
    try:
        check_strategy(strategy)
    except ValidationFailed as error:
        raise ValueError(error.message) from error


def _recorded(
    metadata: Mapping[str, Any], hparams: Mapping[str, Any], local: Path
) -> tuple[Run, TrackedRun]:
    project = place.project()
    tracked = resumption.tracked(metadata, local, project)
    run = Run(
        metadata,
        hparams,
        platform=facts.platform(tracked.platform),
        git=facts.git(tracked.git, project),
        local=local,
    )
    run._recorder = lambda: resumption.late(run)
    listed = documents(metadata, hparams, run.platform, run.git)
    run._local.make()
    # Last the one that makes it a run to others.
    for file, content in reversed(listed.items()):
        run._local.write(file, content)
    run._local.index()
    return run, tracked


def load_run(
    path: str | os.PathLike[str],
    auto_upload: bool = False,
    folder: str = "default",
    make_folder: bool = False,
    conflict_strategy: str = "new",
) -> Run:
    """A run that is there: of a local directory, of the repository by its alternative name or
    id, or of a path in the folders of the chosen remote.

    Loading reads, and changes nothing; one whose process died has the status `Error`. What is
    logged, set or marked in it afterwards makes it a run of its own, which goes on with the first
    one under its name, and has all that that had: it is `Running` until `finish`, or an upload;
    with `auto_upload` and the rest it is sent as `create_run` says.

    Raises RuntimeError (an OSError too) when there is nothing of that name, FileNotFoundError for
    a directory that lacks a part, ValueError for an unknown strategy.
    """
    from git_datmo.compat.em import runs

    wish = {"folder": folder, "make_folder": make_folder, "conflict_strategy": conflict_strategy}
    _check_strategy(conflict_strategy)
    run = runs.load(path)
    run._wish = wish if auto_upload else None
    return run
