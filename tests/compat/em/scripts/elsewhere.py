# mypy: ignore-errors
"""On another machine: reads a run and an artifact from the folder that they were uploaded to."""

import sys

from t9k import em

for load in (em.load_run, em.load_artifact):
    try:
        load("nowhere/to/be/found")
    except OSError as error:
        if isinstance(error, RuntimeError):
            sys.stderr.write(f"{error}\n")
    else:
        raise SystemExit("found what is not there")

em.login()
run = em.load_run("image_classification/mnist_keras")
assert run.hparams["lr"] == 0.1, run.hparams
print(run.status, run.alternative_name, run.metrics["train"][0]["value"]["loss"])
print([record["action"] for record in run.remote])

name = next(each["name"] for each in run.associations["outputs"])
artifact = em.load_artifact("image_classification/weights")
assert artifact.alternative_name == name, (artifact.alternative_name, run.associations)
with open(f"{artifact.local}/model.bin") as file:
    print(file.read())
