"""Classify irises, print the accuracy, leave a model."""

import argparse
import pickle
from pathlib import Path

from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--C", type=float, default=1.0)
penalty = parser.parse_args().C

flowers, species = load_iris(return_X_y=True)
train, test, train_species, test_species = train_test_split(
    flowers, species, test_size=0.4, random_state=0, stratify=species
)
model = LogisticRegression(C=penalty, max_iter=1000).fit(train, train_species)
Path("model.pkl").write_bytes(pickle.dumps(model))
print(f"accuracy: {model.score(test, test_species):.4f}")
