# mypy: ignore-errors
"""Files, folders and references as an artifact, and the ways out of it that there are not."""

import json
import os

from t9k import em

os.makedirs("images/cats", exist_ok=True)
for number in range(3):
    with open(f"images/cats/{number}.png", "wb") as file:
        file.write(bytes([number]) * 100)
with open("labels.csv", "w") as file:
    file.write("a,b\r\n1,2\r\n")

artifact = em.create_artifact(name="cats", labels=["data"], description="small cats")
artifact.add_file("labels.csv")
artifact.add_file("labels.csv", obj_path="tables/")
artifact.add_file("labels.csv", obj_path="/metadata.yaml")
artifact.add_dir("images", obj_path="raw/")
artifact.add_dir("images/")
artifact.add_reference("s3://bucket/huge.bin", obj_path="huge.bin")
artifact.add_reference("https://example.com/list.txt")

refused = {}
for name, call in {
    "missing": lambda: artifact.add_file("nowhere.txt"),
    "missing folder": lambda: artifact.add_dir("nowhere"),
    "reference": lambda: artifact.add_file("labels.csv", obj_path="huge.bin"),
    "file": lambda: artifact.add_reference("s3://x/y", obj_path="labels.csv"),
    "out": lambda: artifact.add_file("labels.csv", obj_path="../../escaped.csv"),
    "name": lambda: em.create_artifact(name="no/name"),
}.items():
    try:
        call()
    except (RuntimeError, ValueError) as error:
        kind = RuntimeError if isinstance(error, RuntimeError) else ValueError
        refused[name] = [kind.__name__, str(error)]

objects = artifact.objects
assert "images/cats/1.png" in objects
run = em.create_run(name="make_cats")
run.mark_output(artifact)
run.finish()
facts = {
    "objects": {path: dict(record) for path, record in objects.items()},
    "refused": refused,
    "local": str(artifact.local),
    "alternative_name": artifact.alternative_name,
    "dict": artifact.to_dict(),
    "associations": run.associations,
}
print(json.dumps(facts))
