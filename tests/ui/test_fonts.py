"""Fonts of pictures: what the usual one lacks is taken from another, or said."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from git_datmo.model.curve import STEP, Curve
from git_datmo.ui import fonts, picture

MISSING = "学习率"
"""Letters that the font which comes with matplotlib has not."""


@pytest.fixture
def only_the_usual() -> Iterator[None]:
    """As if nothing but the font that comes with matplotlib were installed."""
    from matplotlib.font_manager import fontManager

    before = list(fontManager.ttflist)
    fontManager.ttflist[:] = [one for one in before if one.name == fonts.USUAL]
    fonts._chosen.cache_clear()
    yield
    fontManager.ttflist[:] = before
    fonts._chosen.cache_clear()


def made(letters: str, file: Path, family: str) -> Path:
    """A font that has a square for each of some letters."""
    from fontTools.fontBuilder import FontBuilder  # type: ignore[import-untyped]
    from fontTools.pens.ttGlyphPen import TTGlyphPen  # type: ignore[import-untyped]

    names = [".notdef", *(f"uni{ord(one):04X}" for one in letters)]
    pen = TTGlyphPen(None)
    pen.moveTo((100, 0))
    for place in ((100, 700), (900, 700), (900, 0)):
        pen.lineTo(place)
    pen.closePath()
    square = pen.glyph()
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder(names)
    builder.setupCharacterMap({ord(one): f"uni{ord(one):04X}" for one in letters})
    builder.setupGlyf(dict.fromkeys(names, square))
    builder.setupHorizontalMetrics(dict.fromkeys(names, (1000, 100)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": family, "styleName": "Regular"})
    builder.setupOS2(usWeightClass=400)
    builder.setupPost()
    builder.save(file)
    return file


def curve(title: str) -> Curve:
    return Curve(title, title, "train", "loss", STEP, (0.0, 1.0), (2.0, 1.0), 2)


def test_a_font_that_has_the_letters_is_taken(only_the_usual: None, tmp_path: Path):
    from matplotlib.font_manager import fontManager

    some = [curve(MISSING), curve("plain")]
    assert fonts.families(["loss", "Größe", "α", "e\u0301"]) == [fonts.USUAL]
    assert picture.boxes(some) == "".join(sorted(MISSING))
    boxed = picture.render(some, form=picture.PNG)
    fontManager.addfont(made(MISSING[:2], tmp_path / "a.ttf", "Two Letters"))
    fonts._chosen.cache_clear()
    assert fonts.families([MISSING]) == [fonts.USUAL, "Two Letters"]
    assert picture.boxes(some) == MISSING[2]
    assert picture.render(some, form=picture.PNG) != boxed
    assert "Two Letters" in picture.render(some, form=picture.SVG).decode()


def test_a_file_that_is_no_font_has_no_letters(tmp_path: Path):
    (tmp_path / "broken.ttf").write_bytes(b"no font")
    assert fonts._has(str(tmp_path / "broken.ttf")) == frozenset()
    assert fonts._has(str(tmp_path / "gone.ttf")) == frozenset()
