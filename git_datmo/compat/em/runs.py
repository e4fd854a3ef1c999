"""Runs that are there: in a local directory, in the repository, in a folder of a remote."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from git_datmo.compat.em import console, facts, layout, loading, place, resumption, session, values
from git_datmo.compat.em.absence import Incomplete, NotHere
from git_datmo.compat.em.experiment import Run
from git_datmo.compat.em.local import Local, documents
from git_datmo.compat.em.marks import Mark
from git_datmo.errors import (
    DatmoError,
    FileIOError,
    InvalidDocument,
    PathDoesNotExist,
    RunNotFound,
)
from git_datmo.model import series
from git_datmo.model.run import Facts

if TYPE_CHECKING:
    from git_datmo.model.folder import Node
    from git_datmo.model.run import Run as Recorded
    from git_datmo.records.project import Project


def load(path: str | os.PathLike[str]) -> Run:
    """The run that a path or a name means; see `em.load_run`."""
    text = os.fspath(path)
    if not isinstance(text, str) or not text:
        raise NotHere(f"Not a local directory: {text!r}")
    for local in (Path(text), place.runs() / text):
        if local.is_dir() and (local == Path(text) or (local / "metadata.yaml").exists()):
            return of_directory(local)
    project = place.required()
    found = _recorded(project, text)
    if found is not None:
        return bring(project, found)
    if not session.is_logged_in():
        raise NotHere(f"Not a local directory: '{text}'", hint="em.login() looks on a remote too")
    return _downloaded(project, text)


def of_directory(local: Path) -> Run:
    """The run of a local directory, one of t9k's own too. Nothing is written.

    Raises Incomplete (a FileNotFoundError), FileIOError, RuntimeError where it is no run's.
    """
    from git_datmo.api import emfolder

    kind = emfolder.kind(local)
    if kind not in (None, emfolder.RUN):
        raise WrongKind(f"Local directory refers to type '{kind}' rather than 'Run': '{local}'")
    try:
        found = emfolder.read_run(local)
    except PathDoesNotExist as error:
        raise Incomplete(error.message, hint=error.hint) from error
    metadata = {
        "labels": [],
        "description": "",
        "startTimestamp": None,
        "endTimestamp": None,
        "associations": None,
        "remote": [],
        "name": found.alternative_name,
        **{key: value for key, value in found.metadata.items() if key != "kind"},
    }
    marks, sent = metadata["associations"] or {}, metadata["remote"] or []
    sides = list(marks.values()) if isinstance(marks, Mapping) else [None]
    if not all(isinstance(each, list) and all(map(_is_said, each)) for each in (sent, *sides)):
        raise FileIOError(f"{local}: 'associations' or 'remote' does not list what it should")
    points: dict[str, list[Any]] = {}
    for point in found.old_points():
        where = {"step": point.step, "epoch": point.epoch, "timestamp": layout.stamp(point.time)}
        points.setdefault(point.type, []).append({"value": point.values, "sequence": where})
    try:
        run = Run(
            metadata,
            found.hparams,
            points,
            found.platform,
            found.git,
            local=local,
            run_id=found.run_id or "",
        )
    except (TypeError, ValueError, AttributeError, KeyError) as error:
        raise FileIOError(f"{local} does not describe a run: {error}") from error
    run._recorder = lambda: resumption.late(run)
    run._resolver = lambda: _marks(run)
    return run


def _is_said(one: object) -> bool:
    return isinstance(one, Mapping)


class WrongKind(FileIOError, RuntimeError):
    """What was named is an artifact, or a folder."""


def bring(project: Project, found: Recorded, download: Mapping[str, Any] | None = None) -> Run:
    """A recorded run as a run with a local directory: the one that has it already, or one that is
    made. A directory that holds another run is left alone. `download` is noted in `remote`."""
    from git_datmo.api import emfolder

    metadata = facts.metadata(Facts(**found.to_dict()))
    parent, number = place.runs(), 0
    while True:
        local = parent / metadata["alternativeName"]
        if not (local / "metadata.yaml").is_file():
            _write(found, metadata, local, facts.git(dict(found.git), project))
        if emfolder.linked(local) in (found.id, None):
            break
        number += 1
        parent = place.runs() / (found.id[:7] if number == 1 else f"{found.id[:7]}-{number}")
    run = of_directory(local)
    if download is not None:
        run.remote.append(dict(download))
        run._save()
    return run


def _write(found: Recorded, metadata: dict[str, Any], local: Path, git: dict[str, Any]) -> None:
    """Write a directory, whole or not at all."""
    fresh = Local(local.parent / f".{local.name}.{os.getpid()}.{os.urandom(4).hex()}")
    try:
        fresh.make()
        for kind in found.metrics:
            for line in found.read(f"metrics/{kind}.jsonl").splitlines(keepends=True):
                fresh.append(_type_of(line), line)
        fresh.log.write_bytes(found.read("log"))
        listed = documents(metadata, found.config, facts.platform(found.platform), git)
        for name, content in listed.items():
            fresh.write(name, content)
        fresh.link(found.id, found.commit)
        fresh.index()
        fresh.release()
        os.rename(fresh.root, local)
    finally:
        if fresh.root.exists():
            shutil.rmtree(fresh.root)


def _type_of(line: bytes) -> str:
    from git_datmo.model.series import parse

    return parse(line).type


def _recorded(project: Project, text: str) -> Recorded | None:
    from git_datmo.api import elsewhere
    from git_datmo.api import run as runs

    found = elsewhere.find(project, alternative_name=text)
    if found is not None:
        return found
    try:
        return runs.inspect(project, run_id=text)
    except RunNotFound:
        return None


def _downloaded(project: Project, text: str) -> Run:
    from git_datmo.api import folder as folders
    from git_datmo.api import run as runs

    remote = session.remote()
    try:
        node = folders.find(project, remote=remote, path=text)
    except PathDoesNotExist as error:
        message = f"Not a local directory or a remote path: '{text}'"
        raise NotHere(message, hint=error.message) from error
    if node.kind != "run":
        kind = node.kind.capitalize()
        raise WrongKind(f"Remote path refers to type '{kind}' rather than 'Run'")
    record = {"action": "download", "timestamp": layout.now(), "path": node.path, "id": node.id}
    record["host"] = folders.host_of(project, remote)
    if not node.recorded:
        return _living(project, node, remote, record)
    return bring(project, runs.inspect(project, run_id=node.id or ""), record)


def _living(project: Project, node: Node, remote: str | None, record: Mapping[str, Any]) -> Run:
    """A run that was sent before it was recorded, as it was then. One that should go on and has
    been silent for long has the status `Error`."""
    from git_datmo.api import emfolder, live

    name = facts.local_name(node.alternative_name, node.run_id or node.id or "")
    local = place.runs() / name
    if node.run_id is not None and emfolder.linked(local) == node.run_id:
        return of_directory(local)  # This machine has it itself.
    if local.exists():
        local = place.runs() / (node.run_id or node.id or "")[:7] / name
    seen = live.read(project, id=node.id or "", remote=remote)
    told = seen.said.get("metadata")
    metadata = {
        "name": node.name or node.title,
        "labels": list(node.labels),
        "description": node.description,
        "startTimestamp": None if node.started is None else layout.stamp(node.started / 1000),
        "endTimestamp": None,
        "status": facts.status(node.status or ""),
        "alternativeName": name,
        "associations": None,
        **facts.believable(told),
        "remote": [dict(record)],
    }
    if node.is_dead:
        metadata["status"] = facts.ERROR
        silent = int(node.silent // 60)
        console.warning(f"{node.path} has not been heard of for {silent} minutes")
    points: dict[str, list[Any]] = {}
    for line in seen.streams.get("metrics", b"").splitlines():
        with suppress(InvalidDocument):
            point = series.parse(line)
            points.setdefault(point.type, []).append(values.entry(point))
    parts = {key: seen.said.get(key) for key in ("hyperparameters", "platform", "git")}
    hparams, platform, git = (one if isinstance(one, dict) else {} for one in parts.values())
    run = Run(metadata, hparams, points, platform, git, local=local, run_id=node.run_id or "")
    run._recorder = lambda: resumption.late(run)
    if metadata["status"] == facts.RUNNING:
        run._recorder = lambda: resumption.refuse(run)
    return run


def _marks(run: Run) -> list[Mark]:
    """The artifacts that a loaded run read and made, as far as they are here."""
    found = []
    for role, key in (("used", "inputs"), ("generated", "outputs")):
        for one in run.associations[key]:
            if one.get("kind") != "Artifact":
                continue
            names = [name for name in (one.get("localDir"), one.get("id"), one.get("name")) if name]
            for name in names:
                try:
                    found.append(Mark(role, loading.load_artifact(str(name))))
                    break
                except (DatmoError, OSError):
                    continue
    return found
