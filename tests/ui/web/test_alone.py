"""Pages that need no server, opened from a file in Chromium without a net."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from git_datmo.model.curve import TIME, Curve
from git_datmo.ui import picture, plotpage
from tests.kit.chromium import CALLED, NARROW

if TYPE_CHECKING:
    from playwright.sync_api import Browser

HOSTILE = f"<img src=x onerror={CALLED}(1)></script><script>{CALLED}(2)</script>%{{y}}"
FALLING = tuple(math.exp(-n / 20) for n in range(100))
STEPS = tuple(float(n) for n in range(100))


def some_curves() -> list[Curve]:
    moments = tuple(1.79e9 + step for step in STEPS)
    return [
        Curve("r1", HOSTILE, "train", "loss", "step", STEPS, FALLING, 100),
        Curve("r2", "b", "val", "loss", "step", STEPS, FALLING[::-1], 10_000, ((3.0, "nan"),), 1),
        Curve("r1", "a", HOSTILE, HOSTILE, TIME, moments, FALLING, 100),
        Curve("r1", "a", "train", "nothing", "step", (), (), 1, ((0.0, "inf"),), 1),
    ]


@pytest.mark.parametrize("dark", [False, True])
def test_a_page_of_curves_opens_from_a_file_and_asks_for_nothing(
    chromium: Browser, tmp_path: Path, dark: bool
):
    file = tmp_path / "curves.html"
    file.write_text(plotpage.render(some_curves(), log_y=True))
    asked: list[str] = []
    wrong: list[str] = []
    how = {"color_scheme": "dark", "viewport": NARROW} if dark else {}
    context = chromium.new_context(offline=True, **how)  # type: ignore[arg-type]
    context.on("request", lambda request: asked.append(request.url))
    context.on("weberror", lambda error: wrong.append(str(error.error)))
    context.expose_function(CALLED, lambda *said: wrong.append(f"ran: {said}"))
    page = context.new_page()
    page.on("console", lambda said: wrong.append(f"{said.type}: {said.text}"))
    page.goto(file.as_uri())
    page.wait_for_function("() => document.querySelectorAll('.plot .main-svg').length >= 3")
    drawn = page.locator(".plot").nth(0).locator(".scatterlayer .trace path.js-line")
    assert drawn.count() == 2
    assert HOSTILE in page.inner_text("h2 >> nth=1")
    assert "100 of 10,000 points" in page.inner_text("body")
    ink = page.evaluate("getComputedStyle(document.body).color")
    assert ink == ("rgb(232, 234, 237)" if dark else "rgb(28, 32, 36)")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.locator(".modebar-btn").count() > 0
    assert page.locator(".modebar-btn[data-title*=hare]").count() == 0, "a button that sends it"
    context.close()
    assert asked == [file.as_uri()]
    assert wrong == []


def test_an_svg_picture_is_one_that_browsers_show(chromium: Browser, tmp_path: Path):
    file = tmp_path / "curves.svg"
    file.write_bytes(picture.render(some_curves(), form=picture.SVG))
    wrong: list[str] = []
    context = chromium.new_context(offline=True)
    context.expose_function(CALLED, lambda *said: wrong.append(f"ran: {said}"))
    page = context.new_page()
    page.on("console", lambda said: wrong.append(f"{said.type}: {said.text}"))
    page.goto(file.as_uri())
    assert page.evaluate("document.documentElement.tagName") == "svg"
    assert page.locator("text").filter(has_text="nothing of it can be drawn").count() == 1
    context.close()
    assert wrong == []
