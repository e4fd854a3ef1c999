"""What notebooks show: tables that are escaped, with curves that need no library."""

from __future__ import annotations

import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

import git_datmo
from git_datmo.errors import (
    ContentMissing,
    FileIOError,
    MutuallyExclusiveArguments,
    UsageError,
)
from git_datmo.model.artifact import Artifact, Entry
from git_datmo.model.listing import Listing
from git_datmo.model.run import Facts, Run
from git_datmo.model.series import line
from git_datmo.model.sparkline import sparkline
from tests.kit.laboratory import Laboratory, decay

HOSTILE = "<img src=x onerror=alert(1)>"


class Markup(HTMLParser):
    """The tags and the text of what a notebook would show; fails on what is not closed."""

    def __init__(self, value: object) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.cells: list[str] = []
        self._open: list[str] = []
        self.feed(value._repr_html_())  # type: ignore[attr-defined]
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self._open.append(tag)
        assert not any(name.startswith("on") for name, _ in attrs)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.cells.append(data)


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Laboratory:
    made = Laboratory.at(tmp_path / "lab")
    monkeypatch.chdir(made.repo.path)
    made.run(
        HOSTILE,
        config={"lr": 0.1, "model": {"name": HOSTILE}},
        points={"train": {"loss": decay(50, 3)}, "val": {HOSTILE: [1.0, float("nan"), 3.0]}},
        stats={"score": 0.123456789},
    )
    made.run("silent")
    return made


def test_a_run_has_its_facts_and_a_curve_for_each_metric(lab: Laboratory):
    shown = Markup(lab.runs[HOSTILE])
    assert shown.tags.count("svg") == 2
    assert "img" not in shown.tags
    assert "0.123457" in shown.cells
    assert shown.cells[shown.cells.index("config.model.name") + 1] == HOSTILE
    assert {"train/loss", f"val/{HOSTILE}", "50"} <= set(shown.cells)
    assert "svg" not in Markup(lab.runs["silent"]).tags


def test_a_run_under_way_shows_its_points_so_far(lab: Laboratory):
    going = lab.started("going", points={"train": {"loss": [3.0, 2.0]}})
    shown = Markup(git_datmo.run.inspect(going.id))
    assert "running" in shown.cells
    assert shown.tags.count("svg") == 1
    going.finish(0)


def test_lists_have_curves_and_an_end(lab: Laboratory):
    shown = Markup(git_datmo.run.ls())
    assert {"train/loss", f"val/{HOSTILE}", "config.lr"} <= set(shown.cells)
    assert shown.tags.count("svg") == 2
    assert shown.tags.count("tr") == 3
    lab.snapshot("s", config={"a": HOSTILE}, stats={"b": 1})
    assert {"config.a", HOSTILE, "stats.b"} <= set(Markup(git_datmo.snapshot.ls()).cells)
    assert HOSTILE in Markup(git_datmo.snapshot.ls()[0]).cells
    many = Listing([Run(Facts(id=f"{n:040x}")) for n in range(100)])
    told = Markup(many)
    assert told.tags.count("tr") == 61
    assert "and 40 more rows: .to_dataframe() has all" in told.cells
    assert Markup(Listing([])).tags[0] == "table"


def test_artifacts_name_their_objects():
    entries = tuple(Entry(f"{HOSTILE}{n}", size=n) for n in range(30))
    made = Artifact("a" * 40, "models", "net", 3, metadata={"k": HOSTILE}, entries=entries)
    shown = Markup(made)
    assert {"models/net:v3", "metadata.k", HOSTILE, f"{HOSTILE}19"} <= set(shown.cells)
    assert "and 10 more objects" in shown.cells


def test_what_cannot_be_seen_is_shown():
    """Marks that turn the direction of writing make a name look like another; bytes that are no
    text cannot be written by a notebook at all."""
    odd = "gnp.\u202egnp.exe\x1b[2J \udcff"
    entries = (Entry(odd, size=1),)
    made = Artifact("a" * 40, "models", "net", 3, metadata={odd: odd}, entries=entries)
    shown = made._repr_html_()
    assert shown.count("gnp.\\u202egnp.exe\\x1b[2J \\xff") == 3
    assert shown.encode().isascii()
    assert "\\u202e" in sparkline([1.0, 2.0], title=odd)


def test_curves_are_a_verb_and_draw_themselves(lab: Laboratory):
    found = git_datmo.curves("loss")
    assert [(one.type, one.name, one.total) for one in found] == [("train", "loss", 50)]
    assert git_datmo.curves("loss", [lab.runs[HOSTILE]]) == found
    assert git_datmo.curves.series(lab.runs[HOSTILE].id)[0].total == 50
    assert Markup(found).tags.count("svg") == Markup(found[0]).tags.count("svg") == 1


def test_curves_are_drawn_over_each_other(lab: Laboratory, tmp_path: Path):
    lab.run("other", config={"lr": 0.2}, points={"train": {"loss": decay(20, 3)}})
    drawn = git_datmo.plot("loss", color_by="config.lr", log_y=True)
    assert repr(drawn) == "<Plot of 2 curves>"
    assert [one.config["lr"] for one in drawn.curves] == [0.2, 0.1]
    assert drawn.color_by == ("lr",)
    shown = Markup(drawn)
    assert shown.tags == ["img"]
    for name, begin in (("a.html", b"<!doctype"), ("b/c.PNG", b"\x89PNG"), ("d.svg", b"<?xml")):
        assert drawn.save(tmp_path / name).read_bytes().startswith(begin)
    with pytest.raises(UsageError, match=r"cannot draw into curves\.pdf"):
        drawn.save("curves.pdf")
    assert git_datmo.plot("loss", mean="lr").color_by == ("lr",)
    with pytest.raises(MutuallyExclusiveArguments):
        git_datmo.plot("loss", mean="lr", color_by="seed")
    assert "no curves" in Markup(git_datmo.plot("nothing")).cells
    assert len(repr(drawn.curves)) < 1000


def test_reports_are_written(lab: Laboratory, tmp_path: Path):
    one = lab.runs[HOSTILE]
    for ids in (one, one.id, [one], one.id[:12]):
        found = git_datmo.report(ids, title="what came of it")
        assert [item.id for item in found.items] == [one.id]
    assert repr(found) == "<Report: what came of it>"
    assert found._repr_markdown_().startswith("## what came of it\n")
    assert found.markdown() == found.save(tmp_path / "r.md").read_text()
    assert found.save(tmp_path / "deep" / "r.html").read_text().startswith("<!doctype html>")
    with pytest.raises(UsageError, match=r"cannot be written as r\.txt"):
        found.save("r.txt")
    with pytest.raises(FileIOError, match="cannot write"):
        found.save(tmp_path / "r.md" / "r.md")
    assert len(git_datmo.report(git_datmo.run.ls()).items) == 2


def test_content_that_is_not_here_is_said():
    def reader(part: str) -> bytes:
        raise ContentMissing("no content", hint="git datmo pull --content")

    run = Run(Facts(id="a" * 40, commit="b" * 40, metrics={"train": {"loss": 1}}), reader=reader)
    assert "no curves: no content (git datmo pull --content)" in Markup(run).cells
    assert "svg" not in Markup(Listing([run])).tags


def test_a_long_log_is_sampled_and_said_to_be():
    log = b"".join(line({"a": n, "b": -n}, type="t", step=n, time=1.0) for n in range(30_000))
    run = Run(Facts(id="a" * 40, commit="b" * 40, metrics={"t": {"a": 1}}), reader=lambda _: log)
    drawn = run._repr_html_()
    assert "20,000 of 30,000 points" in drawn
    assert len(drawn) < 20_000


def test_nothing_of_the_extra_is_loaded(lab: Laboratory):
    script = (
        "import sys, git_datmo\n"
        "assert '<svg' in git_datmo.run.ls()._repr_html_()\n"
        "assert not {'numpy', 'plotly', 'matplotlib', 'plotext'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
