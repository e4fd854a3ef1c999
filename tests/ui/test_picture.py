"""Curves as pictures and as a page: what lies in the files, and what cannot get in."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser

import pytest

from git_datmo.model.curve import TIME, Curve
from git_datmo.model.sparkline import HEIGHT, WIDTH, sparkline
from git_datmo.ui import picture, plotpage, standalone
from git_datmo.ui.plot import Plot

HOSTILE = "</script><script>alert(1)</script><!--$x_{&"
FALLING = tuple(math.exp(-n / 20) for n in range(100))
STEPS = tuple(float(n) for n in range(100))


def curve(run: str = "r1", title: str = "first", type: str = "train", **more: object) -> Curve:
    known: dict[str, object] = {"name": "loss", "axis": "step", "x": STEPS, "y": FALLING}
    known |= {"total": 100} | more
    return Curve(run, title, type, **known)  # type: ignore[arg-type]


def test_a_png_has_the_size_of_its_charts():
    one = picture.render([curve()], form=picture.PNG)
    two = picture.render([curve(), curve(name="accuracy")], form=picture.PNG)
    assert one.startswith(b"\x89PNG\r\n\x1a\n")
    sizes = [
        (int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big"))
        for data in (one, two)
    ]
    assert sizes == [(960, 480), (960, 960)]
    assert len(one) < 60_000


def test_equal_curves_give_equal_files():
    for form in picture.FORMS:
        assert picture.render([curve()], form=form) == picture.render([curve()], form=form)


def test_an_svg_holds_names_as_text_and_nothing_that_runs():
    some = [curve(title=HOSTILE), curve("r2", "_second"), curve("r3", "字\x1b", "val")]
    drawn = picture.render(some, form=picture.SVG).decode()
    tree = ElementTree.fromstring(drawn)
    tags = {element.tag.rpartition("}")[2] for element in tree.iter()}
    texts = "".join(tree.itertext())
    assert "script" not in tags
    assert not any(
        "href" in key and "://" in value for e in tree.iter() for key, value in e.items()
    )
    assert HOSTILE[:20] in texts
    assert "_second train" in texts
    assert r"字\x1b val" in texts


@pytest.mark.parametrize("many", [2, 40, 300])
def test_every_name_of_a_legend_has_room(many: int):
    some = [curve(f"r{n}", title=f"run {n} {'of the sweep ' * (n % 7)}") for n in range(many)]
    drawn = picture.render(some, form=picture.SVG).decode()
    found = re.search(r'width="([\d.]+)pt" height="([\d.]+)pt"', drawn)
    assert found is not None
    width, height = float(found[1]), float(found[2])
    places = re.findall(r'<text [^>]*x="([\d.-]+)" y="([\d.-]+)"[^>]*>run ', drawn)
    assert len(places) == min(many, picture.NAMED - 1 if many > picture.NAMED else many)
    assert all(0 < float(x) < width * 0.95 and 0 < float(y) < height for x, y in places)
    assert ("… and 181 more" in drawn) == (many == 300)
    assert height == pytest.approx(72 * picture.HEIGHT) if many == 2 else height > 400


def test_metrics_without_room_are_known():
    names = [f"m{n}" for n in range(picture.MOST_ROWS + 2)]
    drawn = Plot(tuple(curve(name=name) for name in names))
    assert drawn.hidden() == names[-2:]


@pytest.mark.parametrize("form", picture.FORMS)
def test_odd_numbers_are_drawn_or_told(form: str):
    some = [
        curve(y=(), x=(), odd=((0.0, "nan"),), odd_total=1, total=1),
        curve("r2", x=(0.0, 1.0), y=(-1.7e308, 1.7e308), total=1_000_000),
        curve("r3", x=(0.0,), y=(0.0,), total=1),
    ]
    for log_y in (False, True):
        data = picture.render(some, form=form, log_y=log_y)
        assert len(data) > 1000
    text = picture.render(some, form=picture.SVG).decode()
    assert "1 point is no finite number (nan)" in text
    assert "2 of 1,000,000 points are drawn" in text


def test_moments_beyond_the_calendar_do_not_stop_it():
    found = picture.render([curve(axis=TIME, x=(0.0, 1e300), y=(1.0, 2.0))], form=picture.PNG)
    assert found.startswith(b"\x89PNG")


class Page(HTMLParser):
    """The scripts of a page, its policy, and the places of its figures."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.places: list[str | None] = []
        self.policy = ""
        self.words: list[str] = []
        self._inside: dict[str, str | None] | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag == "script":
            self._inside = found
            self.scripts.append((found, ""))
        if found.get("http-equiv") == "Content-Security-Policy":
            self.policy = found["content"] or ""
        if "data-figure" in found:
            self.places.append(found["data-figure"])
        assert "src" not in found, "nothing is fetched"
        assert "href" not in found

    def handle_endtag(self, tag: str) -> None:
        self._inside = None

    def handle_data(self, data: str) -> None:
        if self._inside is None:
            self.words.append(data)
        else:
            kept, text = self.scripts[-1]
            self.scripts[-1] = (kept, text + data)


def test_a_page_holds_its_figures_and_may_run_its_own_scripts_alone():
    page = Page(plotpage.render([curve(title=HOSTILE), curve("r2", name=HOSTILE)]))
    data, *scripts = page.scripts
    figures = json.loads(data[1])
    assert data[0] == {"type": "application/json", "id": "figures"}
    assert list(figures) == page.places == ["f0", "f1"]
    assert figures["f0"]["data"][0]["y"] == list(FALLING)
    assert len(scripts) == 2
    for _, text in scripts:
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in page.policy
    assert "default-src 'none'" in page.policy
    assert "unsafe-inline" not in page.policy.partition("script-src")[2].partition(";")[0]
    assert HOSTILE in "".join(page.words), "names are read as they are"


def test_a_page_without_figures_has_no_script():
    page = Page(standalone.document(title="t", body="<p>b</p>", figures={}))
    assert page.scripts == []
    assert "script-src 'none'" in page.policy


def paths(drawn: str) -> list[str]:
    return re.findall(r'<path d="([^"]*)"', drawn)


def test_a_sparkline_goes_from_the_first_to_the_last():
    [path] = paths(sparkline([3.0, 1.0, 2.0], title="loss"))
    spots = [tuple(map(float, spot.split())) for spot in re.findall(r"[ML]([\d. ]+)", path)]
    assert spots == [(2, 2), (2, 2), (WIDTH / 2, HEIGHT - 2), (WIDTH - 2, HEIGHT / 2)]


def test_a_sparkline_is_broken_where_there_is_no_number():
    drawn = sparkline([1.0, 2.0, math.nan, 3.0, math.inf, 4.0])
    assert paths(drawn)[0].count("M") == 3
    assert "1 to 4, 6 points, 2 no finite number" in drawn
    assert sparkline([math.nan]) == sparkline([]) == ""


def test_a_million_points_keep_their_extremes():
    values = [0.0] * 1_000_000
    values[123_456], values[777_777] = 5.0, -5.0
    drawn = sparkline(values, title="<b>")
    assert len(drawn) < 10_000
    assert "&lt;b&gt;: -5 to 5, 1,000,000 points" in drawn
    heights = {float(y) for _, y in re.findall(r"[ML]([\d.]+) ([\d.]+)", paths(drawn)[0])}
    assert {2.0, HEIGHT - 2.0} <= heights
