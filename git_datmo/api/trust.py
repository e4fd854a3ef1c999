"""What somebody else recorded is shown before it runs here for the first time."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from git_datmo.api import supply
from git_datmo.errors import Conflict
from git_datmo.model import document
from git_datmo.model.frozen import frozen
from git_datmo.model.run import Run
from git_datmo.records import catalogue
from git_datmo.records.project import Project


@frozen
class Foreign:
    """What somebody else's run would do here, to be shown before it does."""

    run: Run
    asks: Mapping[str, Any]


Trust = Callable[[Foreign], bool]


def ask(project: Project, original: Run, trust: Trust | None) -> None:
    """Ask once before somebody else's command runs here from a state of theirs.

    Another command, state or value is asked about anew. Raises Conflict when it may not.
    """
    index = catalogue.refresh(project)
    if original.commit is None or catalogue.made_here(project, index, original.commit):
        return
    asks: dict[str, Any] = {
        "command": list(original.command),
        "folder": original.folder,
        "runner": original.runner,
        "environment": original.environment_id,
        "image": original.built.get("image"),
        "resources": dict(original.resources),
        "variables": dict(original.variables),
        "state": original.before_id,
    }
    inputs = [f"{oid} at {place}" for oid, place in supply.again(original.used)]
    if inputs:
        asks["inputs"] = inputs
    digest = hashlib.sha256(document.dumps(asks)).hexdigest()
    known = project.home / "trusted"
    with suppress(OSError):
        if digest in known.read_text("ascii").split():
            return
    if trust is None or not trust(Foreign(original, asks)):
        raise Conflict(
            f"the run {original.id[:12]} was recorded by {original.author} in another clone, "
            f"and would run here: {original.text}",
            hint="look at it with 'git datmo run inspect', then confirm with --yes",
        )
    with open(known, "a", encoding="ascii") as file:
        file.write(digest + "\n")
