# mypy: ignore-errors
"""Parameters as items and as attributes, from arguments, numpy and a distributed model."""

import numpy as np
from t9k import em

run = em.create_run(name="params")
run.hparams.update({"batch_size": 32, "epochs": 10, "layers": (64, 32)})
run.hparams["lr"] = np.float64(0.25)
run.params.optimizer = "adam"
run.params.epochs = 3
run.update({"momentum": np.float32(0.5), "steps": np.int64(7), "flags": np.bool_(True)})
run.hparams.update({"lr": 99, "new": None}, override=False)
run.hparams["gone"] = 1
del run.hparams["gone"]

assert run.params is run.hparams
assert run.hparams.epochs == run.hparams["epochs"] == 3
assert "batch_size" in run.hparams, run.hparams
assert len(run.hparams) == 9, run.hparams
copy = run.hparams.as_dict()
copy["lr"] = 0
assert run.hparams["lr"] == 0.25

try:
    run.hparams["tags"] = {"a", "b"}
except TypeError as error:
    print(error)
else:
    raise SystemExit("a set went through")
run.hparams.parse()
run.finish()
print(em.load_run(run.local).hparams.as_dict())
