"""Classify irises: settings from config.json, the accuracy into stats.json, and a model."""

import json
import pickle
from pathlib import Path

from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

config = json.loads(Path("config.json").read_text())
flowers, species = load_iris(return_X_y=True)
train, test, train_species, test_species = train_test_split(
    flowers, species, test_size=0.4, random_state=config["seed"], stratify=species
)
model = LogisticRegression(C=config["C"], max_iter=1000).fit(train, train_species)
accuracy = model.score(test, test_species)

Path("model.pkl").write_bytes(pickle.dumps(model))
Path("stats.json").write_text(json.dumps({"accuracy": round(accuracy, 4)}) + "\n")
