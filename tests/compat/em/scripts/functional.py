# mypy: ignore-errors
"""As a Keras script is written: everything by the callbacks, the run at both ends."""

import keras
from t9k import em
from t9k.em.keras import EMEvalCallback, EMFitCallback

run = em.create_run(name="functional")
model = keras.Model("mse", keras.Optimizer())
model.fit([[{"loss": 0.5}]] * 2, EMFitCallback(run), {"loss": 0.25})
model.evaluate(EMEvalCallback(run), {"loss": 0.125})
run.finish()
