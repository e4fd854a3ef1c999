"""Train three models, record a snapshot of each, and ask for the best."""

import pickle
from pathlib import Path

from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

import git_datmo as datmo

flowers, species = load_iris(return_X_y=True)
train, test, train_species, test_species = train_test_split(
    flowers, species, test_size=0.4, random_state=0, stratify=species
)

for penalty in (1.0, 0.1, 0.01):
    model = LogisticRegression(C=penalty, max_iter=1000).fit(train, train_species)
    accuracy = round(model.score(test, test_species), 4)
    Path("model.pkl").write_bytes(pickle.dumps(model))
    datmo.snapshot.create(
        message=f"C={penalty}",
        config={"C": penalty},
        stats={"accuracy": accuracy},
    )
    print(f"C = {penalty}: accuracy {accuracy}")

best = datmo.snapshot.ls(sort="-stats.accuracy", limit=1)[0]
model = next(pickle.load(file) for file in best.get_files("rb") if file.name == "model.pkl")
print(f"best: C = {model.C}")
