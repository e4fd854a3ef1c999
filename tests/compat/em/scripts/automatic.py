# mypy: ignore-errors
"""Uploaded by itself, while it runs and when it ends."""

from t9k import em

em.login()
run = em.create_run(
    name="automatic",
    hparams={"lr": 0.1},
    auto_upload=True,
    folder="live/runs",
    make_folder=True,
    conflict_strategy="error",
)
for step in range(1, 201):
    run.log("train", {"loss": 1 / step}, step=step)
run.finish()
print(run.alternative_name, *[record["path"] for record in run.remote])
