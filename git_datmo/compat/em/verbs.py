"""What `git datmo em` does: list and describe what lies in local directories and in folders of a
remote, and send local directories there."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from git_datmo.compat.em import place, uploading
from git_datmo.compat.em.absence import NotHere
from git_datmo.errors import InvalidDocument, PathDoesNotExist
from git_datmo.model.folder import ARTIFACT, FOLDER, RUN, Node

if TYPE_CHECKING:
    from git_datmo.model.folder import Live, Placed
    from git_datmo.model.run import Run as Recorded
    from git_datmo.records.project import Project

_KINDS = {"Run": RUN, "Artifact": ARTIFACT}
STATUS = {"Running": "running", "Complete": "success", "Error": "failed"}


def ls(project: Project | None, *, path: str, remote: str | None = None) -> list[Node]:
    """The runs and artifacts of local directories, or what lies in a folder of a remote.

    `path` is a directory of one or of several; where there is none, a folder, below your own
    unless it begins with a slash. Raises NotHere, RemoteError, NotARepository.
    """
    here = _here(path)
    return [_local(one) for one in here] if here else _folder_ls(project, path, remote)


def describe(project: Project | None, *, path: str, remote: str | None = None) -> dict[str, Any]:
    """All that is known of one run or artifact, in a local directory or a folder of a remote.

    `node` is its line of `ls`; a run has `hyperparameters`, `metrics` (the last values of each
    type, and how many points), `platform`, `git` and `associations`, an artifact `objects`.
    Raises NotHere, RemoteError, NotARepository.
    """
    here = _here(path)
    if here == [Path(path)]:
        return _described_local(here[0])
    if here:
        raise NotHere(
            f"there are {len(here)} runs and artifacts in {path}",
            hint="describe one of them: 'git datmo em ls' lists them",
        )
    return _described_there(project, path, remote)


def upload(
    project: Project | None,
    *,
    path: str,
    folder: str = "default",
    make_folder: bool = False,
    conflict_strategy: str = "new",
    remote: str | None = None,
) -> list[tuple[str, Placed | None]]:
    """Send local directories to a folder of a remote; see `em.upload`. No login is asked for.

    Returns the directories and where each lies now; None where its name was taken and the
    strategy is `skip`. Raises what `em.upload` does.
    """
    from git_datmo.api import folder as folders

    uploading.directories(path)
    # Only what there is something to send from is worth a project of its own.
    project = project or place.required()
    chosen = folders.remote_of(project, remote)
    sent = uploading.upload_all(
        path, folder, make_folder, conflict_strategy, project=project, remote=chosen
    )
    return list(sent)


def _here(path: str) -> list[Path]:
    """The local directories that a path means; none where it means a folder of a remote."""
    if not path or not os.path.isdir(path):
        return []
    try:
        return uploading.directories(path)
    except PathDoesNotExist:
        return []


def _local(local: Path) -> Node:
    """One local directory, one of t9k's own too."""
    said = uploading.metadata_of(local)
    status = said.get("status")
    if status == "Running":
        # It may have died without a word.
        from git_datmo.compat.em.run import load_run

        status = load_run(os.fspath(local)).status
    labels = said.get("labels")
    started = _milliseconds(said.get("startTimestamp"))
    return Node(
        os.fspath(local),
        _KINDS.get(str(said.get("kind")), "other"),
        name=_text(said.get("name")),
        alternative_name=_text(said.get("alternativeName")) or local.absolute().name,
        status=STATUS.get(str(status)),
        labels=tuple(str(one) for one in labels) if isinstance(labels, list) else (),
        description=_text(said.get("description")) or "",
        created=_milliseconds(said.get("createdTimestamp")) or started,
        started=started,
        ended=_milliseconds(said.get("endTimestamp")),
    )


def _described_local(local: Path) -> dict[str, Any]:
    node = _local(local)
    if node.kind == ARTIFACT:
        from git_datmo.compat.em.loading import load_artifact

        artifact = load_artifact(os.fspath(local))
        return {"node": node.to_dict(), "objects": list(artifact.objects.values())} | {
            "remote": artifact.remote
        }
    from git_datmo.compat.em.run import load_run

    run = load_run(os.fspath(local))
    return {
        "node": node.to_dict(),
        "hyperparameters": run.hparams.as_dict(),
        "metrics": {kind: _summary(points) for kind, points in run.metrics.items()},
        "platform": dict(run.platform),
        "git": dict(run.git),
        "associations": run.to_dict()["associations"],
        "remote": list(run.remote),
    }


def _summary(points: list[Any]) -> dict[str, Any]:
    """How many points a series has, and the last value of each name."""
    last: dict[str, Any] = {}
    for point in points:
        last |= point["value"]
    return {"points": len(points), "last": last}


def _folder_ls(project: Project | None, path: str, remote: str | None) -> list[Node]:
    from git_datmo.api import folder as folders

    found = _required(project, path)
    try:
        return folders.ls(found, path=path, remote=remote)
    except PathDoesNotExist as error:
        raise NotHere(
            f"Not a local directory or a remote path: '{path}'", hint=error.hint or error.message
        ) from error


def _described_there(project: Project | None, path: str, remote: str | None) -> dict[str, Any]:
    from git_datmo.api import artifact as artifacts
    from git_datmo.api import folder as folders
    from git_datmo.api import live, run_lookup

    found = _required(project, path)
    try:
        node = folders.find(found, path=path, remote=remote)
    except PathDoesNotExist as error:
        raise NotHere(
            f"Not a local directory or a remote path: '{path}'", hint=error.hint or error.message
        ) from error
    known: dict[str, Any] = {"node": node.to_dict()}
    if node.id is None or node.kind == FOLDER:
        inside = folders.ls(found, path=path, remote=remote)
        return known | {"inside": [one.to_dict() for one in inside]}
    if not node.recorded:
        return known | _described_live(live.read(found, id=node.id, remote=remote))
    if node.kind == ARTIFACT:
        version = artifacts.inspect(found, artifact=node.id)
        return known | {"objects": [entry.to_dict() for entry in version.entries]}
    if node.kind == RUN:
        return known | _described_run(run_lookup.value_of(found, node.id))
    return known


def _described_live(seen: Live) -> dict[str, Any]:
    names = ("hyperparameters", "platform", "git")
    said = {name: seen.said.get(name) for name in names}
    parts = {name: part if isinstance(part, dict) else {} for name, part in said.items()}
    return {**parts, "metrics": _described_series(seen.streams.get("metrics", b""))}


def _described_series(lines: bytes) -> dict[str, Any]:
    """How many points of each type there are, and the last values."""
    from git_datmo.model import series

    found: dict[str, Any] = {}
    for line in lines.splitlines():
        try:
            point = series.parse(line)
        except InvalidDocument:
            continue
        known = found.setdefault(point.type, {"points": 0, "last": {}})
        known["points"] += 1
        known["last"].update(point.values)
    return found


def _described_run(run: Recorded) -> dict[str, Any]:
    metrics = _described_series(b"".join(run.read(f"metrics/{kind}.jsonl") for kind in run.metrics))
    marks = [("input", one) for one in run.used] + [("output", one) for one in run.generated]
    return {
        "hyperparameters": dict(run.config),
        "metrics": metrics,
        "platform": dict(run.platform),
        "git": dict(run.git),
        "associations": [{"role": role, **one} for role, one in marks],
    }


def _required(project: Project | None, path: str) -> Project:
    """The project, or the private one of scripts that ran here outside of a repository."""
    found = project or place.private_project()
    if found is None:
        raise NotHere(
            f"there is neither a run nor an artifact in '{path or os.getcwd()}'",
            hint="folders lie on a git remote: go to a repository to see them",
        )
    return found


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _milliseconds(value: object) -> int | None:
    if not isinstance(value, str):
        return None
    try:
        return int(datetime.fromisoformat(value).timestamp() * 1000)
    except (ValueError, OverflowError, OSError):
        return None
