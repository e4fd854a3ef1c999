"""The environment of a snapshot: named, chosen by a setting, found in the captured tree, or the
interpreter's."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from pathlib import Path

from git_datmo.api import definition as definitions
from git_datmo.api.user import User
from git_datmo.environments import detect, interpreter
from git_datmo.errors import (
    Conflict,
    EnvironmentDoesNotExist,
    MutuallyExclusiveArguments,
    PathDoesNotExist,
    UnreadableFile,
)
from git_datmo.model.environment import Definition
from git_datmo.model.frozen import frozen
from git_datmo.model.paths import parse_mapping
from git_datmo.records import environments, layout
from git_datmo.records.pointers import pointer_at
from git_datmo.records.project import Project
from git_datmo.storage import secrets
from git_datmo.storage.objects import BLOB, EMPTY_TREE, EXECUTABLE, TREE
from git_datmo.storage.treediff import find, walk
from git_datmo.storage.trees import Trees
from git_datmo.storage.worktree import Capture


@frozen
class Surroundings:
    """An environment's id (a tree), its commit, and the paths in the work tree that define it."""

    id: str
    commit: str | None
    definitions: tuple[bytes, ...] = ()


# What the files that are named for an environment may have together; they are held in memory.
MAX_BYTES = 256 * 1024**2

_INCLUDES = re.compile(rb"^\s*(?:-\s+)?[\"']?(?:--requirement|--constraint|-r|-c)\b", re.MULTILINE)


def choose(
    project: Project,
    captured: Capture,
    user: User,
    *,
    environment_id: str | None = None,
    environment_def: str | None = None,
    environment_paths: Sequence[str] = (),
    dry: bool = False,
) -> Surroundings:
    """The environment that goes with a captured tree.

    `environment_id` may be a name; without any of the three, `datmo.environment` chooses. Where
    nothing is declared either, it is the packages of the user's interpreter.
    Raises MutuallyExclusiveArguments, EnvironmentDoesNotExist, AmbiguousId, PathDoesNotExist,
    Conflict for a file that looks like a secret.
    """
    named = [
        name
        for name, value in (
            ("environment_id", environment_id),
            ("environment_def", environment_def),
            ("environment_paths", environment_paths),
        )
        if value
    ]
    if len(named) > 1:
        raise MutuallyExclusiveArguments(f"{named[0]} and {named[1]} exclude each other")
    if environment_id:
        return kept(project, environment_id, dry=dry)
    if environment_def or environment_paths:
        base = user.folder or project.repository.needs_work_tree("name an environment")
        given = [environment_def] if environment_def else environment_paths
        definition = of_paths(project, base, given)
        return _stored(project, definition, (), dry=dry)
    chosen = definitions.chosen(project)
    if chosen is not None:
        try:
            return kept(project, chosen, dry=dry)
        except EnvironmentDoesNotExist as error:
            if not dry:
                raise EnvironmentDoesNotExist(
                    f"{definitions.SETTING} is '{chosen}', and there is no such environment here",
                    hint="'git datmo environment select --none' lets the project's files decide",
                ) from error
    return _found(project, captured, user, dry=dry)


def kept(project: Project, name: str, *, dry: bool = False) -> Surroundings:
    """The environment with a name or id. Raises EnvironmentDoesNotExist, AmbiguousId."""
    found = definitions.find(project, name)
    return Surroundings(found.id, None if dry else environments.commit_of(project, found.id))


def of_paths(project: Project, base: Path, given: Sequence[str]) -> Definition:
    """The definition of the files at `src` or `src>dest`.

    Raises PathDoesNotExist, and Conflict for more than MAX_BYTES and for what looks like a secret:
    unlike a snapshot's, every file is wanted, and an environment is shared and cannot be purged.
    """
    files: list[tuple[str, bytes]] = []
    trusting = project.repository.config.boolean("datmo.allowSecrets", False)
    left = MAX_BYTES

    def read(path: Path) -> bytes:
        nonlocal left
        left -= path.stat().st_size
        if left < 0:
            raise Conflict(
                f"the files for an environment, up to {path}, are more than "
                f"{MAX_BYTES // 1024**2} MiB",
                hint="name the files that say what is needed: data is no part of an environment",
            )
        data = _read(path)
        kind = secrets.in_name(os.fsencode(path)) or secrets.in_content(data)
        if kind is not None and not trusting:
            raise Conflict(
                f"an environment is shared, and {path} looks like a secret: {kind}",
                hint="leave it out; if it is none: git -c datmo.allowSecrets=true datmo …",
            )
        return data

    for text in given:
        mapping = parse_mapping(text)
        source = (base / Path(mapping.src).expanduser()).absolute()
        dest = mapping.dest or source.name
        if source.is_dir():
            listed = sorted(p for p in source.rglob("*") if p.is_file() and ".git" not in p.parts)
            prefix = f"{dest}/" if mapping.dest else ""
            files += [(prefix + p.relative_to(source).as_posix(), read(p)) for p in listed]
        elif source.is_file():
            files.append((dest, read(source)))
        else:
            raise PathDoesNotExist(f"no such file for the environment: {mapping.src}")
    return detect.definition_from_paths(files)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UnreadableFile(f"cannot read {path}: {error.strerror}") from error


def _found(project: Project, captured: Capture, user: User, *, dry: bool) -> Surroundings:
    """What is in the tree, else the interpreter; remembered while both look the same."""
    home = project.repository.needs_work_tree("find the environment")
    remembered = project.repository.git_dir / "datmo" / "environment"
    try:
        record = json.loads(remembered.read_text("utf-8"))
    except (OSError, ValueError):
        record = {}
    has = project.repository.objects.has
    there = all(has(str(record[key])) for key in ("id", "commit") if record.get(key))
    seen = record.get("tree") == captured.tree and bool(record.get("id")) and there
    if seen and record.get("python") is None:
        return _remembered(record)
    definition = None if seen else in_tree(project, captured)
    paths: tuple[bytes, ...] = ()
    sign: str | None = None
    if definition is not None:
        paths = tuple(os.fsencode(path) for path in definition.paths)
    else:
        python = interpreter.find_interpreter(user.environ, home, running=user.running)
        if python is None:
            return Surroundings(EMPTY_TREE, None)
        sign = interpreter.signature(python)
        if seen and sign is not None and sign == record.get("python"):
            return _remembered(record)
        definition = interpreter.capture(python, project_dir=home)
    found = _stored(project, definition, paths, dry=dry)
    if not dry and (paths or sign):
        document = {
            "tree": captured.tree,
            "python": sign,
            "id": found.id,
            "commit": found.commit,
            "definitions": [os.fsdecode(path) for path in paths],
        }
        temporary = remembered.with_name(f"environment.{os.getpid()}")
        temporary.write_text(json.dumps(document), "utf-8")
        os.replace(temporary, remembered)
    return found


def _remembered(record: dict[str, object]) -> Surroundings:
    listed = record.get("definitions")
    paths = tuple(os.fsencode(str(p)) for p in listed) if isinstance(listed, list) else ()
    commit = record.get("commit")
    return Surroundings(str(record["id"]), str(commit) if commit else None, paths)


def in_tree(project: Project, captured: Capture) -> Definition | None:
    """The definition that the files of a captured tree make, None without one."""
    trees = Trees(project.repository, dry=False)
    trees.memory = captured.memory
    blobs: dict[str, str] = {}
    for folder in (b"", b"requirements"):
        leaf = find(trees.read, captured.tree, folder)
        if leaf is None or leaf[0] != TREE:
            continue
        for name, mode, oid in trees.read(leaf[1]):
            if mode in (BLOB, EXECUTABLE):
                blobs[os.fsdecode((folder + b"/" if folder else b"") + name)] = oid
    home = project.repository.needs_work_tree("find the environment")

    def read(path: str) -> bytes:
        # A dry capture stored nothing: then the work tree, which it just read, has the bytes.
        if captured.memory or path not in blobs or not project.repository.objects.has(blobs[path]):
            return _read(home / path)
        if pointer_at(project, blobs[path]) is not None:
            return _read(home / path)
        return project.repository.objects.blob(blobs[path])

    found = detect.detect(blobs, read)
    if found is not None and any(_INCLUDES.search(data) for _, data in found.files):
        # One file names another, which may lie anywhere in the project.
        for path, mode, oid in walk(trees.read, captured.tree):
            if mode in (BLOB, EXECUTABLE):
                blobs[os.fsdecode(path)] = oid
        found = detect.detect(blobs, read)
    return found


def _stored(
    project: Project, definition: Definition, paths: tuple[bytes, ...], *, dry: bool
) -> Surroundings:
    if dry:
        trees = Trees(project.repository, dry=True)
        changes = {
            path.encode(): (BLOB, layout.blob_id(data)) for path, data in definition.identity_files
        }
        return Surroundings(trees.patch(EMPTY_TREE, dict(changes)), None, paths)
    tree, commit = environments.write(project, definition)
    return Surroundings(tree, commit, paths)
