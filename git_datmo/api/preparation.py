"""Which runner a run goes to, and what that has to make before it can start."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from git_datmo.api.state import State
from git_datmo.api.surroundings import Surroundings
from git_datmo.api.user import User
from git_datmo.errors import EngineError, InvalidDocument, ValidationFailed
from git_datmo.model.environment import Definition
from git_datmo.records import environments
from git_datmo.records.project import Project
from git_datmo.runners import registry
from git_datmo.runners.base import Recipe, Runner
from git_datmo.storage.objects import EMPTY_TREE

if TYPE_CHECKING:
    from git_datmo.environments.recipe import Target

LOCAL, DOCKER = "local", "docker"
# Images that generated Dockerfiles start from may be replaced, by kind of environment.
BASES = ("python", "conda", "pixi", "r", "julia")
CONTAINERS = frozenset({b"Dockerfile", b"Containerfile"})


def choose_runner(
    project: Project, asked: str | None, around: Surroundings, named: bool, user: User
) -> tuple[str, str]:
    """The name of the runner, and why it is that one, in words.

    `asked`, else `datmo.runner`, else docker when an environment was declared for containers (a
    Dockerfile, or one chosen for the run or project) and an engine answers, else local.
    Raises ValidationFailed for an unknown name.
    """
    for name, why in (
        (asked, "as asked"),
        (project.repository.config.get("datmo.runner"), "datmo.runner says so"),
    ):
        if name:
            if name not in registry.NAMES:
                raise ValidationFailed(
                    f"there is no runner called '{name}'",
                    hint=f"choose one of: {', '.join(registry.NAMES)}",
                )
            return name, why
    if not named and not CONTAINERS & set(around.definitions):
        return LOCAL, "no container was declared"
    if registry.engine_answers(user.environ):
        return DOCKER, "its environment is declared and an engine answers"
    return LOCAL, "its environment is declared, but no container engine answers"


def by_imports(project: Project, state: State, user: User, report: Callable[[str], None]) -> State:
    """The state with the environment of what the project imports, for a container where nothing
    is declared: the user's interpreter has far more in it. Unchanged where there is no Python."""
    from git_datmo.api import imported

    found = imported.around(project, state.tree, user)
    if found is None:
        return state
    oid = found.surroundings.id[:12]
    for note in ("made of what the project imports, since it declares nothing", *found.notices):
        report(f"environment {oid}: {note}")
    return replace(state, environment=found.surroundings)


def make_runner(project: Project, name: str, user: User) -> Runner:
    """The runner with this project's settings."""
    config = project.repository.config
    settings: dict[str, Any] = {
        "venvs": project.home / "venvs",
        "copy": config.boolean("datmo.docker.copy", False),
        "writable": config.boolean("datmo.docker.writable", False),
        "state": project.home / "docker",
    }
    return registry.make(name, environ=user.environ, settings=settings)


def recipe_of(
    project: Project,
    runner: str,
    around: Surroundings,
    named: bool,
    tree: str,
    report: Callable[[str], None],
) -> Recipe | None:
    """What the runner has to make, None for a local one that takes what is there.

    Raises EngineError for an environment that this kind of runner cannot make, ContentMissing for
    a large file that an image needs.
    """
    if runner == LOCAL and not named:
        return None
    from git_datmo.environments.recipe import recipe  # brings the readers of every lock format

    definition = definition_of(project, around)
    if definition is None:
        raise EngineError(
            "there is nothing that says what the container needs",
            hint="write a Dockerfile or requirements.txt, or name one: --environment-id",
        )
    config = project.repository.config
    bases = {kind: found for kind in BASES if (found := config.get(f"datmo.base.{kind}"))}
    target: Target = "docker" if runner == DOCKER else "local"
    plan = recipe(around.id, definition, target=target, bases=bases)
    if not (plan.context if runner == DOCKER else plan.install):
        raise EngineError(
            f"the {runner} runner cannot make the environment {around.id[:12]}: "
            + "; ".join(plan.notes or ("nothing in it can be installed",)),
            hint="git datmo environment inspect shows what it holds",
        )
    for note in plan.notes:
        report(f"environment {around.id[:12]}: {note}")
    if runner == DOCKER:
        from git_datmo.api.buildcontext import recipe_with_sources

        return recipe_with_sources(project, plan, tree, bases)
    return Recipe(plan.environment_id, plan.kind, plan.context, plan.install, plan.python)


def definition_of(project: Project, around: Surroundings) -> Definition | None:
    """The stored definition of an environment; None for the empty one."""
    if around.id == EMPTY_TREE:
        return None
    try:
        return environments.read(project, around.id)
    except InvalidDocument as error:
        raise EngineError(f"the environment {around.id[:12]} cannot be used: {error}") from error
