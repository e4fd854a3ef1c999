"""Environments: setup, create, select, update, delete, undelete, ls, inspect, templates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from git_datmo.api import definition as definitions
from git_datmo.api import imported, keeping, surroundings
from git_datmo.api.definition import SETTING, Found
from git_datmo.api.user import NOBODY, User
from git_datmo.environments import interpreter
from git_datmo.environments import templates as ready
from git_datmo.errors import (
    EnvironmentDoesNotExist,
    MutuallyExclusiveArguments,
    RequiredArgumentMissing,
)
from git_datmo.model.environment import Definition, Environment, Template
from git_datmo.records import catalogue, chain, environments
from git_datmo.records.project import Project
from git_datmo.storage import worktree
from git_datmo.storage.worktree import Options

__all__ = [
    "create",
    "delete",
    "inspect",
    "ls",
    "select",
    "setup",
    "templates",
    "undelete",
    "update",
]


def templates(project: Project | None = None) -> list[Template]:
    """The ready environments that `setup` offers; needs no project."""
    return list(ready.every())


def setup(
    project: Project,
    *,
    type: str | None = None,
    framework: str | None = None,
    language: str | None = None,
    name: str | None = None,
    description: str | None = None,
    current: bool = True,
) -> Environment:
    """Keep a ready environment, and with `current` select it here. Writes no file of the project.

    What is not given is `cpu`, `python-base` and the usual language. Its name is that of the
    template, such as `pytorch:cpu-py313`. Raises ValidationFailed for a choice there is not,
    Conflict for a name that is taken.
    """
    project.require_initialized()
    template = ready.choose(type, framework, language)
    said = (template.note,) if template.note else ()
    about = description if description is not None else template.about
    made = keeping.keep(
        project, ready.definition(template), keeping.checked(name), about, said, template.name
    )
    return keeping.selected(project, made) if current else made


def create(
    project: Project,
    *,
    paths: Sequence[str] = (),
    name: str | None = None,
    description: str | None = None,
    interpreter: bool = False,
    imports: bool = False,
    current: bool = False,
    user: User = NOBODY,
) -> Environment:
    """Keep an environment: of the files at `paths` (`src` or `src>dest`), of the `interpreter`'s
    packages, of what the project `imports`; else what a snapshot would have now.

    The same definition is the same environment, with the new name and description. With `current`
    it is selected here. Raises MutuallyExclusiveArguments, PathDoesNotExist,
    EnvironmentDoesNotExist where there is no Python, Conflict for a name that is taken or a file
    that looks like a secret.
    """
    project.require_initialized()
    given = [
        text
        for text, value in (("paths", paths), ("interpreter", interpreter), ("imports", imports))
        if value
    ]
    if len(given) > 1:
        raise MutuallyExclusiveArguments(f"{given[0]} and {given[1]} exclude each other")
    wanted = keeping.checked(name)
    said: tuple[str, ...] = ()
    if paths:
        base = user.folder or project.repository.needs_work_tree("name an environment")
        given_paths = [paths] if isinstance(paths, str) else paths
        found = surroundings.of_paths(project, base, given_paths)
    elif imports:
        found, said = _of_imports(project, user)
    elif interpreter:
        found = _of_interpreter(project, user)
    else:
        captured = worktree.capture(
            project.repository, project.store, Options(threshold=project.threshold, dry=True)
        )
        found = surroundings.in_tree(project, captured) or _of_interpreter(project, user)
    made = keeping.keep(project, found, wanted, description, said)
    return keeping.selected(project, made) if current else made


def select(
    project: Project, environment_id: str | None = None, *, none: bool = False
) -> Environment | None:
    """Make an environment the one that new snapshots and runs here use; with `none`, the files of
    the project decide again.

    It is written to this clone's `datmo.environment`. Raises EnvironmentDoesNotExist,
    AmbiguousId, RequiredArgumentMissing, MutuallyExclusiveArguments.
    """
    project.require_initialized()
    if none:
        if environment_id:
            raise MutuallyExclusiveArguments("none and an environment exclude each other")
        config = project.repository.config
        config.remove(SETTING)
        if config.get(SETTING):
            config.set(SETTING, "")  # over what another layer says
        return None
    if not environment_id:
        raise RequiredArgumentMissing(
            "select needs the name or id of an environment", hint="or --none to select none"
        )
    found = definitions.find(project, environment_id)
    return keeping.selected(project, definitions.value(project, found, found.id))


def update(
    project: Project,
    environment_id: str | None = None,
    *,
    name: str | None = None,
    description: str | None = None,
) -> Environment:
    """Give an environment a name or description; empty text takes it away.

    One that only snapshots brought is kept from now on. Raises EnvironmentDoesNotExist,
    AmbiguousId, Conflict for a name that is taken, RequiredArgumentMissing.
    """
    project.require_initialized()
    if not environment_id:
        raise RequiredArgumentMissing("update needs the name or id of an environment")
    if name is None and description is None:
        raise RequiredArgumentMissing(
            "there is nothing to change", hint="give --name or --description"
        )
    wanted = keeping.checked(name) if name else name
    found = definitions.find(project, environment_id)
    keeping.note(project, found.id, wanted, description)
    return keeping.one(project, found.id)


def delete(project: Project, environment_id: str | None = None) -> Environment:
    """Hide an environment everywhere; snapshots and runs that have it keep it.

    Its whole id still names it. Images and virtual environments made of it stay. If it was
    selected here, none is now. Returns what was deleted. Raises RequiredArgumentMissing,
    EnvironmentDoesNotExist.
    """
    project.require_initialized()
    if not environment_id:
        raise RequiredArgumentMissing("delete needs the name or id of an environment")
    found = definitions.find(project, environment_id)
    if found.record is None or found.record.deleted:
        raise EnvironmentDoesNotExist(
            f"the environment '{environment_id}' is not kept: only snapshots or runs have it"
            if found.record is None
            else f"the environment '{environment_id}' is deleted already"
        )
    gone = definitions.value(project, found, definitions.current(project))
    with chain.writing(project) as writer:
        writer.note(found.record.id, set={"deleted": True})
    if gone.current:
        select(project, none=True)
    return gone


def undelete(project: Project, environment_id: str | None = None) -> Environment:
    """Bring a deleted environment back, here and wherever that travels, with its name; one that
    is not deleted stays as it is.

    It is named by its name, its id or the beginning of that. Raises RequiredArgumentMissing,
    EnvironmentDoesNotExist, AmbiguousId, Conflict when another one has its name now.
    """
    if not environment_id:
        raise RequiredArgumentMissing("undelete needs the name or id of an environment")
    project.require_initialized()
    _ = project.identity
    record = definitions.deleted(project, environment_id)
    if record is None:
        return keeping.one(project, definitions.find(project, environment_id).id)
    tree = record.tree or ""
    keeping.require_free(project, record.doc.get("name") or "", tree)
    from git_datmo.api import undeletion

    notices = undeletion.revive(project, [record])
    return replace(keeping.one(project, tree), notices=notices)


def ls(project: Project, *, all: bool = False, deleted: bool = False) -> list[Environment]:
    """The environments that were kept, newest first; with `all`, then those that only snapshots
    brought. With `deleted` those that are deleted. Raises ProjectNotInitialized.
    """
    project.require_known()
    index = catalogue.refresh(project)
    if deleted:
        gone = (record for record in definitions.kept(index, deleted=True) if record.deleted)
        return [replace(definitions.listed(record, None), kept=False) for record in gone]
    chosen = definitions.current(project)
    found = [definitions.listed(record, chosen) for record in definitions.kept(index)]
    if all:
        found += [
            definitions.value(project, Found(oid, None), chosen)
            for oid in definitions.used(project, index)
            if project.repository.objects.has(oid)
        ]
    return found


def inspect(project: Project, environment_id: str | None = None) -> Environment:
    """An environment with the contents of its files; without a name the selected one.

    Raises EnvironmentDoesNotExist, AmbiguousId, RequiredArgumentMissing.
    """
    project.require_known()
    wanted = environment_id or definitions.chosen(project)
    if not wanted:
        raise RequiredArgumentMissing(
            "inspect needs the name or id of an environment: none is selected here"
        )
    found = definitions.find(project, wanted)
    known = definitions.value(project, found, definitions.current(project))
    return replace(known, contents=environments.read(project, found.id).files)


def _of_interpreter(project: Project, user: User) -> Definition:
    home = project.repository.needs_work_tree("find your Python")
    python = interpreter.find_interpreter(user.environ, home, running=user.running)
    if python is None:
        raise _no_python()
    return interpreter.capture(python, project_dir=home)


def _of_imports(project: Project, user: User) -> tuple[Definition, tuple[str, ...]]:
    captured = worktree.capture(
        project.repository, project.store, Options(threshold=project.threshold, dry=True)
    )
    made = imported.of_capture(project, captured, user)
    if made is None:
        raise _no_python()
    return made.definition, imported.notices(made)


def _no_python() -> EnvironmentDoesNotExist:
    return EnvironmentDoesNotExist(
        "there is no Python on your PATH to take packages from",
        hint="activate its environment, or name files: --paths",
    )
