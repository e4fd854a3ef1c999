"""Keeping an environment: its commit, its ref, and the note with its name and description."""

from __future__ import annotations

import re
from dataclasses import replace

from git_datmo.api import definition as definitions
from git_datmo.api.definition import SETTING
from git_datmo.errors import Conflict, ValidationFailed
from git_datmo.model.environment import Definition, Environment
from git_datmo.records import catalogue, chain, environments
from git_datmo.records.project import Project
from git_datmo.storage.index import Index

MAX_NAME = 200
MAX_DESCRIPTION = 10_000
_ID = re.compile(r"[0-9a-fA-F]{40}")


def keep(
    project: Project,
    found: Definition,
    name: str | None,
    description: str | None,
    said: tuple[str, ...],
    usual: str | None = None,
) -> Environment:
    """Store a definition and note it; `usual` is its name if it has none and that is free."""
    from git_datmo.environments.recipe import recipe

    _check_description(description)
    tree, commit = environments.write(project, found)
    before = catalogue.refresh(project).get(commit)
    is_new = note(project, tree, name, description, usual=usual, commit=commit)
    kept, called = one(project, tree), before.doc.get("name") if before is not None else None
    if called and not is_new and kept.name != called:
        said = (*said, f"it was called '{called}' before, and is no longer found by that name")
    lacking = recipe(tree, found, target="docker").notes
    return replace(kept, is_new=is_new, notices=(*said, *lacking))


def note(
    project: Project,
    tree: str,
    name: str | None,
    description: str | None,
    *,
    usual: str | None = None,
    commit: str | None = None,
) -> bool:
    """Say what is new of an environment; returns whether it was not kept before.

    Raises Conflict for a name that another one has.
    """
    _check_description(description)
    _ = project.identity
    with chain.writing(project) as writer:
        target = commit or environments.commit_of(project, tree)
        known = writer.index.get(target)
        is_new = known is None or known.deleted
        before = known.doc if known is not None else {}
        if known is not None and known.deleted:
            # It starts anew: somebody may have taken its name since.
            name, description = name or "", description or ""
        if name:
            _free(writer.index, name, tree)
        elif usual is not None and not (before.get("name") and name is None):
            name = name if definitions.named(writer.index, usual) else usual
        wanted: dict[str, object] = {"deleted": False} if is_new else {}
        for key, value in (("name", name), ("description", description)):
            if value is not None and (before.get(key) or "") != value:
                wanted[key] = value
        if wanted:
            writer.note(target, set=wanted)
            writer.ref(environments.ref(tree), target)
    return is_new


def require_free(project: Project, name: str, tree: str) -> None:
    """Raise Conflict when a living environment other than `tree` has a name."""
    if name:
        _free(catalogue.refresh(project), name, tree)


def _free(index: Index, name: str, tree: str) -> None:
    taken = [record for record in definitions.named(index, name) if record.tree != tree]
    if taken:
        raise Conflict(
            f"there is an environment '{name}' already: {(taken[0].tree or '')[:12]}",
            hint=f"choose another name, or 'git datmo environment update {taken[0].tree} --name …'",
        )


def checked(name: str | None) -> str | None:
    """A name as it is kept. Raises ValidationFailed for one that nobody could use."""
    if name is None:
        return None
    wanted = name.strip() if isinstance(name, str) else ""
    if not wanted or len(wanted) > MAX_NAME or not wanted.isprintable():
        raise ValidationFailed(f"an environment's name is up to {MAX_NAME} printable characters")
    if _ID.fullmatch(wanted):
        raise ValidationFailed("an environment's name cannot look like an id")
    return wanted


def _check_description(text: str | None) -> None:
    if text is not None and (not isinstance(text, str) or len(text) > MAX_DESCRIPTION):
        raise ValidationFailed(f"a description is text of up to {MAX_DESCRIPTION} characters")


def selected(project: Project, found: Environment) -> Environment:
    """The environment, which new snapshots and runs here use from now on."""
    project.repository.config.set(SETTING, found.id)
    return replace(found, current=True)


def one(project: Project, tree: str) -> Environment:
    """What is known of the environment with this id."""
    return definitions.value(project, definitions.find(project, tree), definitions.current(project))
