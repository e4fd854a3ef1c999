"""A run that this program is."""

from __future__ import annotations

import atexit
import os
import shutil
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from git_datmo.errors import RunUnderWay
from git_datmo.model.series import Point
from git_datmo.tracking import current, origin, parts, resources, stdout
from git_datmo.tracking.ending import ending, last_error
from git_datmo.tracking.history import History
from git_datmo.tracking.machine import about, interactive
from git_datmo.tracking.params import Params
from git_datmo.tracking.sink import FAULTS, METRICS, Sink, said, warn

if TYPE_CHECKING:
    from git_datmo.model.artifact import Artifact
    from git_datmo.model.folder import Placed
    from git_datmo.model.run import Facts, Run
    from git_datmo.records.project import Project
    from git_datmo.tracking.recording import Recording

UNFINISHED = "ended with the program: finish() was not called"


class TrackedRun(Sink):
    """A run that this program is: made by `start_run`, ended by `finish` or the `with` block.

    Inside a task there is a run already: then this one only adds to it, `attached` is true and
    `finish` leaves the end to the task's own. After `finish`, `run` is the run as it was recorded.
    """

    def __init__(self, folder: Path, id: str, recording: Recording | None) -> None:
        super().__init__(folder)
        self.id = id
        self.run: Run | None = None
        self._recording = recording
        self._process = os.getpid()
        self._last = last_error()
        self._finishing = threading.Lock()
        self._outer: dict[str, str | None] = {}
        self._config: Params | None = None
        self._history: History[Point] | None = None
        self._copy: stdout.Copy | None = None
        self._at_end: Callable[[], object] = self.close_forgotten

    @property
    def attached(self) -> bool:
        """Whether it adds to the run of a task around it."""
        return self._recording is None

    @property
    def process(self) -> int:
        """The id of the process that it is."""
        return self._process

    @property
    def project(self) -> Project | None:
        """The project that it is recorded in; of a task, where that can be reached."""
        if self._recording is not None:
            return self._recording.project
        return origin.project(Path.cwd())

    @property
    def facts(self) -> Facts | None:
        """What is known of it so far, recorded or not; None of a task's run."""
        if self.run is not None:
            from git_datmo.model.run import Facts

            return Facts(**self.run.to_dict())
        return self._recording.facts if self._recording is not None else None

    @property
    def status(self) -> str:
        """`running`, and after the end `success`, `failed` or `stopped`."""
        facts = self.facts
        return facts.status if facts is not None else "success" if self._ended else "running"

    @property
    def config(self) -> Params:
        """Its parameters: a mapping that records what is set in it."""
        if self._config is None:
            known = {} if self._ended else parts.read(self.folder / parts.CONFIG)
            if self.run is not None:
                known = dict(self.run.config)
            self._config = Params(None, known, watch=self.configure)
        return self._config

    @property
    def metrics(self) -> Mapping[str, list[Point]]:
        """The points so far by type; `train` includes those of `training`, and so on."""
        if self._history is None:
            path = self.folder / METRICS
            self._history = History(lambda: [path], lambda point: point)
            if self.run is not None:
                for kind in self.run.metrics:
                    self._history.take(self.run.read(f"metrics/{kind}.jsonl"))
        return self._history

    @property
    def platform(self) -> dict[str, Any]:
        """The machine, the Python and what it has imported."""
        facts = self.facts
        return {**(facts.platform if facts is not None else {}), **about()}

    @property
    def git(self) -> dict[str, Any]:
        """Where the repository stood: commit, branch, dirty, remote, entrypoint."""
        facts = self.facts
        return dict(facts.git) if facts is not None else {}

    def update(
        self,
        name: str | None = None,
        *,
        label: str | None = None,
        labels: Sequence[str] | None = None,
        description: str | None = None,
    ) -> None:
        """Say otherwise what it is, before it ends. None leaves a part as it is."""
        try:
            self._check()
            if self._recording is not None:
                self._recording.update(
                    message=name, label=label, labels=labels, description=description
                )
            else:
                self.describe(labels=labels, description=description)
        except FAULTS as error:
            self._note(said(error))

    def mark_input(self, resource: object) -> None:
        """Record that it read an artifact (a value, or what names one), or another resource: a
        dictionary with its `kind` and `id`."""
        self.mark(resources.USED, resource)

    def mark_output(self, resource: object) -> None:
        """Record that it made an artifact, or another resource; see `mark_input`."""
        self.mark(resources.GENERATED, resource)

    def configure(self, new: Mapping[str, Any], gone: Sequence[str] = ()) -> None:
        """Set parameters of its config, and take away those in `gone`."""
        try:
            self._check()
            parts.merge(self.folder / parts.CONFIG, new, gone)
        except FAULTS as error:
            self._note(said(error))

    def mark(self, role: str, resource: object) -> None:
        """Record that it `used` or `generated` something; see `mark_input`."""
        try:
            self._check()
            record = resources.record_of(resource, self.project)
            resources.note(self.folder, role, record)
        except FAULTS as error:
            self._note(said(error))

    def use_artifact(self, artifact: str) -> Path:
        """A folder with the files of an artifact, which the run is recorded to have read.

        Nothing may be written there. Raises ArtifactNotFound, AmbiguousId, ContentMissing,
        RemoteError; NotARepository in a task that was not given it and cannot reach it.
        """
        found = resources.given(self.folder, artifact)
        if found is not None:
            return found
        made, path = resources.fetched(origin.required(self.project), artifact)
        self.mark_input(made)
        return path

    def log_artifact(
        self, name: str, paths: str | Sequence[str], *, collection: str | None = None, **about: Any
    ) -> Artifact | None:
        """Make a version of an artifact, which the run is recorded to have made.

        `paths` are `src` or `src>dest`; `about` are `message`, `label`, `metadata` and
        `references`. None in a task that cannot reach the repository: then it is made when the
        task's run is recorded. Raises PathDoesNotExist, ValidationFailed, NoSpace.
        """
        from git_datmo.api import artifact as artifacts

        listed = [paths] if isinstance(paths, str | os.PathLike) else list(paths)
        named = [os.fspath(path) for path in listed]
        project = self.project
        if project is None:
            resources.handed_over(self.folder, name, named, collection)
            if about:
                self._note(f"the artifact {name} is made without its {', '.join(sorted(about))}")
            return None
        made = artifacts.create(project, name=name, paths=named, collection=collection, **about)
        self.mark_output(made)
        return made

    def finish(self, exit_code: int = 0, reason: str | None = None) -> Run | None:
        """End it: a success with exit code 0, a failure with any other, stopped with 130.

        `reason` is a sentence about a failure. Returns the recorded run: None where this run was
        attached, where another process started it, and where it could not be recorded, which is
        said in the log. Twice is fine.
        """
        if not self._finishing.acquire(blocking=False):
            return self.run
        mine = self._process == os.getpid()
        if self._config is not None:
            self._config.flush()
        if self._copy is not None and mine:
            self._copy.end()
        if self._history is not None:
            self._history.look()
        if self.failures > 1:
            first = f"{self.failures} calls could not be recorded: {'; '.join(self.problems)}"
            warn(first)
        self.close()
        current.leave(self)
        atexit.unregister(self._at_end)
        if self._recording is not None and mine:
            for name, value in self._outer.items():
                current.set_variable(name, value)
            try:
                self.run = self._recording.finish(exit_code & 0xFF, reason)
            except FAULTS as error:
                warn(f"run {self.id[:12]} could not be recorded: {said(error)}")
        return self.run

    def upload(self, folder: str = "default", **wish: Any) -> Placed | None:
        """Share it, once it is recorded, and put it into a folder of a remote; `wish` are the
        keywords of `folder.put`: remote, make_folder, conflict_strategy, name.

        Raises RunUnderWay before its end, and what `folder.put` raises.
        """
        from git_datmo.api import folder as folders

        if self.run is None or self.project is None:
            raise RunUnderWay(f"the run {self.id[:12]} is not recorded yet", hint="finish() it")
        return folders.put(self.project, id=self.run.id, folder=folder, **wish)

    def __enter__(self) -> TrackedRun:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.finish(*ending(error))

    def __repr__(self) -> str:
        state = "ended" if self._ended else "attached" if self.attached else "running"
        return f"<TrackedRun {self.id[:12]} {state}>"

    def begin(self, *, several: bool = False, at_end: Callable[[], object] | None = None) -> None:
        """Make this the run that `log` adds to, in the processes too that are started from here.

        With `several` it is one of many, and changes nothing around it. `at_end` is called when
        the program ends without `finish`.
        """
        if at_end is not None:
            self._at_end = at_end
        if not several:
            current.enter(self)
        if self._recording is not None and not several:
            self._outer = {name: os.environ.get(name) for name in (current.TASK, current.RUN)}
            current.set_variable(current.TASK, str(self.folder))
            current.set_variable(current.RUN, self.id)
        if self._recording is not None or at_end is not None:
            atexit.register(self._at_end)

    def capture(self, *paths: Path, earlier: Path | None = None) -> None:
        """Keep what the program prints as the run's log, and at the end of `paths` too; after
        what is in the file `earlier`."""
        if self._recording is not None:
            folder = self._recording.folder
            for name in ("log", "stdout") if earlier is not None else ():
                shutil.copyfile(str(earlier), folder / name)
            paths = (folder / "log", folder / "stdout", *paths)
        self._copy = stdout.copied(*paths)

    def last_words(self) -> tuple[int, str | None]:
        """The exit code and the reason of a program that ends now without `finish`."""
        error = last_error()
        if error is not None and error is not self._last and not interactive():
            return ending(error)
        return 0, UNFINISHED

    def close_forgotten(self) -> None:
        """End at the end of the program: with what ended it, as far as that can be known."""
        if not self._ended and self._process == os.getpid():
            self.finish(*self.last_words())
