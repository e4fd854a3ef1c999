# mypy: ignore-errors
"""Metric types of all spellings, and values of all kinds that are one number."""

import math
import shutil

from t9k import em

run = em.create_run(name="types")
run.log("training", {"loss": 1}, step=1)
run.log("train", {"loss": True}, step=2, epoch=1)
run.log("evaluate", {"loss": "0.5"}, step=2)
run.log("gpu/0 übung", {"load": math.nan, "peak": math.inf}, step=-1.5)
for call, kind in (
    (lambda: run.log("train", {"loss": "abc"}, step=3), ValueError),
    (lambda: run.log("train", {"loss": [1, 2]}, step=3), TypeError),
    (lambda: run.log("train", {"loss": 1}), TypeError),
):
    try:
        call()
    except kind:
        continue
    raise SystemExit(f"no {kind.__name__}")

metrics = run.metrics
assert [p["value"]["loss"] for p in metrics["train"]] == [1.0, 1.0], metrics["train"]
assert metrics["test"][0]["value"] == {"loss": 0.5}
assert metrics["train"][1]["sequence"]["epoch"] == 1
assert metrics["train"][0]["sequence"]["epoch"] is None
assert math.isnan(metrics["gpu/0 übung"][0]["value"]["load"])
run.finish()
for where in (run.local, run.alternative_name):
    again = em.load_run(where)
    assert [p["value"] for p in again.metrics["train"]] == [{"loss": 1.0}] * 2, again.metrics
    assert math.isinf(again.metrics["gpu/0 übung"][0]["value"]["peak"])
    if where == run.local:
        shutil.rmtree(run.local)
