# mypy: ignore-errors
"""A file says what the run is, and says it before the arguments."""

import os

import t9k.em as em

config = os.path.join(os.path.dirname(os.path.abspath(__file__)), "config.yaml")
run = em.create_run(
    config_path=config,
    name="from_arguments",
    hparams={"lr": 0.1},
    description="what the arguments say",
    auto_upload=False,
    folder_path="unused",
)
assert (run.name, run.hparams["lr"]) == ("from_file", 0.5), run.to_dict()

with open("wrong.yaml", "w") as file:
    file.write("foo: 1\n")
for mistake in (
    lambda: em.create_run(config_path="wrong.yaml"),
    lambda: em.create_run(name="no such name!"),
    lambda: em.create_run(name="x" * 41),
    lambda: em.create_run(conflict_strategy="maybe"),
):
    try:
        mistake()
    except ValueError as error:
        print(error)
    else:
        raise SystemExit("a mistake went through")
run.finish()
