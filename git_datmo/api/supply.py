"""The artifacts that a run reads: found before anything runs, shown in its tree, and told."""

from __future__ import annotations

import json
import os
import posixpath
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from git_datmo.api.underway import Underway
from git_datmo.errors import (
    FileAlreadyExistsError,
    InvalidArgumentType,
    InvalidDestinationName,
    TooManyArgumentsFound,
)
from git_datmo.model.artifact import Artifact
from git_datmo.model.frozen import frozen
from git_datmo.model.names import check_name
from git_datmo.records.project import Project
from git_datmo.runners.base import Job, Link
from git_datmo.storage.treediff import find, parents

FOLDER = "inputs"
TOLD = "inputs.json"
CONTAINER_HOME = "/home"

# An artifact's name or id, and where it shall lie.
Wish = str | Artifact | tuple[str | Artifact, str]


@frozen
class Supply:
    """An artifact in a run's tree: `dest` is its place there, `folder` its content here."""

    artifact: Artifact
    dest: str
    folder: Path

    @property
    def link(self) -> Link:
        """What a runner is given."""
        return Link(self.folder, self.dest)

    @property
    def resource(self) -> dict[str, Any]:
        """What the run records of it."""
        return {**described(self.artifact), "path": self.dest}


def described(artifact: Artifact) -> dict[str, Any]:
    """An artifact as runs record it."""
    said: dict[str, Any] = {
        "kind": "artifact",
        "id": artifact.id,
        "collection": artifact.collection,
        "name": artifact.name,
        "version": artifact.version,
    }
    if artifact.alternative_name:
        said["alternative_name"] = artifact.alternative_name
    return said


def gathered(
    project: Project,
    wishes: Sequence[Wish] | Mapping[str, str | None],
    folder: str,
    progress: Callable[[int], None] | None = None,
) -> tuple[Supply, ...]:
    """The artifacts that are wished for, their content here. `name>path` says where one shall
    lie, from `folder` on, where the command starts; else in `inputs/`, by its name.

    Raises ArtifactNotFound, AmbiguousId, ContentMissing, InvalidDestinationName,
    FileAlreadyExistsError when two want one place.
    """
    pairs = [*_pairs(wishes)]
    if not pairs:
        return ()
    from git_datmo.api import artifact_lookup, artifact_views

    # All are looked for before the content of one is fetched.
    records = [artifact_lookup.find(project, name) for name, _ in pairs]
    found = [artifact_lookup.value(project, record) for record in records]
    places = [
        _place(artifact, name, path, folder)
        for artifact, (name, path) in zip(found, pairs, strict=True)
    ]
    for number, dest in enumerate(places):
        for other in places[:number]:
            if (dest + "/").startswith(other + "/") or (other + "/").startswith(dest + "/"):
                raise FileAlreadyExistsError(
                    f"two inputs have one place: {other} and {dest}",
                    hint="give one another place: --input 'NAME>PATH'",
                )
    return tuple(
        Supply(artifact, dest, artifact_views.view(project, record, progress=progress))
        for artifact, dest, record in zip(found, places, records, strict=True)
    )


def check_free(
    project: Project, supplies: Iterable[Supply], tree: str, home: Path | None = None
) -> None:
    """Refuse inputs where the state `tree` has something of its own, or, for a run in place, the
    work tree `home`. Raises FileAlreadyExistsError."""
    read = project.repository.objects.tree
    for supply in supplies:
        path = os.fsencode(supply.dest)
        taken = find(read, tree, path) is not None
        for above in parents(path):
            leaf = find(read, tree, above) if above else None
            taken = taken or (leaf is not None and leaf[0] != 0o040000)
        if taken or (home is not None and os.path.lexists(home / supply.dest)):
            raise FileAlreadyExistsError(
                f"the project has a {supply.dest} of its own, where the input "
                f"{supply.artifact.reference} is to lie",
                hint=f"--input '{supply.artifact.reference}>another/place'",
            )


def names(supplies: Sequence[Supply]) -> dict[str, str]:
    """The place of each input by the shortest name that no other one has; a version that lies in
    several places has each but the first by `name>place`."""
    found: dict[str, str] = {}
    told: dict[str, str] = {}
    kinds = {supply.artifact.id: _called(supply.artifact) for supply in supplies}
    for supply in supplies:
        artifact = supply.artifact
        if artifact.id in told:
            found[f"{told[artifact.id]}>{supply.dest}"] = supply.dest
            continue
        mine = kinds[artifact.id]
        for length, name in enumerate(mine):
            if sum(others[length] == name for others in kinds.values()) == 1:
                break
        else:
            name = f"{mine[-1]}-{artifact.id[:7]}"
        told[artifact.id] = name
        found[name] = supply.dest
    return found


def tell(run: Underway, job: Job, *, container: bool) -> None:
    """Write where the inputs lie into the task's directory: `inputs.json`, names and paths."""
    told = run.live.get("inputs")
    if not told:
        return
    top = CONTAINER_HOME if container else os.fspath(job.tree)
    said = {name: posixpath.join(top, dest) for name, dest in told.items()}
    (run.flight.task / TOLD).write_text(json.dumps(said, indent=1) + "\n", "utf-8")


def again(used: Iterable[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """The inputs that a run's record has, by id and place: for one that repeats it."""
    return [
        (str(each["id"]), str(each["path"]))
        for each in used
        if each.get("kind") == "artifact" and each.get("id") and isinstance(each.get("path"), str)
    ]


def _called(artifact: Artifact) -> tuple[str, str, str]:
    return artifact.name, f"{artifact.collection}/{artifact.name}", artifact.reference


def _pairs(
    wishes: Sequence[Wish] | Mapping[str, str | None],
) -> Iterable[tuple[str, str | None]]:
    listed: Iterable[object] = wishes
    if isinstance(wishes, Mapping):
        listed = wishes.items()
    elif isinstance(wishes, str | Artifact):
        listed = [wishes]
    for wish in listed:
        name, path = wish if isinstance(wish, tuple) and len(wish) == 2 else (wish, None)
        if isinstance(name, str) and path is None:
            name, arrow, dest = name.partition(">")
            path = dest if arrow else None
            if ">" in dest:
                raise TooManyArgumentsFound(f"{wish!r} has more than one '>'")
        if isinstance(name, Artifact):
            name = name.id
        if not isinstance(name, str) or not (path is None or isinstance(path, str)):
            raise InvalidArgumentType(f"an input is named by text, not by {wish!r}")
        yield name, path


def _place(artifact: Artifact, name: str, path: str | None, folder: str) -> str:
    wanted = f"{FOLDER}/{artifact.name}" if path is None else path
    hint = "say where it shall lie: --input 'NAME>PATH'"
    if not wanted or wanted.startswith("/"):
        raise InvalidDestinationName(f"the input {name} cannot lie at {wanted!r}", hint=hint)
    if path is None and not posixpath.normpath(wanted).startswith(f"{FOLDER}/"):
        # Names of artifacts are free, and somebody else's.
        raise InvalidDestinationName(
            f"the input {name} cannot lie at {wanted!r}: that is not in {FOLDER}/", hint=hint
        )
    dest = posixpath.normpath(posixpath.join(folder, wanted))
    for part in dest.split("/"):
        try:
            reason = check_name(os.fsencode(part))
        except UnicodeEncodeError:
            reason = "it cannot be the name of a file"
        if reason is not None:
            raise InvalidDestinationName(
                f"the input {name} cannot lie at {wanted!r}: {reason}", hint=hint
            )
    return dest
