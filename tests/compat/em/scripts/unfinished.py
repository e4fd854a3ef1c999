# mypy: ignore-errors
"""Ends as it should not: by an error, by being killed, or without a word."""

import os
import signal
import sys

from t9k import em

run = em.create_run(name="unfinished", hparams={"end": sys.argv[1]})
print(run.local, flush=True)
for step in range(1000):
    run.log("train", {"loss": step}, step=step)
if sys.argv[1] == "error":
    raise RuntimeError("the disk is on fire")
if sys.argv[1] == "kill":
    os.kill(os.getpid(), signal.SIGKILL)
