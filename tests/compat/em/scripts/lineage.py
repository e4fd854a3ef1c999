# mypy: ignore-errors
"""One run makes a model, another one tests it; inputs of other kinds are named as well."""

import json
import sys

from t9k import em


class Dataset:
    """What t9k.ah gives for a data set: an id and a path."""

    id = "d-1"
    path = "/ada/dataset/mnist"


class Branch:
    """A branch of an asset."""

    def __init__(self):
        self.name = "v2"
        self.asset = Dataset()
        self.id = "d-1:v2"
        self.path = "/ada/dataset/mnist"


with open("model.bin", "wb") as file:
    file.write(b"weights" * 1000)

train = em.create_run(name="train_model")
train.mark_input(Dataset())
model = em.create_artifact(name="model")
model.add_file("model.bin")
train.mark_output(model)
train.mark_output(model)
train.finish()

loaded = em.load_artifact(model.local)
assert loaded.alternative_name == model.alternative_name
evaluation = em.create_run(name="test_model")
evaluation.mark_input(loaded)
evaluation.log("test", {"accuracy": 0.5}, step=1)
evaluation.finish()

for wrong in ({}, 3, None):
    try:
        evaluation.mark_input(wrong)
    except TypeError as error:
        sys.stderr.write(f"{error}\n")
    else:
        raise SystemExit("something strange was marked")
print(json.dumps({"train": train.associations, "test": evaluation.associations}))
print(train.alternative_name, evaluation.alternative_name, model.alternative_name)
