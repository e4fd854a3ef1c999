"""The callbacks with the real Keras and Lightning; `.ci/callbacks` installs them and runs this.

The rest of the tests does without: see test_callbacks.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any

import pytest

from git_datmo import em
from tests.kit.git import Repo


@pytest.fixture
def run(project: Repo) -> Iterator[em.Run]:
    made = em.create_run(name="watched")
    yield made
    made.finish()


def series(run: em.Run, kind: str) -> list[tuple[int, int | None, set[str]]]:
    """The step, the epoch and the names of each point."""
    return [
        (point["sequence"]["step"], point["sequence"]["epoch"], set(point["value"]))
        for point in run.metrics[kind]
    ]


def keras_data() -> tuple[Any, Any]:
    numpy: Any = importlib.import_module("numpy")
    x = numpy.random.default_rng(1).random((64, 4)).astype("float32")
    return x, (x.sum(1) > 2).astype("float32")


def test_keras(run: em.Run):
    keras: Any = importlib.import_module("keras")
    from git_datmo.compat.em.keras import EMEvalCallback, EMFitCallback

    x, y = keras_data()
    model = keras.Sequential([keras.layers.Dense(1, activation="sigmoid")])
    decay = keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)
    model.compile(
        optimizer=keras.optimizers.Adam(decay),
        loss=keras.losses.binary_crossentropy,
        metrics=["accuracy"],
    )
    watch = EMFitCallback(run)
    assert isinstance(watch, keras.callbacks.Callback)
    history = model.fit(
        x, y, epochs=2, batch_size=16, validation_split=0.25, callbacks=[watch], verbose=0
    ).history
    assert series(run, "train") == [(3, 1, {"loss", "accuracy"}), (6, 2, {"loss", "accuracy"})]
    assert series(run, "val") == series(run, "train")
    assert [p["value"]["loss"] for p in run.metrics["val"]] == history["val_loss"]
    assert run.hparams["optimizer"]["learning_rate"]["config"]["decay_rate"] == 0.9
    assert run.hparams["lossType"] == "binary_crossentropy"
    assert run.hparams["metricTypes"] == ["accuracy"]

    tested = model.evaluate(x, y, callbacks=[EMEvalCallback(run)], verbose=0)
    assert series(run, "test") == [(6, None, {"loss", "accuracy"})]
    assert run.metrics["test"][0]["value"]["loss"] == pytest.approx(tested[0])


def test_keras_with_a_loop_of_ones_own(run: em.Run):
    keras: Any = importlib.import_module("keras")
    from git_datmo.compat.em.keras import EMFitCallback

    x, y = keras_data()
    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile(optimizer="sgd", loss="mse")
    hooks = keras.callbacks.CallbackList([EMFitCallback(run)], model=model)
    hooks.on_train_begin()
    for batch in range(3):
        hooks.on_train_batch_begin(batch)
        hooks.on_train_batch_end(batch, model.train_on_batch(x, y, return_dict=True))
    hooks.on_train_end()
    assert series(run, "train") == [(1, None, {"loss"}), (2, None, {"loss"}), (3, None, {"loss"})]


@pytest.mark.parametrize("package", ["lightning.pytorch", "pytorch_lightning"])
def test_lightning(run: em.Run, package: str):
    pl: Any = importlib.import_module(package)
    torch: Any = importlib.import_module("torch")
    from git_datmo.compat.em.lightning import EMCallback

    class Module(pl.LightningModule):  # type: ignore[misc]
        def __init__(self, lr: float = 0.1, activation: Any = torch.nn.ReLU) -> None:
            super().__init__()
            self.save_hyperparameters()
            self.layer = torch.nn.Linear(4, 1)

        def loss(self, batch: Any) -> Any:
            return ((self.layer(batch[0]).squeeze() - batch[1]) ** 2).mean()

        def training_step(self, batch: Any, index: int) -> Any:
            found = self.loss(batch)
            self.log("train_loss", found)
            self.log("train_mse", found, on_step=False, on_epoch=True)
            return found

        def on_train_epoch_end(self) -> None:
            self.log("train_late", float(self.current_epoch))

        def validation_step(self, batch: Any, index: int) -> None:
            self.log("val_loss", self.loss(batch))

        def on_validation_epoch_end(self) -> None:
            self.log("val_acc", 0.5)

        def test_step(self, batch: Any, index: int) -> None:
            self.log("test_loss", self.loss(batch))

        def configure_optimizers(self) -> Any:
            return torch.optim.SGD(self.parameters(), lr=self.hparams["lr"])

    torch.manual_seed(1)
    data = torch.utils.data.TensorDataset(torch.rand(32, 4), torch.rand(32))
    loader = torch.utils.data.DataLoader(data, batch_size=8)
    trainer = pl.Trainer(
        max_epochs=2,
        callbacks=[EMCallback(run)],
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    module = Module()
    trainer.fit(module, loader, loader)
    trainer.test(module, loader, verbose=False)
    assert run.hparams["lr"] == 0.1
    assert "ReLU" in run.hparams["activation"]
    assert series(run, "train") == [
        (5, 1, {"loss"}),
        (5, 1, {"mse", "late"}),
        (9, 2, {"loss"}),
        (9, 2, {"mse", "late"}),
    ]
    assert [p["value"]["late"] for p in run.metrics["train"][1::2]] == [0.0, 1.0]
    assert series(run, "val") == [(5, 1, {"loss", "acc"}), (9, 2, {"loss", "acc"})]
    assert series(run, "test") == [(9, None, {"loss"})]
