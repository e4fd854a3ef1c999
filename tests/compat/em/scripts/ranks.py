# mypy: ignore-errors
"""Two processes that both make a run, at once and with the same seed."""

import random
import subprocess
import sys

if len(sys.argv) > 1:
    from t9k import em

    random.seed(0)
    run = em.create_run(name="ranks", labels=[f"rank{sys.argv[1]}"])
    for step in range(100):
        run.log("train", {"rank": int(sys.argv[1])}, step=step)
    run.finish()
    print(run.local)
else:
    # sys.orig_argv: however this was started, so are the ranks.
    ranks = [subprocess.Popen([*sys.orig_argv, str(rank)]) for rank in range(2)]
    raise SystemExit(max(rank.wait() for rank in ranks))
