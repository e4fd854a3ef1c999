"""git datmo plot: what it draws, which files it writes, and what it says when there is nothing."""

from __future__ import annotations

import math
import re
import sys
from pathlib import Path

import pytest

from git_datmo.model.series import line
from git_datmo.ui import fonts
from tests.kit.laboratory import Laboratory, decay
from tests.kit.program import datmo
from tests.kit.terminal import on_terminal


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Laboratory:
    """Two runs with losses, and a newer one without points."""
    made = Laboratory.at(tmp_path / "lab")
    monkeypatch.chdir(made.repo.path)
    for lr in (0.1, 0.01):
        losses = {"loss": decay(50, 3)}
        made.run(
            f"lr-{lr}",
            config={"lr": lr},
            points={"train": {**losses, "acc": [n / 50 for n in range(50)]}, "val": losses},
            system=[{"time": float(t), "cpu": 50.0 + t} for t in range(5)],
        )
    made.run("silent")
    return made


def test_it_draws_plainly_into_a_pipe(lab: Laboratory):
    text = datmo("plot", "loss").stdout
    lines = text.splitlines()
    assert lines[0] == "loss over step"
    assert max(map(len, lines)) <= 80
    assert "\x1b" not in text
    for name in ("lr-0.1 train", "lr-0.01 train", "lr-0.1 val", "lr-0.01 val"):
        assert re.search(rf"^  \S {name} +least 0\.\d+, greatest 1, last 0\.\d+", text, re.M)
    one = datmo(
        "plot", "val/loss", lab.runs["lr-0.1"].id, "-x", "epoch", "--smoothing", "0.5"
    ).stdout
    assert one.startswith("loss over epoch (lr-0.1)\n")
    assert "smoothed by 0.5" in one
    every = datmo("plot").stdout
    assert "acc over step" in every
    assert "loss over step" in every
    assert "cpu" not in every
    system = datmo("plot", "--type", "system", "-x", "time", "-n", "1").stdout
    assert system.startswith("cpu over seconds since the start (lr-0.01)\n")


def test_it_draws_at_the_width_of_a_terminal_in_colour(
    lab: Laboratory, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "xterm-256color")
    code, text = on_terminal(["plot", "acc"], columns=60)
    plain = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in text.splitlines()]
    assert code == 0
    assert "\x1b[38;5;33m" in text
    assert 50 < max(map(len, plain)) <= 60


def test_files_are_written_each_in_its_form(lab: Laboratory):
    looks = ("--color-by", "config.lr", "--log-y")
    files = ("--html", "out/page.html", "--png", "out/a.png", "--svg", "out/a.svg")
    done = datmo("plot", "loss,acc", *looks, *files)
    assert done.stdout.splitlines() == [
        f"Wrote {Path('out') / name}" for name in ("page.html", "a.png", "a.svg")
    ]
    page = Path("out/page.html").read_text()
    assert '"name":"0.1 train"' in page
    assert "Plotly" in page
    assert Path("out/a.png").read_bytes().startswith(b"\x89PNG")
    assert "0.01 val" in Path("out/a.svg").read_text()
    refused = datmo("plot", "loss", "--png", "out/a.png/b.png", check=False)
    assert (refused.code, refused.stderr.count("error:")) == (2, 1)


def test_json_has_every_point_and_says_what_is_missing(lab: Laboratory):
    odd = [1.0, math.nan, 3.0, math.inf]
    lab.run("odd", points={"train": {"loss": odd}})
    many = lab.started("many")
    with (many.task / "metrics.jsonl").open("ab") as file:
        for step in range(10_000):
            file.write(line({"loss": step % 7}, type="train", step=step, time=1.0))
    many.finish(0)
    found = {one["title"]: one for one in datmo("plot", "train/loss", "--json").json()}
    assert found["odd"]["y"] == [1.0, 3.0]
    assert found["odd"]["x"] == [0.0, 2.0]
    assert found["odd"]["odd"] == [[1.0, "nan"], [3.0, "inf"]]
    assert found["lr-0.1"]["config"] == {"lr": 0.1}
    assert len(found["many"]["y"]) == 1000
    assert found["many"]["total"] == 10_000
    assert "2,000 of 10,000 points" in datmo("plot", "loss", many.id, "--points", "2000").stdout
    assert datmo("plot", "nothing", "--json").json() == []
    assert [one["title"] for one in datmo("plot", "loss", "--json", "-n", "1").json()] == ["many"]


def test_a_mean_is_one_curve_for_each_value(lab: Laboratory):
    lab.run("again", config={"lr": 0.1}, points={"train": {"loss": [3.0] * 60}})
    found = {
        one["title"]: one for one in datmo("plot", "train/loss", "--mean", "lr", "--json").json()
    }
    assert set(found) == {"lr: 0.1", "lr: 0.01"}
    assert found["lr: 0.1"]["y"][0] == 2.0
    assert found["lr: 0.1"]["band"]["runs"] == [2] * 50 + [1] * 10
    text = datmo("plot", "train/loss", "--mean", "config.lr").stdout
    assert re.search(r"^  \S 0\.1 +mean of 2 runs, last 3 \(3 to 3\)", text, re.M)
    datmo("plot", "loss", "--mean", "lr", "--html", "m.html", "--png", "m.png")
    assert '"fill":"toself"' in Path("m.html").read_text()
    both = datmo("plot", "loss", "--mean", "lr", "--color-by", "seed", check=False)
    assert both.code == 2
    assert "exclude each other" in both.stderr


def test_letters_without_a_font_are_told(lab: Laboratory):
    lab.run("🚀", points={"train": {"loss": [1.0, 2.0]}})
    drawn = datmo("plot", "loss", "-n", "2", "--png", "a.png").stderr
    told = "note: no font that is installed here has 🚀: boxes in a.png"
    assert (told in drawn) == bool(fonts.lacking(["🚀"]))
    assert "boxes" not in datmo("plot", "loss", "-n", "2", "--svg", "a.svg").stderr


def test_more_runs_than_are_drawn_are_told(lab: Laboratory):
    few = datmo("plot", "loss", "-n", "1", "--json")
    assert "note: of the newest 1 runs" not in few.stderr
    assert "--limit takes more" in few.stderr
    assert datmo("plot", "loss").stderr == ""
    assert datmo("plot", "loss", lab.runs["lr-0.1"].id, "-n", "1").stderr == ""


def test_nothing_to_draw_is_said_with_what_there_is(lab: Laboratory):
    none = datmo("plot", "los", check=False)
    assert none.code == 3
    assert none.stdout == ""
    assert "nothing to draw: no run has points of 'los'" in none.stderr
    assert "there are train/loss, train/acc, val/loss" in none.stderr
    silent = datmo("plot", "loss", lab.runs["silent"].id, "--png", "a.png", check=False)
    assert "nothing to draw: this run has no points of 'loss'" in silent.stderr
    assert not Path("a.png").exists()
    typed = datmo("plot", "loss", "--type", "test", check=False).stderr
    assert "no run has points of 'loss' of type test" in typed
    wrong = "note: none of these runs has the setting 'rl'"
    assert wrong in datmo("plot", "loss", "--mean", "rl").stderr
    assert wrong in datmo("plot", "loss", "--color-by", "rl").stderr
    assert datmo("plot", "loss", "no-such-run", check=False).code == 3
    assert datmo("plot", "loss", "--where", "(", check=False).code == 2
    assert datmo("plot", "loss", "--smoothing", "1", check=False).code == 2


def test_a_run_whose_points_are_not_here_does_not_hide_the_others(lab: Laboratory):
    lab.repo.git("config", "datmo.largeFile", "20k")
    gone = lab.run("gone", points={"train": {"loss": decay(2000, 3)}})
    store = lab.repo.path / ".git" / "datmo" / "store"
    kept = [path for path in store.rglob("*") if path.is_file() and path.stat().st_size > 20_000]
    assert kept, "the points lie in the store"
    for path in kept:
        path.unlink()
    done = datmo("plot", "loss")
    assert "lr-0.1 train" in done.stdout
    assert "gone" not in done.stdout
    assert "note: 1 run is left out, whose points are not here" in done.stderr
    assert datmo("plot", "loss", gone.id, check=False).code == 5
    assert "no curves: the content of" in gone._repr_html_()


def test_without_the_extra_it_says_what_to_install(lab: Laboratory, tmp_path: Path):
    """A finder that knows nothing of plotext and matplotlib stands for a plain installation."""
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "sitecustomize.py").write_text(
        "import importlib.util as util\n"
        "found = util.find_spec\n"
        "lacking = ('plotext', 'matplotlib', 'plotly', 'tsdownsample')\n"
        "util.find_spec = lambda name, *rest: None if name in lacking else found(name, *rest)\n"
    )
    plain = {"PYTHONPATH": str(hidden)}
    for flags, needs in (
        ((), "plotext"),
        (("--png", "a.png"), "matplotlib"),
        (("--html", "a.html"), "plotly"),
        (("--points", "10"), "tsdownsample"),
    ):
        done = datmo("plot", "loss", *flags, check=False, env=plain)
        assert done.code == 4, done.stderr
        assert f"needs packages that are not installed: {needs}" in done.stderr
        assert "pip install 'git-datmo[ui]'" in done.stderr
    assert len(datmo("plot", "loss", "--json", env=plain).json()) == 4


def test_help_loads_no_library(lab: Laboratory):
    import subprocess

    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "git_datmo", "plot", "-h"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert not re.search(r"\b(numpy|plotext|matplotlib|plotly|orjson)\b", done.stderr)
