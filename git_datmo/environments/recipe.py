"""From the definition of an environment to what a runner does to make it."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from typing import Literal

from git_datmo.environments import dockerfile, versions
from git_datmo.environments.detect import OTHER, declares
from git_datmo.environments.python import Steps, is_requirements, steps
from git_datmo.model.environment import Definition
from git_datmo.model.frozen import frozen

Target = Literal["docker", "local"]


@frozen
class Plan:
    """How to make an environment.

    `context` are files by path: for docker a build context with a `Dockerfile`, for a local
    runner the definition's own. `install`, for a local runner, are argument lists to run one after
    the other in a new virtual environment; `{python}` is its interpreter, `{context}` the folder
    of the files, which they may write to. `python` is the version asked for, None for any. Where
    the target cannot make it, `context` (docker) or `install` (local) is empty. `notes` are
    sentences the user should read: what is left out, or why it cannot be made.
    """

    environment_id: str
    kind: str
    context: tuple[tuple[str, bytes], ...] = ()
    install: tuple[tuple[str, ...], ...] = ()
    python: str | None = None
    notes: tuple[str, ...] = ()


def recipe(
    environment_id: str,
    definition: Definition,
    *,
    target: Target,
    bases: Mapping[str, str] | None = None,
) -> Plan:
    """How `target` makes the environment.

    `bases` replace the images that generated Dockerfiles start from, by kind (`python`, `conda`,
    `pixi`, `r`, `julia`); `{version}` in one is the version asked for. The same arguments give
    the same plan on every machine. Raises nothing: what cannot be done is in `notes`.
    """
    if target == "local":
        return _local(environment_id, definition)
    return _docker(environment_id, definition, bases or {})


def kind_of(definition: Definition) -> str:
    """The kind that says how to make it, also for files that were named by hand."""
    if dockerfile.given(definition) is not None:
        return "docker"
    if definition.kind != OTHER:
        return definition.kind
    for path, data in definition.files:
        if path.endswith((".yml", ".yaml")) and declares(f"environment.{path[-3:]}", data):
            return "conda"
    if any(is_requirements(path) for path in definition.paths):
        return "python"
    return OTHER


def _docker(environment_id: str, definition: Definition, bases: Mapping[str, str]) -> Plan:
    kind = kind_of(definition)
    given = dockerfile.given(definition)
    if given is not None:
        # The folder of the Dockerfile is not the context: its paths start at the project's top.
        files = dict(definition.files)
        others = tuple((path, data) for path, data in definition.files if path != "Dockerfile")
        return Plan(environment_id, kind, (("Dockerfile", files[given]), *others))
    found: Steps | None = None
    text: str | None = None
    if kind == "conda":
        text = dockerfile.for_conda(definition, bases)
    elif kind == "pixi":
        text = dockerfile.for_pixi(definition, bases)
    elif kind == "r":
        text = dockerfile.for_r(definition, bases)
    elif kind == "julia":
        text = dockerfile.for_julia(definition, bases)
    else:
        found = steps(definition)
        if found is not None and found.run:
            text = dockerfile.for_python(definition, found, bases)
    notes = found.notes if found is not None else ()
    if text is None:
        return Plan(environment_id, kind, notes=(*notes, _unknown(definition)))
    if kind in ("conda", "pixi") and found is None:
        notes = _beside(definition, kind)
    files = {**dict(definition.files), **(found.files if found is not None else {})}
    context = [(f"{dockerfile.FOLDER}/{path}", data) for path, data in sorted(files.items())]
    return Plan(
        environment_id,
        kind,
        (("Dockerfile", text.encode()), *context),
        python=versions.for_image(definition) if found is not None else None,
        notes=notes,
    )


def _local(environment_id: str, definition: Definition) -> Plan:
    kind = kind_of(definition)
    found = steps(definition) if kind in ("docker", "python", OTHER) else None
    if found is None or not found.run:
        reason = {
            "docker": "a Dockerfile needs a container engine: --runner docker",
            OTHER: _unknown(definition),
        }.get(kind, f"the local runner makes Python environments, not those of {kind}")
        notes = found.notes if found is not None else ()
        return Plan(environment_id, kind, notes=(*notes, reason))
    notes = found.notes
    if kind == "docker":
        notes = ("the local runner installs the Python packages and leaves the Dockerfile", *notes)
    python = versions.pinned(definition)
    if python is not None and "python" in definition.summary:
        # A patch release of a captured interpreter is rarely to be had twice.
        python = ".".join(python.split(".")[:2])
    files = {**dict(definition.files), **found.files}
    return Plan(environment_id, kind, tuple(sorted(files.items())), found.run, python, notes)


def _beside(definition: Definition, kind: str) -> tuple[str, ...]:
    others = [path for path in definition.paths if is_requirements(path)]
    included = b"\n".join(data for _, data in definition.files)
    others = [path for path in others if posixpath.basename(path).encode() not in included]
    if not others:
        return ()
    return (f"not installed: {', '.join(others)}, since the files of {kind} say what is needed",)


def _unknown(definition: Definition) -> str:
    return f"no way is known to make an environment of {', '.join(definition.paths)}"
