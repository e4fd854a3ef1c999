"""Callbacks for Keras: `fit` and `evaluate` logged into a run.

`EMFitCallback(run)` goes to `model.fit(callbacks=[…])`, `EMEvalCallback(run)` to
`model.evaluate(callbacks=[…])`. They work with Keras 3, with `tf.keras` and with `tf_keras`, and
are made when they are first asked for: importing this module loads none of them.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from git_datmo.tracking.parts import plain

if TYPE_CHECKING:
    from git_datmo.compat.em.run import Run

__all__ = ["EMEvalCallback", "EMFitCallback"]

_FRAMEWORKS = ("keras", "tf_keras")
_VALIDATION = "val_"


class Watcher:
    """What both callbacks know: the run, and how far the model has been trained."""

    # They take tensors as they are: turning them into numbers each batch would hold up a device.
    _supports_tf_logs = True
    _chief_worker_only = None
    model: Any

    def __init__(self, run: Run) -> None:
        super().__init__()
        self._supports_tf_logs = True
        self._run = run
        self._batches = 0

    def _step(self) -> int:
        """How often the optimizer has changed the weights; without one, batches seen."""
        iterations = getattr(getattr(self.model, "optimizer", None), "iterations", None)
        return self._batches if iterations is None else int(iterations)


class FitCallback(Watcher):
    """Logs `train` and `val` once an epoch, counted from 1; each batch where a loop of your own
    begins no epochs. The parameters gain `optimizer`, `lossType` and, at the end, `metricTypes`.
    """

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self._in_epochs = False
        self._names: dict[str, None] = {}

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        """Write down what the model was compiled with."""
        self._in_epochs = False
        found: dict[str, Any] = {}
        optimizer = getattr(self.model, "optimizer", None)
        if optimizer is not None:
            found["optimizer"] = optimizer.get_config()
        loss = _named(getattr(self.model, "loss", None))
        if loss is not None:
            found["lossType"] = loss
        if found:
            self._run.hparams.update(plain(found))

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """From here on each epoch is a point, and no batch is."""
        self._in_epochs = True

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """A point for the batch, outside of epochs."""
        self._batches += 1
        if not self._in_epochs:
            self._point("train", logs, None)

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """A point for the epoch, and one for its validation."""
        found = logs or {}
        tried = {name for name in found if name.startswith(_VALIDATION)}
        self._point("train", {n: v for n, v in found.items() if n not in tried}, epoch + 1)
        checked = {n.removeprefix(_VALIDATION): v for n, v in found.items() if n in tried}
        self._point("val", checked, epoch + 1)

    def on_train_end(self, logs: Mapping[str, Any] | None = None) -> None:
        """Write down which metrics there were."""
        self._run.hparams["metricTypes"] = [name for name in self._names if name != "loss"]

    def _point(self, kind: str, values: Mapping[str, Any] | None, epoch: int | None) -> None:
        if values:
            self._names.update(dict.fromkeys(values))
            self._run.log(kind, dict(values), step=self._step(), epoch=epoch)


class EvalCallback(Watcher):
    """Logs `test` at the end of `evaluate`, at the step that the model was trained to."""

    def on_test_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Keep the newest values: not every version gives them at the end."""
        self._seen = logs

    def on_test_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        """Forget an earlier evaluation."""
        self._seen = None

    def on_test_end(self, logs: Mapping[str, Any] | None = None) -> None:
        """The one point of an evaluation."""
        values = logs or self._seen
        if values:
            self._run.log("test", dict(values), step=self._step(), epoch=None)

    _seen: Mapping[str, Any] | None = None


if TYPE_CHECKING:
    EMFitCallback = FitCallback
    EMEvalCallback = EvalCallback


def _named(loss: Any) -> Any:
    """What people call a loss: text as it is, a function or an object by its name."""
    if loss is None or isinstance(loss, str):
        return loss
    if isinstance(loss, Mapping):
        return {str(key): _named(each) for key, each in loss.items()}
    if isinstance(loss, list | tuple):
        return [_named(each) for each in loss]
    for word in (getattr(loss, "name", None), getattr(loss, "__name__", None)):
        if isinstance(word, str) and word:
            return word
    return type(loss).__name__


def _bases() -> tuple[type, ...]:
    """The `Callback` of every Keras that is loaded; of the one to be used where none is yet."""
    legacy = os.environ.get("TF_USE_LEGACY_KERAS", "").lower() in ("1", "true")
    wanted = [name for name in _FRAMEWORKS if name in sys.modules]
    if legacy:
        wanted.append("tf_keras")
    found = _callbacks(wanted)
    for name in _FRAMEWORKS:
        found = found or _callbacks([name])
    if not found:
        raise ImportError("git_datmo.compat.em.keras needs Keras: pip install keras")
    return tuple(found)


def _callbacks(names: list[str]) -> dict[type, None]:
    found: dict[type, None] = {}
    for name in names:
        try:
            found[importlib.import_module(name).callbacks.Callback] = None
        except ModuleNotFoundError as error:
            if error.name != name:
                raise
    return found


def __getattr__(name: str) -> Any:
    face = {"EMFitCallback": FitCallback, "EMEvalCallback": EvalCallback}.get(name)
    if face is None:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    made = type(name, (face, *_bases()), {"__module__": __name__, "__doc__": face.__doc__})
    globals()[name] = made
    return made
