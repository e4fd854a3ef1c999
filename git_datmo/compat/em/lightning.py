"""A callback for Lightning: `fit`, `validate` and `test` logged into a run.

`EMCallback(run)` goes to `Trainer(callbacks=[…])`, of `lightning.pytorch` or of
`pytorch_lightning`. It is made when it is first asked for: importing this module loads neither.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from git_datmo.tracking.parts import plain

if TYPE_CHECKING:
    from git_datmo.compat.em.run import Run

__all__ = ["EMCallback"]

_FRAMEWORKS = ("lightning.pytorch", "pytorch_lightning")

Position = tuple[int, int | None]


class Epochs:
    """Logs the metrics of a module by the prefix of their names: `train_loss` as `loss` of
    `train`, `val_loss` of `val`, `test_loss` of `test`; `train/loss` counts as well.

    `val` is logged at the end of each validation, `train` there as far as it is new and at the end
    of each training epoch, `test` at the end of testing. The step is the trainer's plus 1, epochs
    count from 1. The parameters gain the hyperparameters of the module. In distributed training
    the first process logs, the others do nothing.
    """

    def __init__(self, run: Run) -> None:
        super().__init__()
        self._run = run
        self._said: dict[tuple[str, str], tuple[Position, float]] = {}
        self._epoch: Position | None = None
        self._fitting = False

    def on_fit_start(self, trainer: Any, pl_module: Any) -> None:
        """Write down what the module was made with."""
        self._said.clear()
        self._epoch = None
        self._fitting = True
        found = getattr(pl_module, "hparams", None)
        if isinstance(found, Mapping) and found and trainer.is_global_zero:
            self._run.hparams.update(plain(found))

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        """Note where the epoch ended: the module may report more after this."""
        self._epoch = _position(trainer)

    def on_train_epoch_start(self, trainer: Any, pl_module: Any) -> None:
        """A point for the epoch before."""
        if self._epoch is not None:
            self._log(trainer, "train", self._epoch)

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        """A point for the last epoch."""
        self.on_train_epoch_start(trainer, pl_module)

    def on_fit_end(self, trainer: Any, pl_module: Any) -> None:
        """From here on there is no epoch."""
        self._fitting = False

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        """A point for the validation, and one for what is new of the training."""
        if trainer.sanity_checking:
            return
        step, epoch = _position(trainer)
        if self._fitting:
            # What only an epoch's end computes is still that of the epoch before.
            self._log(trainer, "train", (step, epoch), all=False)
        self._log(trainer, "val", (step, epoch if self._fitting else None))

    def on_test_end(self, trainer: Any, pl_module: Any) -> None:
        """The one point of testing."""
        self._log(trainer, "test", (trainer.global_step + 1, None))

    def _log(self, trainer: Any, kind: str, position: Position, *, all: bool = True) -> None:
        """Log the metrics of a kind that were not logged there; without `all` only those whose
        value is another than last time."""
        if not trainer.is_global_zero:
            return
        new: dict[str, float] = {}
        for name, value in _metrics(trainer, kind).items():
            where, before = self._said.get((kind, name), (None, value))
            same = before == value or (before != before and value != value)
            if where is None or not same or (all and where != position):
                new[name] = value
                self._said[kind, name] = (position, value)
        if new:
            self._run.log(kind, new, step=position[0], epoch=position[1])


if TYPE_CHECKING:
    EMCallback = Epochs


def _position(trainer: Any) -> Position:
    return trainer.global_step + 1, trainer.current_epoch + 1


def _metrics(trainer: Any, kind: str) -> dict[str, float]:
    """The metrics of a kind that are one number, by their names without the prefix."""
    found = {}
    for name, value in trainer.callback_metrics.items():
        if name.startswith((f"{kind}_", f"{kind}/")):
            found[name[len(kind) + 1 :]] = float(value)
    return found


def _bases() -> tuple[type, ...]:
    """The `Callback` of every Lightning that is loaded; of all that there are where none is yet:
    a trainer takes only its own."""
    found = _callbacks([name for name in _FRAMEWORKS if name in sys.modules])
    found = found or _callbacks(list(_FRAMEWORKS))
    if not found:
        raise ImportError("git_datmo.compat.em.lightning needs Lightning: pip install lightning")
    return tuple(found)


def _callbacks(names: list[str]) -> dict[type, None]:
    found: dict[type, None] = {}
    for name in names:
        try:
            found[importlib.import_module(name).Callback] = None
        except ModuleNotFoundError as error:
            if error.name not in (name, name.partition(".")[0]):
                raise
    return found


def __getattr__(name: str) -> Any:
    if name != "EMCallback":
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    made = type(name, (Epochs, *_bases()), {"__module__": __name__, "__doc__": Epochs.__doc__})
    globals()[name] = made
    return made
