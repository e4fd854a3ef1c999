"""The callbacks for Keras and Lightning, called as those call them, and what runs hold then."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest

from git_datmo import em
from git_datmo.compat.em import keras, lightning
from tests.compat.em.standins import (
    KERAS,
    LIGHTNING,
    PYTORCH_LIGHTNING,
    KerasCallback,
    Model,
    Optimizer,
    PytorchLightningCallback,
    Tensor,
    Trainer,
    package,
)
from tests.kit.git import Repo

NAMES = ("keras", "tf_keras", "lightning", "lightning.pytorch", "pytorch_lightning")
MADE = ("EMFitCallback", "EMEvalCallback", "EMCallback")


@pytest.fixture(autouse=True)
def frameworks(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Stand-ins in the place of the packages, and callbacks made for them."""
    for name in NAMES:
        monkeypatch.setitem(sys.modules, name, package())
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "keras", KERAS)
    monkeypatch.setitem(sys.modules, "lightning.pytorch", LIGHTNING)
    forget()
    yield
    forget()


def forget() -> None:
    for module in (keras, lightning):
        for name in MADE:
            vars(module).pop(name, None)


@pytest.fixture
def run(project: Repo) -> Iterator[em.Run]:
    made = em.create_run(name="watched", hparams={"own": 1})
    yield made
    made.finish()


def points(run: em.Run, kind: str) -> list[tuple[dict[str, float], int, int | None]]:
    """The values, the step and the epoch of each point."""
    found = run.metrics[kind]
    return [(p["value"], p["sequence"]["step"], p["sequence"]["epoch"]) for p in found]


def test_keras_fit_and_evaluate(run: em.Run):
    model = Model("mse", Optimizer())
    logs = [{"loss": Tensor(0.5), "acc": 0.25}]
    model.fit([logs * 3, logs * 3], keras.EMFitCallback(run), {"loss": 0.75})
    assert points(run, "train") == [
        ({"loss": 0.5, "acc": 0.25}, 3, 1),
        ({"loss": 0.5, "acc": 0.25}, 6, 2),
    ]
    assert points(run, "val") == [({"loss": 0.75}, 3, 1), ({"loss": 0.75}, 6, 2)]
    assert "test" not in run.metrics
    assert run.hparams["own"] == 1
    assert run.hparams["optimizer"]["name"] == "sgd"
    assert run.hparams["optimizer"]["clipnorm"] is None
    assert run.hparams["lossType"] == "mse"
    assert run.hparams["metricTypes"] == ["acc"]

    model.evaluate(keras.EMEvalCallback(run), {"loss": 0.125})
    model.evaluate(keras.EMEvalCallback(run), {"loss": 0.0625}, at_end=False)
    assert points(run, "test") == [({"loss": 0.125}, 6, None), ({"loss": 0.0625}, 6, None)]


def test_keras_without_epochs_logs_batches(run: em.Run):
    optimizer = Optimizer()
    optimizer.iterations = Tensor(7)
    callback: Any = keras.EMFitCallback(run)
    callback.set_model(Model(None, optimizer))
    callback.on_train_begin()
    callback.on_train_batch_end(0, {"loss": 0.5})
    callback.on_train_batch_end(1, {})
    callback.on_train_end()
    assert points(run, "train") == [({"loss": 0.5}, 7, None)]
    assert "lossType" not in run.hparams

    callback.set_model(Model(None, None))
    callback.on_train_batch_end(2, {"loss": 0.25})
    assert points(run, "train")[1:] == [({"loss": 0.25}, 3, None)]


def crossentropy() -> None:
    """A loss as people write it."""


@pytest.mark.parametrize(
    ("loss", "name"),
    [
        (crossentropy, "crossentropy"),
        (SimpleNamespace(name="hinge"), "hinge"),
        (partial(crossentropy), "partial"),
        ({"a": crossentropy, "b": "mae"}, {"a": "crossentropy", "b": "mae"}),
        ([crossentropy, None], ["crossentropy", None]),
    ],
)
def test_a_loss_is_known_by_its_name(loss: Any, name: Any):
    run: Any = SimpleNamespace(hparams={})  # a mapping is all of a run that is asked for here
    callback: Any = keras.EMFitCallback(run)
    callback.set_model(Model(loss, None))
    callback.on_train_begin()
    assert run.hparams == {"lossType": name}


def test_keras_both_kinds_at_once(monkeypatch: pytest.MonkeyPatch):
    class Other:
        """The `Callback` of `tf_keras`."""

    monkeypatch.setitem(sys.modules, "tf_keras", package(callbacks=SimpleNamespace(Callback=Other)))
    assert issubclass(keras.EMEvalCallback, Other)
    assert issubclass(keras.EMEvalCallback, KerasCallback)


def test_lightning(run: em.Run):
    module = SimpleNamespace(hparams={"lr": 0.5, "act": Tensor})
    trainer = Trainer(lightning.EMCallback(run))
    trainer.fit(
        module,
        [
            (
                {"train_loss": 0.5, "train/lr": 0.1},
                {"val_loss": 0.75, "other": 1},
                {"train_acc": 0.2},
            ),
            ({"train_loss": 0.25}, {"val_loss": 0.75}, {"train_acc": 0.4}),
        ],
    )
    assert run.hparams["lr"] == 0.5
    assert "Tensor" in run.hparams["act"]
    # What is new at a validation comes there; the rest, with what came after it, at the end.
    assert points(run, "train") == [
        ({"loss": 0.5, "lr": 0.1}, 5, 1),
        ({"acc": 0.2}, 5, 1),
        ({"loss": 0.25}, 9, 2),
        ({"lr": 0.1, "acc": 0.4}, 9, 2),
    ]
    assert points(run, "val") == [({"loss": 0.75}, 5, 1), ({"loss": 0.75}, 9, 2)]

    trainer.test(module, {"test_loss": 0.125})
    assert points(run, "test") == [({"loss": 0.125}, 9, None)]
    trainer.global_step += 1
    trainer.validate(module, {"val_loss": 0.5})
    assert points(run, "val")[2:] == [({"loss": 0.5}, 10, None)]
    assert len(points(run, "train")) == 4


def test_lightning_logs_in_the_first_process_alone(run: em.Run):
    trainer = Trainer(lightning.EMCallback(run), rank=1)
    trainer.fit(SimpleNamespace(hparams={"lr": 1}), [({"train_a": 1.0}, {"val_a": 1.0}, {})])
    assert not run.metrics
    assert dict(run.hparams) == {"own": 1}


def test_lightning_under_either_name(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "pytorch_lightning", PYTORCH_LIGHTNING)
    assert issubclass(lightning.EMCallback, PytorchLightningCallback)
    forget()
    monkeypatch.delitem(sys.modules, "lightning.pytorch")
    assert lightning.EMCallback.__mro__[2] is PytorchLightningCallback


def test_what_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch):
    for name in ("keras", "lightning.pytorch"):
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "path", [])
    with pytest.raises(ImportError, match="pip install keras"):
        _ = keras.EMFitCallback
    with pytest.raises(ImportError, match="pip install lightning"):
        _ = lightning.EMCallback
    with pytest.raises(AttributeError):
        _ = lightning.nothing
