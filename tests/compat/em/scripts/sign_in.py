# mypy: ignore-errors
"""All forms of a login, and directories that the environment names."""

import os
import sys

from t9k import CONFIG, em

KEY = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"
CONFIG.update({"api_key": KEY, "aistore_host": "https://aistore.example/t9k/aistore/server"})

em.login()
em.login(None, None)
em.login("origin", KEY)
em.login(ais_host=sys.argv[1], api_key=KEY, timeout=3)
em.logout()
em.logout()
try:
    em.login("no-such-remote")
except ValueError as error:
    sys.stderr.write(f"{error}\n")
else:
    raise SystemExit("there is no such remote")

run = em.create_run(name="there")
artifact = em.create_artifact(name="there")
assert str(run.local).startswith(os.environ["EM_RUN_PARENT_DIR"]), run.local
assert str(artifact.local).startswith(os.environ["EM_ARTIFACT_PARENT_DIR"])
run.finish()
try:
    em.upload(os.environ["EM_RUN_PARENT_DIR"])
except RuntimeError as error:
    sys.stderr.write(f"{error}\n")
else:
    raise SystemExit("uploaded to nowhere")
em.login(sys.argv[1])
em.upload(os.environ["EM_RUN_PARENT_DIR"])
