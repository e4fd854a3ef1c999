"""A run that has not been recorded yet, as others are told of it."""

from __future__ import annotations

import copy
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from git_datmo.model.folder import Placed

if TYPE_CHECKING:
    from git_datmo.api.live import Upload
    from git_datmo.compat.em.experiment import Run
    from git_datmo.records.project import Project

TRIES: Final = 20
_STATUS = {"Running": "running", "Complete": "success", "Error": "failed"}


def told(run: Run) -> dict[str, Any]:
    """What is said of a run under way, for others to read."""
    for _ in range(TRIES):
        try:
            return _told(run)
        except RuntimeError:
            continue  # The script changed it while it was read.
    return _told(run)


def _told(run: Run) -> dict[str, Any]:
    from git_datmo.api import emfolder

    metadata = copy.deepcopy(run._metadata)
    said: dict[str, Any] = {
        "name": run.name,
        "alternative_name": run.alternative_name,
        "status": _STATUS.get(run.status, "running"),
        "labels": list(metadata.get("labels") or ()),
        "description": str(metadata.get("description") or ""),
        "metadata": metadata,
        "hyperparameters": run.hparams.as_dict(),
        "platform": copy.deepcopy(dict(run.platform)),
        "git": copy.deepcopy(dict(run.git)),
    }
    for name, key in (("created", "startTimestamp"), ("ended", "endTimestamp")):
        at = emfolder.seconds(metadata.get(key))
        if at is not None:
            said[name] = int(at * 1000)
    return said


def files(run: Run) -> dict[str, Path]:
    """Where what a run printed and logged lies."""
    found = {"log": Path(os.path.abspath(run.local)) / "stdout.log"}
    if run._task is not None:
        found["metrics"] = Path(run._task) / "metrics.jsonl"
    return found


def send_once(run: Run, project: Project, wish: dict[str, Any]) -> Placed | None:
    """Send a run that has not ended as it is now. Raises what `folder.put` raises."""
    upload = sender(run, project, wish)
    try:
        return upload.send(told(run), files(run))
    finally:
        upload.close()


def sender(run: Run, project: Project, wish: dict[str, Any]) -> Upload:
    from git_datmo.api.live import Upload

    return Upload(
        project, run_id=run.run_id, name=run.name, alternative_name=run.alternative_name, **wish
    )
