# mypy: ignore-errors
"""A training loop: logs each iteration without an epoch, with numbers that live on a device."""

import numpy as np
from t9k import em

hparams = {"lr": 0.01, "batch_size": 64, "epochs": 2}

em.login()
run = em.create_run(name="mnist_loop", hparams=hparams, labels=["mnist", "cnn"])

rng = np.random.default_rng(1)
weight = np.float32(5.0)
global_step = 0
for epoch in range(1, hparams["epochs"] + 1):
    for _ in range(50):
        global_step += 1
        x = rng.normal()
        loss = np.array((weight * x - x) ** 2)  # no dimensions, as a loss has none
        weight -= hparams["lr"] * 2 * (weight * x - x) * x
        run.log("train", {"loss": loss}, step=global_step)
    val = {"loss": np.float32((weight - 1) ** 2), "accuracy": np.array([0.5 + epoch / 10])}
    run.log(type="val", metrics=val, step=global_step, epoch=epoch)
    print(f"epoch {epoch}: weight {weight:.3f}")

run.log("test", {"accuracy": 0.75}, step=global_step)
run.finish()
