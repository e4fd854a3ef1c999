"""Runs inside the user's own process: a script or a notebook that says when it starts and ends."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from git_datmo.api import (
    baseline,
    conclusion,
    lookup,
    order,
    run_lookup,
    settings,
    underway,
)
from git_datmo.api import state as states
from git_datmo.api.supervision import Outcome
from git_datmo.api.underway import Underway
from git_datmo.api.user import NOBODY, User
from git_datmo.errors import InvalidArgumentType, RunUnderWay, ValidationFailed
from git_datmo.model import document
from git_datmo.model.run import FAILED, INLINE, RUNNING, STOPPED, SUCCESS, Facts, Run
from git_datmo.model.text import encodable
from git_datmo.records import flights
from git_datmo.records.project import Project
from git_datmo.remotes.refusals import without_secrets


class Inline:
    """A run that this process is. It ends with `finish`, or, when the process dies, as lost."""

    def __init__(self, project: Project, run: Underway, notices: tuple[str, ...]) -> None:
        self._project, self._run = project, run
        self.notices = notices
        # A forked child has this object too, and must not end its parent's run.
        self._process = os.getpid()
        self._own = threading.local()
        self._own.project = project

    @property
    def id(self) -> str:
        """The run's id."""
        return self._run.id

    @property
    def folder(self) -> Path:
        """The folder of the run while it lasts: `log`, `stdout`, `system.jsonl` and `task` are
        read from it in the end."""
        return self._run.flight.path

    @property
    def task(self) -> Path:
        """The protocol directory: `metrics.jsonl`, `config.json`, `stats.json`."""
        return self._run.flight.task

    @property
    def project(self) -> Project:
        """Where it is recorded. Each thread has a value of its own: the index is one thread's."""
        found: Project | None = getattr(self._own, "project", None)
        if found is None:
            known = self._project.repository
            found = Project.open(known.needs_work_tree("end a run"))
            found.repository.git.env |= known.git.env
            self._own.project = found
        return found

    @property
    def facts(self) -> Facts:
        """What is known of it so far."""
        return self._run.public()

    def update(
        self,
        *,
        message: str | None = None,
        label: str | None = None,
        labels: Sequence[str] | None = None,
        description: str | None = None,
    ) -> None:
        """Say otherwise what it is, while it lasts. None leaves that part as it is.

        Raises RunUnderWay in another process or when it has ended, NoSpace.
        """
        self._require()
        order.check_recordable(message=message, label=label, description=description)
        listed = None if labels is None else _labels(labels)
        given = {"message": message, "label": label, "description": description}
        self._run.facts |= {key: value for key, value in given.items() if value is not None}
        self._run.live |= {k: v for k, v in given.items() if k != "description" and v is not None}
        if listed is not None:
            self._run.facts["labels"] = list(listed)
        self._run.save()

    def finish(self, exit_code: int = 0, reason: str | None = None) -> Run:
        """Record the run: 0 is a success, 130 an interrupt, anything else a failure that
        `reason` explains. Raises RunUnderWay in another process or when it has ended."""
        self._require()
        # It is recorded now, and not when it began.
        project = self.project
        project.__dict__.pop("identity", None)
        status = {0: SUCCESS, 130: STOPPED}.get(exit_code, FAILED)
        oid, notices = conclusion.conclude(
            project, self._run, Outcome(status, exit_code, None, reason)
        )
        conclusion.visited(project, self._run)
        self._run.flight.discard()
        return run_lookup.value_of(project, oid, notices=notices)

    def _require(self) -> None:
        if os.getpid() != self._process or not self.folder.is_dir():
            raise RunUnderWay(f"the run {self.id[:12]} is not this process's to end")


def start(
    project: Project,
    *,
    name: str | None = None,
    config: Mapping[str, Any] | None = None,
    session_id: str | None = None,
    label: str | None = None,
    labels: Sequence[str] = (),
    description: str = "",
    alternative_name: str | None = None,
    continues: str | None = None,
    git: Mapping[str, Any] | None = None,
    platform: Mapping[str, Any] | None = None,
    command: Sequence[str] = (),
    user: User = NOBODY,
) -> Inline:
    """Begin a run of this very process, in the user's own work tree.

    The state now is recorded as the snapshot before, the state at `finish` as the one after.
    `name` says what it is, `config` its settings, `command` how the process was started;
    `alternative_name` names it like its id, `continues` is the id of a run that it goes on with.
    `git` and `platform` are what the process knows besides of its repository and of itself.
    Raises ProjectNotInitialized, IdentityMissing, InvalidArgumentType, ValidationFailed,
    SessionDoesNotExist.
    """
    project.require_initialized()
    _ = project.identity
    home = project.repository.needs_work_tree("start a run")
    folder = baseline.folder_of(home, user.folder)
    order.check_recordable(folder=folder, name=name, label=label, description=description)
    words = _labels(labels)
    if alternative_name is not None:
        order.check_recordable(alternative_name=alternative_name)
        if not alternative_name.strip() or not alternative_name.isprintable():
            raise ValidationFailed(f"an alternative name is text on one line: {alternative_name!r}")
    values = settings.check("config", config) if config else {}
    session = lookup.session_of(project, session_id)
    state = states.of_work_tree(project, user, {}, count_ignored=False)
    flight = flights.create(project)
    try:
        earlier = baseline.before(
            project, state, session, f"before run {flight.id[:12]}: {name or 'in this process'}"
        )
        live = {
            "phase": "started",
            "runner": "inline",
            "work_tree": os.fspath(home),
            "isolated": False,
            "apply": False,
            "session": session,
            "message": name,
            "label": label,
            "config": document.encode(values),
            "environment": {
                "id": state.environment.id,
                "commit": state.environment.commit,
                "definitions": [os.fsdecode(path) for path in state.environment.definitions],
            },
        }
        now = time.time_ns() // 1_000_000
        facts = Facts(
            id=flight.id,
            type=INLINE,
            command=tuple(command) if all(encodable(word) == word for word in command) else (),
            folder=folder,
            status=RUNNING,
            created=now,
            started=now,
            runner="inline",
            environment_id=state.environment.id,
            before_id=earlier.id,
            session_id=session,
            git={**baseline.git_of(project, state.tree), **_origin(project), **(git or {})},
            platform={**baseline.platform(), **(platform or {})},
            message=name or "",
            label=label,
            labels=words,
            description=description,
            alternative_name=alternative_name,
            continues=continues,
        )
        run = underway.begin(flight, facts, live)
    except BaseException:
        flight.discard()
        raise
    project.repository.objects.forget()  # what goes on for days needs no pack
    return Inline(project, run, state.notices)


def _labels(given: object) -> tuple[str, ...]:
    """Words about a run; one text is one of them."""
    listed = (given,) if isinstance(given, str) else given
    if not isinstance(listed, Iterable):
        raise InvalidArgumentType(f"labels are a list of texts, not {type(given).__name__}")
    words = tuple(listed)
    for text in words:
        order.check_recordable(label=text)
    return words


def _origin(project: Project) -> dict[str, str]:
    """The address that the user's repository is fetched from, without anybody's password."""
    url = project.repository.config.get("remote.origin.url")
    return {"remote": without_secrets(url)} if url else {}
