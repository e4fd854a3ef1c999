"""The environment of what a project's own files import, where the project declares none."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from git_datmo.api.surroundings import Surroundings
from git_datmo.api.user import User
from git_datmo.environments import generate, interpreter
from git_datmo.environments.generate import Generated
from git_datmo.errors import UnreadableFile
from git_datmo.records import environments
from git_datmo.records.pointers import pointer_at
from git_datmo.records.project import Project
from git_datmo.storage.objects import BLOB, EXECUTABLE
from git_datmo.storage.treediff import walk
from git_datmo.storage.trees import Trees
from git_datmo.storage.worktree import Capture

# A notebook with its pictures; what is larger is data.
MAX_SOURCE = 32 * 1024 * 1024
SHOWN = 5


class Imported(NamedTuple):
    """A stored environment, and sentences about what is not in it."""

    surroundings: Surroundings
    notices: tuple[str, ...]


def around(project: Project, tree: str, user: User) -> Imported | None:
    """The environment of the files of a stored tree, in the versions of the user's interpreter.

    Stores it. Without any import it holds the interpreter's version alone. None where the user
    has no Python. Raises UnreadableFile.
    """
    home = project.repository.needs_work_tree("find the environment")
    python = interpreter.find_interpreter(user.environ, home, running=user.running)
    if python is None:
        return None
    sign = interpreter.signature(python)
    remembered = project.repository.git_dir / "datmo" / "imports"
    known = _remembered(project, remembered, {"tree": tree, "python": sign})
    if known is not None:
        return known
    made = generate.from_imports(_sources(project, tree, {}), python, project_dir=home)
    oid, commit = environments.write(project, made.definition)
    said = notices(made)
    if sign is not None:
        document = {"tree": tree, "python": sign, "id": oid, "commit": commit, "notices": said}
        temporary = remembered.with_name(f"{remembered.name}.{os.getpid()}")
        temporary.write_text(json.dumps(document), "utf-8")
        os.replace(temporary, remembered)
    return Imported(Surroundings(oid, commit), said)


def of_capture(project: Project, captured: Capture, user: User) -> Generated | None:
    """The definition for a captured tree, which need not be stored; None without a Python."""
    home = project.repository.needs_work_tree("find the environment")
    python = interpreter.find_interpreter(user.environ, home, running=user.running)
    if python is None:
        return None
    sources = _sources(project, captured.tree, captured.memory)
    return generate.from_imports(sources, python, project_dir=home)


def notices(made: Generated) -> tuple[str, ...]:
    """What is not in a generated environment, in sentences."""
    said = []
    if made.missing:
        shown = ", ".join(f"{name} ({path})" for name, path in made.missing[:SHOWN])
        more = ", …" if len(made.missing) > SHOWN else ""
        said.append(
            f"imported, and installed nowhere here, so not in the environment: {shown}{more}"
        )
    if made.unread:
        shown = ", ".join(made.unread[:SHOWN]) + (", …" if len(made.unread) > SHOWN else "")
        said.append(f"read line by line, since they are no Python of today: {shown}")
    return tuple(said)


def _remembered(project: Project, place: Path, wanted: dict[str, str | None]) -> Imported | None:
    """What was found for the same tree and the same packages, as long as it is here."""
    try:
        record = json.loads(place.read_text("utf-8"))
        same = all(value is not None and record[key] == value for key, value in wanted.items())
        oid, commit, said = record["id"], record["commit"], record["notices"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    has = project.repository.objects.has
    if not same or not has(oid) or not has(commit):
        return None
    return Imported(Surroundings(oid, commit), tuple(said))


def _sources(project: Project, tree: str, memory: dict[str, bytes]) -> Iterator[tuple[str, bytes]]:
    """The Python files and notebooks of a tree, those too large to be code left out."""
    trees = Trees(project.repository, dry=False)
    trees.memory = memory
    objects = project.repository.objects
    home = project.repository.needs_work_tree("read the project's imports")
    for path, mode, oid in walk(trees.read, tree):
        if mode not in (BLOB, EXECUTABLE) or not path.endswith((b".py", b".ipynb")):
            continue
        if b"/site-packages/" in path:
            continue  # a virtual environment that nobody told git to ignore
        place = home / os.fsdecode(path)
        if not objects.has(oid):
            # A dry capture stored nothing; the work tree, which it just read, has the bytes.
            data = _read(place)
        elif (pointer := pointer_at(project, oid)) is None:
            data = objects.blob(oid)
        elif pointer.size > MAX_SOURCE or not place.is_file():
            continue
        else:
            data = _read(place)
        if len(data) <= MAX_SOURCE:
            yield os.fsdecode(path), data


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UnreadableFile(f"cannot read {path}: {error.strerror}") from error
