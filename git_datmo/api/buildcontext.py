"""What of the project goes into an image whose Dockerfile copies from it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from git_datmo.api.content import Content
from git_datmo.environments import sources
from git_datmo.errors import EngineError
from git_datmo.model.pointer import Pointer
from git_datmo.records.pointers import pointer_at
from git_datmo.records.project import Project
from git_datmo.runners.base import Recipe
from git_datmo.storage.objects import BLOB, EXECUTABLE, LINK
from git_datmo.storage.treediff import Leaf, walk

if TYPE_CHECKING:
    from git_datmo.environments.recipe import Plan

MAX_CONTEXT = 1 << 30
FILE = "Dockerfile"


def recipe_with_sources(
    project: Project, plan: Plan, tree: str, bases: Mapping[str, str]
) -> Recipe:
    """The recipe of a plan for containers, with those files of `tree` that its Dockerfile copies
    and `.dockerignore` does not keep out; large ones with their content.

    The image is then kept by what went into it, not by the environment alone.
    Raises EngineError for more than `MAX_CONTEXT` bytes, ContentMissing.
    """
    recipe = Recipe(plan.environment_id, plan.kind, plan.context, plan.install, plan.python)
    digest = hashlib.sha1(repr(sorted(bases.items())).encode())
    own = dict(plan.context)
    wanted = _wanted(project, own, tree) if plan.kind == "docker" else {}
    if wanted.keys() <= own.keys():
        if not bases:
            return recipe
    else:
        ignores = sources.ignorer(_ignore_file(project, own, wanted))
        wanted = {path: leaf for path, leaf in wanted.items() if not ignores(path)}
        own = {path: data for path, data in own.items() if path == FILE or not ignores(path)}
        for path, (mode, oid) in sorted(wanted.items()):
            digest.update(f"{path} {mode} {oid}\n".encode(errors="surrogateescape"))
        recipe = replace(
            recipe,
            context=tuple(sorted({**_read(project, wanted, own), **own}.items())),
            modes={path: mode for path, (mode, _) in wanted.items()},
        )
    key = plan.environment_id[:12] + digest.hexdigest()[:12]
    return replace(recipe, environment_id=key)


def _wanted(project: Project, own: Mapping[str, bytes], tree: str) -> dict[str, Leaf]:
    """The files and links of the tree that may be copied, with `.dockerignore`."""
    copied = sources.copied(own.get(FILE, b""))
    if copied == []:
        return {}
    found = {
        path.decode("utf-8", "surrogateescape"): (mode, oid)
        for path, mode, oid in walk(project.repository.objects.tree, tree)
        if mode in (BLOB, EXECUTABLE, LINK)
    }
    chosen = None if copied is None else sources.select({*found, *own}, copied)
    # A link may lead to what is not named.
    if chosen is None or any(found[path][0] == LINK for path in chosen & found.keys()):
        return found
    if chosen <= own.keys():
        return {path: found[path] for path in chosen & found.keys()}
    return {path: found[path] for path in {*chosen, sources.IGNORE_FILE} & found.keys()}


def _ignore_file(project: Project, own: Mapping[str, bytes], wanted: Mapping[str, Leaf]) -> bytes:
    name = sources.IGNORE_FILE
    if name in own or name not in wanted:
        return own.get(name, b"")
    return project.repository.objects.blob(wanted[name][1])


def _read(
    project: Project, wanted: Mapping[str, Leaf], own: Mapping[str, bytes]
) -> dict[str, bytes]:
    """The bytes of each path, of a link where it leads; what is in `own` is not read."""
    objects, content = project.repository.objects, Content(project)
    pointers: dict[str, Pointer] = {}
    size = 0
    for path, (mode, oid) in wanted.items():
        pointer = pointer_at(project, oid) if mode != LINK and path not in own else None
        if pointer is not None:
            pointers[path] = pointer
        size += pointer.size if pointer is not None else objects.size(oid) or 0
        if size > MAX_CONTEXT:
            raise EngineError(
                f"the Dockerfile copies more than {MAX_CONTEXT >> 30} GiB of the project",
                hint=f"name what it needs, list the rest in {sources.IGNORE_FILE}, or leave data "
                "to --data and datmo.link",
            )
    content.prepare({pointer: path for path, pointer in pointers.items()})
    found = {}
    for path, (_, oid) in wanted.items():
        if path in own:
            continue
        if path in pointers:
            with os.fdopen(content.open(pointers[path]), "rb") as file:
                found[path] = file.read()
        else:
            found[path] = objects.blob(oid)
    return found
