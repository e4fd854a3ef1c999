# mypy: ignore-errors
"""Run it twice: the second upload to the same folder takes the alternative name."""

import sys

from t9k import em

strategy = sys.argv[1] if len(sys.argv) > 1 else "new"
run = em.create_run(name="mnist_keras", hparams={"lr": 0.1})
run.log("train", {"loss": 0.5}, step=1, epoch=1)
with open("model.bin", "wb") as file:
    file.write(run.alternative_name.encode())
model = em.create_artifact(name="weights")
model.add_file("model.bin")
run.mark_output(model)
run.finish()

try:
    run.upload(folder="image_classification", make_folder=True)
except RuntimeError as error:
    print(error)
em.login()
try:
    run.upload(folder="nowhere/at/all")
except ValueError as error:
    print(error)
run.upload(folder="image_classification", make_folder=True, conflict_strategy=strategy)
run.upload(folder="image_classification", conflict_strategy=strategy)
print(run.alternative_name, *[record["path"] for record in run.remote])
print(model.alternative_name, *[record["path"] for record in model.remote])
