"""Tell three species of penguins apart by their measurements: softmax regression, no packages.

Reads config.json and data/penguins.csv; writes stats.json, model.json and decision_map.csv, what
the model says for each of many combinations of the first two measurements.
"""

from __future__ import annotations

import csv
import json
import math
import random
from pathlib import Path

Row = tuple[list[float], int]
Weights = list[list[float]]
SPECIES = ("Adelie", "Chinstrap", "Gentoo")
STEPS = 170  # points along each side of the map


def load(features: list[str]) -> list[Row]:
    """The penguins that were measured completely, as (measurements, number of the species)."""
    with open("data/penguins.csv", encoding="utf-8", newline="") as file:
        return [
            ([float(row[name]) for name in features], SPECIES.index(row["species"]))
            for row in csv.DictReader(file)
            if all(row[name] != "NA" for name in features)
        ]


def scale(rows: list[Row]) -> list[tuple[float, float]]:
    """Mean and standard deviation of each measurement."""
    columns = list(zip(*(values for values, _ in rows), strict=True))
    means = [sum(column) / len(column) for column in columns]
    return [
        (mean, math.sqrt(sum((x - mean) ** 2 for x in column) / len(column)))
        for column, mean in zip(columns, means, strict=True)
    ]


def predict(weights: Weights, inputs: list[float]) -> list[float]:
    """The probability of each species; the last weight is the bias."""
    scores = [sum(w * x for w, x in zip(row, inputs, strict=False)) + row[-1] for row in weights]
    powers = [math.exp(score - max(scores)) for score in scores]
    total = sum(powers)
    return [power / total for power in powers]


def train(rows: list[Row], epochs: int, learning_rate: float, order: random.Random) -> Weights:
    """Stochastic gradient descent on the cross entropy."""
    weights = [[0.0] * (len(rows[0][0]) + 1) for _ in SPECIES]
    for _ in range(epochs):
        order.shuffle(rows)
        for inputs, species in rows:
            for number, probability in enumerate(predict(weights, inputs)):
                step = learning_rate * ((number == species) - probability)
                for place, x in enumerate((*inputs, 1.0)):
                    weights[number][place] += step * x
    return weights


def score(weights: Weights, rows: list[Row]) -> tuple[float, float]:
    """Accuracy and mean cross entropy."""
    guesses = [(predict(weights, inputs), species) for inputs, species in rows]
    right = sum(guess.index(max(guess)) == species for guess, species in guesses)
    loss = -sum(math.log(max(guess[species], 1e-12)) for guess, species in guesses)
    return round(right / len(rows), 4), round(loss / len(rows), 4)


def draw_map(weights: Weights, features: list[str], sizes: list[tuple[float, float]]) -> None:
    """What the model says within three deviations of the mean, all other measurements average."""
    steps = [6 * step / (STEPS - 1) - 3 for step in range(STEPS)]
    (mean_x, deviation_x), (mean_y, deviation_y) = sizes[:2]
    rest = [0.0] * (len(sizes) - 2)
    with open("decision_map.csv", "w", encoding="utf-8", newline="") as file:
        file.write(",".join((*features[:2], "species", *SPECIES)) + "\n")
        for x in steps:
            for y in steps:
                guess = predict(weights, [x, y, *rest])
                where = f"{mean_x + x * deviation_x:.3f},{mean_y + y * deviation_y:.3f}"
                chances = ",".join(f"{probability:.6f}" for probability in guess)
                file.write(f"{where},{SPECIES[guess.index(max(guess))]},{chances}\n")


def main() -> None:
    config = json.loads(Path("config.json").read_text(encoding="utf-8"))
    features = config["features"]
    rows = load(features)
    order = random.Random(config["seed"])
    order.shuffle(rows)
    cut = len(rows) * 7 // 10
    sizes = scale(rows[:cut])
    rows = [
        ([(x - mean) / size for x, (mean, size) in zip(values, sizes, strict=True)], species)
        for values, species in rows
    ]
    training, test = rows[:cut], rows[cut:]
    weights = train(training, config["epochs"], config["learning_rate"], order)
    accuracy, loss = score(weights, test)
    stats = {"accuracy": accuracy, "loss": loss, "tested": len(test), "trained": len(training)}
    Path("stats.json").write_text(json.dumps(stats, indent=2) + "\n", encoding="utf-8")
    model = {"features": features, "scale": sizes, "species": SPECIES, "weights": weights}
    Path("model.json").write_text(json.dumps(model, indent=2) + "\n", encoding="utf-8")
    draw_map(weights, features, sizes)
    print(f"accuracy: {accuracy}\nloss: {loss}\ntested: {len(test)}")


if __name__ == "__main__":
    main()
