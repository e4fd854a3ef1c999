"""Run two trainings, and keep a snapshot of the better one."""

import git_datmo as datmo

runs = {penalty: datmo.task.run(f"python3 train.py --C {penalty}") for penalty in (1, 10)}
for penalty, run in runs.items():
    print(f"C = {penalty}: accuracy {run.results['accuracy']}")

best = max(runs, key=lambda penalty: runs[penalty].results["accuracy"])
kept = datmo.snapshot.create(message=f"C = {best}", label="best", run_id=runs[best])
print(f"kept: {kept.message}, accuracy {kept.stats['accuracy']}")
