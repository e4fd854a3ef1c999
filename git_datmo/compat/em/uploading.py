"""Sending runs and artifacts to folders of the chosen remote."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from git_datmo.compat import em
from git_datmo.compat.em import console, session
from git_datmo.errors import (
    Conflict,
    FileAlreadyExistsError,
    InvalidArgumentType,
    PathDoesNotExist,
    Purged,
    RunUnderWay,
    ValidationFailed,
)
from git_datmo.model.folder import Placed, check_strategy

if TYPE_CHECKING:
    from git_datmo.compat.em.artifact import Artifact
    from git_datmo.compat.em.experiment import Run
    from git_datmo.records.project import Project

METADATA = "metadata.yaml"
_NAMED = re.compile(r".+_[0-9]{6}_[0-9]{6}_[a-z0-9]{6}")


class NoFolder(PathDoesNotExist, ValueError):
    """The folder is not there, and was not to be made."""


class Taken(FileAlreadyExistsError, RuntimeError):
    """Something else has the name in the folder."""


class Refused(Conflict, RuntimeError):
    """A run or artifact stands where a folder would have to be, or something may not go out."""


class BadRequest(ValidationFailed, ValueError):
    """A conflict strategy or a path that cannot be."""


class NothingToUpload(PathDoesNotExist, RuntimeError):
    """There is neither a run nor an artifact in a directory."""


@contextmanager
def as_em_says() -> Iterator[None]:
    """Raise errors of folders as the types that scripts for t9k.em catch them by."""
    try:
        yield
    except (ValidationFailed, InvalidArgumentType) as error:
        raise BadRequest(error.message, hint=error.hint) from error
    except FileAlreadyExistsError as error:
        raise Taken(error.message, hint=error.hint) from error
    except PathDoesNotExist as error:
        raise NoFolder(error.message, hint=error.hint) from error
    except Conflict as error:
        if type(error) is not Conflict:
            raise
        raise Refused(error.message, hint=error.hint) from error


def upload(
    path: str | os.PathLike[str],
    folder: str = "default",
    make_folder: bool = False,
    conflict_strategy: str = "new",
) -> None:
    """Send what is in local directories: one run or artifact, or all in a directory of several.

    What was not recorded yet is recorded first. Raises RuntimeError when there is nothing to
    send or nobody is logged in, ValueError for a folder that is not there or a strategy that is
    none, and for `error` RuntimeError when the name is taken.
    """
    for _ in upload_all(path, folder, make_folder, conflict_strategy):
        pass


def upload_all(
    path: str | os.PathLike[str],
    folder: str = "default",
    make_folder: bool = False,
    conflict_strategy: str = "new",
    project: Project | None = None,
    remote: str | None = None,
) -> Iterator[tuple[str, Placed | None]]:
    """`upload`, one by one: the local directory, and where it lies now (None: it was skipped).

    Of many, a run that another process still has is passed over, which is said.
    """
    wish: dict[str, Any] = {"folder": folder, "make_folder": make_folder}
    wish |= {"conflict_strategy": conflict_strategy, "project": project}
    with as_em_says():
        check_strategy(conflict_strategy)
    if remote is None:
        session.require()
    gone: Purged | None = None
    listed = directories(path)
    for local in listed:
        try:
            placed = _send(local, {**wish, "remote": remote})
        except (RunUnderWay, Purged) as error:
            # One of many that cannot go does not keep the others here.
            if len(listed) == 1:
                raise
            console.warning(f"{local} was not sent: {error.message}")
            gone = error if isinstance(error, Purged) else gone
        else:
            yield os.fspath(local), placed
    if gone is not None:
        raise gone


def _send(local: Path, wish: Mapping[str, Any]) -> Placed | None:
    kind = metadata_of(local).get("kind")
    if kind == "Run":
        return upload_run(em.load_run(os.fspath(local)), **wish)
    if kind == "Artifact":
        return upload_artifact(em.load_artifact(os.fspath(local)), **wish)
    raise BadKind(f"Invalid kind: '{kind}'", hint=f"see {local / METADATA}")


class BadKind(ValidationFailed, RuntimeError):
    """A metadata.yaml is neither a run's nor an artifact's."""


def directories(path: str | os.PathLike[str]) -> list[Path]:
    """The local directories that are meant: `path` itself where it is called like one or has a
    metadata.yaml, else those in it. Raises NothingToUpload."""
    top = Path(path)
    if top.is_dir() and (_NAMED.fullmatch(top.absolute().name) or (top / METADATA).is_file()):
        return [top]
    found = sorted(child for child in top.iterdir() if _is_one(child)) if top.is_dir() else []
    if not found:
        raise NothingToUpload(
            "No Run/Artifact is to be uploaded", hint=f"nothing in {top} is a run or an artifact"
        )
    return found


def _is_one(child: Path) -> bool:
    if child.name.startswith(".") or not child.is_dir():
        return False
    return _NAMED.fullmatch(child.name) is not None or (child / METADATA).is_file()


def metadata_of(local: Path) -> dict[str, Any]:
    """What metadata.yaml of a local directory says. Raises NothingToUpload where it has none,
    FileIOError."""
    from git_datmo.api import emfolder
    from git_datmo.model import yamltext

    file = local / METADATA
    emfolder.require_plain(file)
    try:
        said = yamltext.load(file.read_bytes())
    except OSError as error:
        raise NothingToUpload(
            "No Run/Artifact is to be uploaded", hint=f"{file}: {error.strerror}"
        ) from error
    if not isinstance(said, dict):
        raise BadKind(f"Invalid kind: '{said}'", hint=f"see {file}")
    return said


def upload_run(
    run: Run,
    *,
    folder: str = "default",
    make_folder: bool = False,
    conflict_strategy: str = "new",
    at: str | None = None,
    project: Project | None = None,
    remote: str | None = None,
) -> Placed | None:
    """Send a run to a folder, and the artifacts that it read and made along with it.

    One that has not ended yet is sent as it is now. `at` is where it was sent before. Returns
    None where the name was taken and the strategy is `skip`. Raises NotLoggedIn, BadRequest,
    NoFolder, Taken, RemoteError.
    """
    from git_datmo.api import folder as folders

    remote = remote if remote is not None else session.require()
    project = project or run._project()
    if project is None:
        raise Refused("this task reaches no repository: what it records is uploaded later")
    wish: dict[str, Any] = {"folder": folder, "make_folder": make_folder}
    wish |= {"conflict_strategy": conflict_strategy, "remote": remote}
    with as_em_says():
        check_strategy(conflict_strategy)
        run._settle()
        record = run._record() if run.status != "Running" or run._task is None else None
        if record is not None and record.commit is None:
            raise RunUnderWay(
                f"{run.alternative_name} is still going on",
                hint=f"'git datmo em upload {run.local}' sends it when it has ended",
            )
        if record is not None:
            placed = folders.put(
                project,
                id=str(record.commit),
                name=run.name,
                alternative_name=run.alternative_name,
                at=at,
                **wish,
            )
        elif run._task is not None:
            # It has not ended, or the task around it has not: the record follows.
            from git_datmo.compat.em.sending import send_once

            placed = send_once(run, project, {**wish, "at": at})
        else:
            raise RunUnderWay(f"{run.alternative_name} could not be recorded")
    if placed is None:
        console.warning(f"Run {run.name} was not uploaded: its name is taken in {folder}")
        return None
    for made in associated(run):
        try:
            if not _is_there(made, placed.host):
                upload_artifact(made, project=project, **wish)
        except Purged as error:
            console.warning(error.message)
    note(run, placed)
    return placed


def upload_artifact(
    artifact: Artifact,
    *,
    folder: str = "default",
    make_folder: bool = False,
    conflict_strategy: str = "new",
    project: Project | None = None,
    remote: str | None = None,
) -> Placed | None:
    """Send an artifact to a folder, as it is now. Returns and raises what `upload_run` does."""
    from git_datmo.api import folder as folders

    remote = remote if remote is not None else session.require()
    project = project or artifact._project()
    if project is None:
        raise Refused("this task reaches no repository: what it records is uploaded later")
    with as_em_says():
        check_strategy(conflict_strategy)
        placed = folders.put(
            project,
            id=artifact.seal(project).id,
            folder=folder,
            name=artifact.name,
            alternative_name=artifact.alternative_name,
            remote=remote,
            make_folder=make_folder,
            conflict_strategy=conflict_strategy,
        )
    if placed is None:
        console.warning(f"Artifact {artifact.name} was not uploaded: its name is taken in {folder}")
        return None
    note(artifact, placed)
    return placed


def associated(run: Run) -> list[Artifact]:
    """The artifacts that a run read and made, each once."""
    found: dict[str, Artifact] = {}
    for mark in run._marks:
        if callable(getattr(mark.resource, "seal", None)):
            found.setdefault(mark.resource.alternative_name, mark.resource)
    return list(found.values())


def _is_there(artifact: Artifact, host: str) -> bool:
    """Whether it lies at a host as it is now, in whatever folder."""
    last = next((r for r in reversed(artifact.remote) if r.get("host") == host), None)
    project = artifact._project()
    if last is None or project is None:
        return False
    return bool(last.get("id") == artifact.seal(project).id)


def note(thing: Any, placed: Placed) -> None:
    """Write down where it lies now, once it does."""
    from git_datmo.compat.em import layout

    said = {"action": "upload", "host": placed.host, "path": placed.path, "id": placed.id}
    last = thing.remote[-1] if thing.remote else {}
    if {key: last.get(key) for key in said} != said:
        thing.remote.append({"timestamp": layout.now(), **said})
        thing._save()
    console.info(f"Uploaded {thing.alternative_name} to {placed.path} on {placed.host}")
    for notice in placed.notices:
        console.warning(notice)
