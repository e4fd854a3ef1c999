"""Tasks in containers: satisfies `runners.base.Runner`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from git_datmo.errors import PathDoesNotExist, ValidationFailed
from git_datmo.runners.base import Job, Prepared, Process, Recipe, Report
from git_datmo.runners.docker import launch, limits
from git_datmo.runners.docker.engine import Engine
from git_datmo.runners.docker.ground import BIND, COPY, OVERLAY
from git_datmo.runners.docker.image import image_of
from git_datmo.runners.docker.lessons import Lessons


class DockerRunner:
    """Runs tasks in containers of the engine that `environ` means (`DOCKER_HOST`, the docker
    context, else the usual socket).

    `settings`: `copy` sends the work tree to the engine and back, even where it could be mounted;
    `writable` lets tasks write into their container's own files; `state` is a folder in which is
    remembered what an engine turned out not to do; `isolation` (`overlay`, `bind` or `copy`)
    names the way instead of the best that the engine can do. Raises ValidationFailed for another.
    """

    name = "docker"

    def __init__(self, *, environ: Mapping[str, str], settings: Mapping[str, Any]) -> None:
        self._engine = Engine(environ)
        self._writable = bool(settings.get("writable"))
        forced = COPY if settings.get("copy") else settings.get("isolation")
        if forced not in (None, OVERLAY, BIND, COPY):
            raise ValidationFailed(
                f"there is no isolation called '{forced}'", hint="choose overlay, bind or copy"
            )
        state = settings.get("state")
        self._lessons = Lessons(forced, None if state is None else Path(state))

    def check(self, job: Job) -> None:
        """Raise UsageErrors for limits and ports that cannot be, PathDoesNotExist for data that is
        missing, PortTaken, GPUSupportNotEnabled, EngineError without an engine."""
        limits.check_wishes(job)
        limits.check_grants(job, self._engine.ability)

    def prepare(self, recipe: Recipe | None, job: Job, report: Report) -> Prepared:
        """Build the recipe's image, or find it. Raises RequiredArgumentMissing without a recipe
        for containers, EngineError naming the step that failed."""
        image = image_of(self._engine, recipe, report)
        return Prepared(
            facts={"image": image, "engine": self._engine.ability.version}, token={"image": image}
        )

    def start(self, job: Job, prepared: Prepared) -> Process:
        """Start it in a new container. Raises PathDoesNotExist for a folder that is not in the
        tree, what `check` raises for a port or GPU that is gone since, and EngineError."""
        if job.folder and not (job.tree / job.folder).is_dir():
            raise PathDoesNotExist(f"the folder {job.folder} does not exist in the work tree")
        image = str(prepared.token["image"])
        engine = self._engine
        return launch.begin(engine, job, image, self._lessons, writable=self._writable)

    def adopt(self, job: Job, handle: Mapping[str, Any]) -> Process | None:
        """The process in the container of a run, which is found by its label where the handle
        was never written down. An engine that does not answer is looked for while it is waited
        for."""
        return launch.adopt(self._engine, job, handle)
