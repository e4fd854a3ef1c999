"""Take the pictures of the pages anew: a real project, trained here, in Chromium.

    python docs/pictures.py

Needs what the tests need, and Chromium. Writes docs/how-to/pictures/*.png.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from playwright.sync_api import sync_playwright  # noqa: E402

from tests.kit.chromium import FLAGS, NARROW, Visitor, installed  # noqa: E402
from tests.kit.pages import Pages  # noqa: E402

PLACE = ROOT / "docs" / "how-to" / "pictures"
MOST = 60 * 1024  # bytes of a picture
WIDE = {"width": 1100, "height": 680}
TRIALS = [
    *((0.3, 16, "relu"), (0.03, 16, "relu"), (0.1, 64, "relu")),
    *((0.1, 32, "tanh"), (0.03, 64, "tanh"), (0.5, 32, "relu")),
]
TRAIN = '''\
"""Tell handwritten digits apart."""

import argparse

import git_datmo as datmo
from sklearn.datasets import load_digits
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

parser = argparse.ArgumentParser()
parser.add_argument("--rate", type=float, default=0.1)
parser.add_argument("--width", type=int, default=16)
parser.add_argument("--activation", default="relu")
given = parser.parse_args()

x, y = load_digits(return_X_y=True)
x, x_test, y, y_test = train_test_split(x / 16, y, random_state=1)
model = MLPClassifier(
    (given.width,), activation=given.activation, solver="sgd",
    learning_rate_init=given.rate, random_state=1,
)
datmo.log_config(vars(given))
for epoch in range(60):
    model.partial_fit(x, y, classes=range(10))
    for kind, data, truth in (("train", x, y), ("val", x_test, y_test)):
        datmo.log(kind, {
            "loss": log_loss(truth, model.predict_proba(data)),
            "accuracy": model.score(data, truth),
        }, step=epoch, epoch=epoch)
    print(f"epoch {epoch:2}  accuracy {model.score(x_test, y_test):.3f}")
datmo.log_result({"accuracy": model.score(x_test, y_test)})
'''


def main() -> None:
    PLACE.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "digits"
        ids = trained(root)
        with Pages(root) as pages, sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=installed(), args=FLAGS)
            pages.enter()
            for scheme, view in (("light", WIDE), ("dark", NARROW)):
                with Visitor(browser, pages, viewport=view, color_scheme=scheme) as visitor:
                    visitor.adopt(pages.cookie)
                    for name, path, head in shots(ids):
                        if (name == "narrow") == (view is NARROW):
                            page = visitor.go(path)
                            page.locator("h1, h2").filter(has_text=head).first.evaluate(
                                "one => scrollTo(0, one.getBoundingClientRect().top - 12)"
                            )
                            page.wait_for_timeout(300)
                            save(name, page.screenshot())
            browser.close()


def trained(root: Path) -> list[str]:
    """A project with a run for each trial; their ids."""
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    root.mkdir()
    (root / "train.py").write_text(TRAIN)
    (root / "requirements.txt").write_text("scikit-learn\n")
    run(root, "git", "init", "-q", "-b", "main")
    run(root, "git", "config", "user.name", "Ada Lovelace")
    run(root, "git", "config", "user.email", "ada@example.com")
    run(root, "git", "add", "-A")
    run(root, "git", "commit", "-qm", "Tell digits apart")
    datmo(root, "init", "--force")
    for rate, width, activation in TRIALS:
        given = ("--rate", str(rate), "--width", str(width), "--activation", activation)
        label = f"{activation}-{width}-{rate}"
        words = ("run", "--runner", "local", "-q", "--label", label, "--", "python", "train.py")
        datmo(root, *words, *given)
    return datmo(root, "ls", "--format", "csv", "--columns", "id").split()[1:]


def shots(ids: list[str]) -> list[tuple[str, str, str]]:
    """(name of the picture, address, the heading that it begins at)."""
    chosen = "&".join(f"id={one}" for one in ids)
    return [
        ("runs", "/runs?sort=-results.accuracy", "Runs"),
        ("run", f"/runs/{ids[1]}", "Metrics"),
        ("compare", f"/compare?{chosen}", "Curves"),
        ("parallel", f"/compare?{chosen}", "Parallel"),
        ("narrow", f"/runs/{ids[1]}", "Metrics"),
    ]


def save(name: str, data: bytes) -> None:
    """As few colours as it takes to be small."""
    from PIL import Image

    picture = Image.open(io.BytesIO(data)).convert("RGB")
    for colors in (256, 128, 64, 32, 16):
        packed = io.BytesIO()
        picture.quantize(colors).save(packed, "PNG", optimize=True)
        if packed.tell() <= MOST:
            break
    (PLACE / f"{name}.png").write_bytes(packed.getvalue())


def datmo(root: Path, *words: str) -> str:
    return run(root, sys.executable, "-m", "git_datmo", *words)


def run(root: Path, *words: str | os.PathLike[str]) -> str:
    return subprocess.run(words, cwd=root, check=True, stdout=subprocess.PIPE, text=True).stdout


if __name__ == "__main__":
    main()
