# mypy: ignore-errors
"""Everything a run tells about itself, while it runs and afterwards."""

import json

from t9k import em

run = em.create_run(name="attributes", labels="one", description="all of it")
seen = {
    "status": [run.status],
    "start": run.start_timestamp,
    "end": [run.end_timestamp],
    "alternative_name": run.alternative_name,
    "local": str(run.local),
    "labels": list(run.labels),
    "description": run.description,
    "associations": run.associations is run.asso or run.associations == run.asso,
    "remote": run.remote,
    "git": dict(run.git),
    "platform": dict(run.platform),
}
run.finish()
seen["status"].append(run.status)
seen["end"].append(run.end_timestamp)
seen["dict"] = run.to_dict()

again = em.Run(seen["dict"])
assert again.to_dict() == seen["dict"], again.to_dict()
again.parse_from_dict({**seen["dict"], "name": "other"})
assert again.name == "other"

try:
    run.finish()
except RuntimeError as error:
    seen["twice"] = str(error)
print(json.dumps(seen))
