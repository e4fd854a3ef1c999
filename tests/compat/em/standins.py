"""The protocols of Keras and Lightning, as they document them, with nothing to train behind.

`.ci/callbacks` checks the callbacks with the real packages; this keeps them honest without.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import ModuleType, SimpleNamespace
from typing import Any


class Tensor:
    """A number on a device: `float()` and `int()` are all that it can be asked for."""

    def __init__(self, value: float) -> None:
        self._value = value

    def __float__(self) -> float:
        return self._value

    def __int__(self) -> int:
        return int(self._value)


class Version(str):
    """What compares with other versions, as `torch.__version__` does."""


class KerasCallback:
    """`keras.callbacks.Callback`: a model, and hooks that do nothing."""

    def __init__(self) -> None:
        self.params: Any = None
        self._model: Any = None

    def set_params(self, params: Any) -> None:
        self.params = params

    def set_model(self, model: Any) -> None:
        self._model = model

    @property
    def model(self) -> Any:
        return self._model

    def __getattr__(self, name: str) -> Any:
        if name.startswith("on_"):
            return lambda *args, **words: None
        raise AttributeError(name)


class Optimizer:
    def __init__(self) -> None:
        self.iterations: Any = 0

    def get_config(self) -> dict[str, Any]:
        return {"name": "sgd", "learning_rate": Tensor(0.5), "clipnorm": None}


class Model:
    """What was compiled, and `fit` and `evaluate` calling the hooks in Keras' order."""

    def __init__(self, loss: Any, optimizer: Optimizer | None) -> None:
        self.loss = loss
        self.optimizer = optimizer

    def fit(
        self,
        epochs: Sequence[Sequence[Mapping[str, Any]]],
        callback: Any,
        validated: Mapping[str, Any],
    ) -> None:
        """Each epoch a list of batches, each batch its logs."""
        assert isinstance(callback, KerasCallback)
        callback.set_params({})
        callback.set_model(self)
        callback.on_train_begin()
        for number, batches in enumerate(epochs):
            callback.on_epoch_begin(number)
            logs: Mapping[str, Any] = {}
            for batch, logs in enumerate(batches):
                callback.on_train_batch_begin(batch)
                if self.optimizer is not None:
                    self.optimizer.iterations += 1
                callback.on_train_batch_end(batch, logs)
            callback.on_test_begin()
            callback.on_test_end(validated)
            callback.on_epoch_end(number, {**logs, **{f"val_{n}": v for n, v in validated.items()}})
        callback.on_train_end(logs)

    def evaluate(self, callback: Any, logs: Mapping[str, Any], *, at_end: bool = True) -> None:
        callback.set_model(self)
        callback.on_test_begin()
        callback.on_test_batch_begin(0)
        callback.on_test_batch_end(0, logs)
        callback.on_test_end(logs if at_end else None)


class Hooks:
    """Hooks that do nothing."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("on_"):
            return lambda *args, **words: None
        raise AttributeError(name)


class LightningCallback(Hooks):
    """`lightning.pytorch.Callback`."""


class PytorchLightningCallback(Hooks):
    """`pytorch_lightning.Callback`: another class, which the trainer of the first does not take."""


class Trainer:
    """Calls the hooks in Lightning's order; `reports` are what a module logs in each epoch:
    in its steps, at the end of the validation, and at the end of the epoch."""

    def __init__(self, callback: Any, *, rank: int = 0) -> None:
        assert isinstance(callback, LightningCallback)
        self.callback = callback
        self.is_global_zero = rank == 0
        self.sanity_checking = False
        self.callback_metrics: dict[str, Any] = {}
        self.global_step = 0
        self.current_epoch = 0

    def fit(self, module: Any, reports: Sequence[tuple[dict[str, float], ...]]) -> None:
        self._call("fit_start", module)
        self.sanity_checking = True
        self.validate(module, {"val_loss": 99.0})
        self.sanity_checking = False
        self.callback_metrics.clear()
        for steps, validation, late in reports:
            self._call("train_epoch_start", module)
            self.global_step += 4
            self._report(steps)
            self.validate(module, validation)
            self._call("train_epoch_end", module)
            self._report(late)
            self.current_epoch += 1
        self._call("train_end", module)
        self._call("fit_end", module)

    def validate(self, module: Any, validation: dict[str, float]) -> None:
        self._call("validation_epoch_end", module)
        self._report(validation)
        self._call("validation_end", module)

    def test(self, module: Any, tested: dict[str, float]) -> None:
        self._report(tested)
        self._call("test_end", module)

    def _report(self, values: dict[str, float]) -> None:
        self.callback_metrics.update({name: Tensor(value) for name, value in values.items()})

    def _call(self, hook: str, module: Any) -> None:
        getattr(self.callback, f"on_{hook}")(self, module)


def package(**parts: Any) -> ModuleType:
    """A module that has these."""
    made = ModuleType("stand_in")
    vars(made).update(parts)
    return made


KERAS = package(callbacks=SimpleNamespace(Callback=KerasCallback))
LIGHTNING = package(Callback=LightningCallback)
PYTORCH_LIGHTNING = package(Callback=PytorchLightningCallback)
