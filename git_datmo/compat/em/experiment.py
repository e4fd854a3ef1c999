"""A run as t9k.em has it: a face over a run of `git_datmo.tracking`, with a local directory."""

from __future__ import annotations

import copy
import os
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from time import time
from typing import TYPE_CHECKING, Any

from git_datmo.compat.em import console, facts, layout, place, resumption, values
from git_datmo.compat.em.described import Described
from git_datmo.compat.em.facts import COMPLETE, ERROR
from git_datmo.compat.em.local import Local, documents
from git_datmo.compat.em.marks import Mark, naming
from git_datmo.model import series
from git_datmo.tracking.history import History
from git_datmo.tracking.params import Params
from git_datmo.tracking.sink import FAULTS, said
from git_datmo.tracking.tracked import UNFINISHED, TrackedRun

if TYPE_CHECKING:
    from git_datmo.compat.em.live import AutoUpload
    from git_datmo.model.run import Run as Recorded


class Run(Described):
    """One run. `metadata` has the keys of `to_dict()`; the others are what belongs to it.

    `create_run` and `load_run` make one. Made by hand it lies nowhere until it is changed or
    uploaded: then its local directory is written.
    """

    def __init__(
        self,
        metadata: Mapping[str, Any],
        hparams: Mapping[str, Any] | None = None,
        metrics: Mapping[str, Any] | None = None,
        platform: Mapping[str, Any] | None = None,
        git: Mapping[str, Any] | None = None,
        *,
        local: Path | None = None,
        run_id: str = "",
    ) -> None:
        super().__init__(metadata)
        self._local = Local(local or place.runs() / self.alternative_name)
        self._params = Params(None, hparams, watch=self._configured)
        self._platform, self._git = dict(platform or {}), dict(git or {})
        self._given = dict(metrics or {})
        self._history = History(self._local.points, values.entry)
        for point in values.points(self._given):
            self._history.add(point)
        self._id = run_id
        self._marked: list[Mark] = []
        self._resolver: Callable[[], list[Mark]] | None = None
        self._finished = False
        self._process = os.getpid()
        self._guard = threading.RLock()
        self._tracked: TrackedRun | None = None
        self._auto: AutoUpload | None = None
        self._recorder: Callable[[], Recorded | None] | None = None
        self._wish: dict[str, Any] | None = None
        self._before: str | None = None
        self._alone = self._theirs = False

    @property
    def hparams(self) -> Params:
        """Its parameters; what is set in them is recorded."""
        return self._params

    @hparams.setter
    def hparams(self, given: Mapping[str, Any]) -> None:
        if given is self._params:
            return
        new = Params(None, given).as_dict()
        for key in [key for key in self._params if key not in new]:
            del self._params[key]
        self._params.update(new)

    params = hparams
    _settle = resumption.settle

    @property
    def metrics(self) -> History[dict[str, Any]]:
        """What was logged, by type: `{"value": …, "sequence": {epoch, step, timestamp}}` each."""
        return self._history

    @property
    def platform(self) -> dict[str, Any]:
        """The machine and the Python: hostname, os, python, pypkgs, framework."""
        return copy.deepcopy(self._platform)

    @property
    def git(self) -> dict[str, Any]:
        """The repository of the script: repo_path, remote_url, branch, commit, is_dirty and
        entrypoint. Of a script outside of any there is the entrypoint alone."""
        return copy.deepcopy(self._git)

    @property
    def local(self) -> str:
        """Its local directory, from where the script was started."""
        return os.fspath(self._local.path)

    @property
    def run_id(self) -> str:
        """Its id in git-datmo; empty for one that was not recorded there."""
        return self._tracked.id if self._tracked is not None else self._id

    def update(
        self, new_params: Mapping[str, Any] | None = None, override: bool = True, **more: Any
    ) -> None:
        """Set parameters; see `Params.update`."""
        self._params.update(new_params, override, **more)

    def log(self, type: str, metrics: Mapping[str, Any], step: Any, epoch: Any = None) -> None:
        """Record values at a step: what `float` takes, and numpy's and torch's arrays of one.

        `type` is `train`, `val`, `test` or any other text. Raises ValueError and TypeError for
        what is no number. What cannot be written is said, and does not stop a training.
        """
        numbers = values.numbers(metrics)
        kind = type if isinstance(type, str) else str(type)
        step = values.scalar(step)
        epoch = None if epoch is None else values.scalar(epoch)
        if self._params._exposed:
            self._params.flush()
        if self._tracked is not None:
            self._tracked.log(numbers, None, step, epoch, type=kind)
            return
        if self._changes():
            self.log(kind, numbers, step, epoch)
            return
        line = series.line(numbers, type=kind, step=step, epoch=epoch, time=time())
        self._local.append(kind, line)

    def mark_input(self, resource: Any) -> None:
        """Record that it read an Artifact, a Model, Dataset, Branch, Tag or Commit, or something
        of git's. Raises TypeError for anything else."""
        self._mark("used", "inputs", resource)

    def mark_output(self, resource: Any) -> None:
        """Record that it made one; see `mark_input`. An artifact that changes after it is recorded
        again when the run finishes."""
        self._mark("generated", "outputs", resource)

    def finish(self, *args: Any, **kwargs: Any) -> None:
        """End it as `Complete`, and record it. A second call on one run is a RuntimeError."""
        del args, kwargs
        if self._finished:
            raise RuntimeError("Method finish can be called once only for each instance")
        if self._process == os.getpid():
            self._params.flush()
        if self._recorder is not None and self._tracked is None and self.status == COMPLETE:
            self._finished = True  # It was loaded, and nothing was added.
            return
        self._changes()
        self._end(COMPLETE, 0, None)

    def upload(
        self, folder: str = "default", make_folder: bool = False, conflict_strategy: str = "new"
    ) -> Any:
        """Send it to a folder of the chosen remote, its artifacts with it; see `em.upload`."""
        from git_datmo.compat.em import uploading

        return uploading.upload_run(
            self, folder=folder, make_folder=make_folder, conflict_strategy=conflict_strategy
        )

    @property
    def _task(self) -> Path | None:
        return self._tracked.folder if self._tracked is not None else None

    @property
    def _marks(self) -> list[Mark]:
        resolver, self._resolver = self._resolver, None
        if resolver is not None:
            self._marked = [*resolver(), *self._marked]
        return self._marked

    def _record(self) -> Recorded | None:
        """It as git-datmo recorded it, recorded first where it was not; None in a task, which is
        recorded when it ends. Raises RunUnderWay for one that another process has."""
        tracked = self._tracked
        if tracked is not None and (tracked.run or tracked.attached or not self._finished):
            return tracked.run
        self._begin()
        return self._recorder() if self._recorder is not None else resumption.late(self)

    def _save(self) -> None:
        with self._guard:
            if self._local.exists:
                self._local.write("metadata.yaml", self.to_dict())
            else:
                self._begin()

    def _begin(self) -> None:
        """Write the local directory, if there is none yet."""
        with self._guard:
            if self._local.exists:
                return
            self._local.make()
            for point in values.points(self._given):
                self._local.append(point.type, values.line(point))
            if self._given:
                self._given, self._history = {}, History(self._local.points, values.entry)
            listed = documents(self._metadata, self._params.as_dict(), self._platform, self._git)
            for name, content in reversed(listed.items()):
                self._local.write(name, content)
            self._local.index()

    def _changes(self) -> bool:
        """Before something is added to it: one that was loaded becomes a run of its own."""
        self._begin()
        mine = self._process == os.getpid() and not self._alone
        if self._tracked is None and self._recorder is not None and mine:
            with self._guard:
                if self._tracked is None:
                    self._alone = not resumption.resume(self)
                    return not self._alone
        return False

    def _start(self, tracked: TrackedRun, earlier: Path | None = None) -> None:
        """Be a run that this program is from here on."""
        auto = resumption.auto_upload(self)
        self._tracked, self._auto = tracked, auto
        self._local.hold()
        self._local.link(tracked.id)
        tracked.mirror(self._local.append)
        tracked.begin(several=True, at_end=self._forgotten)
        tracked.capture(self._local.log, earlier=earlier)
        if self._params:
            tracked.log_config(self._params.as_dict())
        if auto is not None:
            auto.start()

    def _configured(self, new: dict[str, Any], gone: list[str]) -> None:
        try:
            if not self._changes() and self._tracked is not None:
                self._tracked.configure(new, gone)
            self._local.write("hyperparameters.yaml", self._params.as_dict())
        except FAULTS as error:
            console.warning(f"parameters of {self.alternative_name}: {said(error)}")

    def _mark(self, role: str, key: str, resource: Any) -> None:
        from git_datmo.compat.em import resources

        project = self._project()
        association, record = resources.describe(resource, project)
        with self._guard:
            listed = self._metadata["associations"][key]
            same = [one for one in listed if naming(one) == naming(association)]
            if same:
                return
            self._changes()
            listed.append(association)
            self._marks.append(Mark(role, resource))
            self._save()
            if self._tracked is not None:
                self._tracked.mark(role, record)

    def _seal(self) -> None:
        """Record what was made once more, as it is in the end."""
        made = [m for m in self._marked if m.role == "generated" and hasattr(m.resource, "seal")]
        if self._tracked is not None and made:
            resumption.seal(self._tracked, made, self._project())

    def _end(self, status: str, code: int, reason: str | None) -> None:
        self._finished = True
        if self._process != os.getpid() or self._theirs:
            return  # A child of the script has it too, or another process: theirs is the end.
        self._params.flush()
        self._seal()
        self._metadata |= {"status": status, "endTimestamp": layout.now()}
        if self._tracked is not None:
            self._platform = facts.platform(self._tracked.platform)
            ended = self._tracked.finish(code, reason)
        try:
            self._save()
            self._local.write("platform.yaml", self._platform)
            if self._tracked is not None and ended is not None:
                self._local.link(ended.id, ended.commit)
        except FAULTS as error:
            console.warning(f"{self.alternative_name} could not be written: {said(error)}")
        if self._auto is not None:
            self._auto.finish()
        with suppress(OSError):
            self._local.release()

    def _forgotten(self) -> None:
        """The program ends, and nobody called finish."""
        if self._finished or self._tracked is None or self._process != os.getpid():
            return
        code, reason = self._tracked.last_words()
        self._end(ERROR, code or 1, reason or UNFINISHED)
