"""The run that a manager is used in: which project it means, and what it is told to have used."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from git_datmo.model.artifact import Artifact
from git_datmo.tracking import current, resources
from git_datmo.tracking.origin import MOVED_FROM

logger = logging.getLogger(__name__)

MOVED_TO = "DATMO_MOVED_TO"
USED, GENERATED = resources.USED, resources.GENERATED


def origin(folder: Path) -> Path:
    """Where the repository of a folder is: a task's own tree is a copy that has none."""
    source, copy = os.environ.get(MOVED_FROM), os.environ.get(MOVED_TO)
    if not (source and copy and os.path.isdir(source)):
        return folder
    inside = Path(os.path.realpath(folder)).is_relative_to(os.path.realpath(copy))
    return Path(source) if inside else folder


def note(role: str, found: Artifact) -> None:
    """Tell the run that is going on, if there is one, that it used or made a version."""
    known = current.known()
    task = known.folder if known is not None else os.environ.get(current.TASK)
    if not task or not os.path.isdir(task):
        return
    try:
        resources.note(Path(task), role, resources.record_of(found, None))
    except OSError as error:
        logger.warning("the run was not told of %s: %s", found.reference, error)
