# mypy: ignore-errors
"""Several runs in one program, one inside the other, and an output that is printed all along."""

import sys

from t9k import em

before = sys.stdout
outer = em.create_run(name="outer")
print("to outer")
for number in range(2):
    inner = em.create_run(name=f"inner-{number}", labels=(f"n{number}",))
    print(f"to inner {number}")
    inner.log("train", {"loss": number}, step=number)
    inner.finish()
outer.log("train", {"loss": 5}, step=5)
print("to outer again")
outer.finish()
assert sys.stdout is before
print("to nobody")
print(outer.local)
