"""Tables of plain text that fit the terminal.

Our own, because the one ready-made candidate costs more start-up time than a whole listing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Literal

from git_datmo.model.frozen import frozen
from git_datmo.ui.escape import ELLIPSIS, clip
from git_datmo.ui.escape import width as columns_of
from git_datmo.ui.rows import cell
from git_datmo.ui.style import paint

GAP = "  "
MORE = " " + ELLIPSIS
SAMPLE = 1000


@frozen
class Column:
    """One column: only `flexible` ones are narrowed to fit the terminal, down to `min`.

    `style` colours its cells, as in `style.paint`.
    """

    name: str
    align: Literal["left", "right"] = "left"
    min: int = 8
    flexible: bool = False
    style: str = ""


def render(
    columns: Sequence[Column],
    rows: Iterable[Sequence[object]],
    *,
    width: int | None,
    color: bool,
) -> Iterator[str]:
    """Yield the lines of a table, the header first; each row holds one value per column.

    With a `width` no line is wider: flexible columns are narrowed, the widest first, and what
    still stands out is cut. Without (piped) nothing is cut, and rows are passed on while they
    arrive: the first thousand decide how wide the columns are, a later cell that is wider
    moves the rest of its line to the right.
    """
    if not columns:
        return

    shown = ([cell(value) for value in row] for row in rows)
    first = list(shown if width is not None else islice(shown, SAMPLE))
    names = [cell(column.name) for column in columns]
    widths = [max(map(columns_of, texts)) for texts in zip(names, *first, strict=True)]
    more = ""
    if width is not None:
        widths, more = _fitted(columns, widths, width)

    cut = width is not None
    yield _line(columns, names, widths, ["bold"] * len(columns) if color else None, cut, more)
    styles = [column.style for column in columns] if color else None
    for texts in chain(first, shown):
        yield _line(columns, texts, widths, styles, cut, more)


def _fitted(columns: Sequence[Column], widths: Sequence[int], width: int) -> tuple[list[int], str]:
    """Choose widths that fit, and what to put at the end of each line when columns are cut off.

    Always the widest flexible column gives way, until the line fits or all are at their least.
    """
    fitted = list(widths)
    excess = sum(fitted) + len(GAP) * (len(fitted) - 1) - width
    while excess > 0:
        elastic = [i for i, column in enumerate(columns) if column.flexible]
        elastic = [i for i in elastic if fitted[i] > max(columns[i].min, 1)]
        if not elastic:
            return _cut_off(fitted, width)

        widest = max(elastic, key=fitted.__getitem__)
        rivals = [fitted[i] for i in elastic if fitted[i] < fitted[widest]]
        floor = max(columns[widest].min, max(rivals, default=1) - 1, 1)
        step = min(excess, fitted[widest] - floor)
        fitted[widest] -= step
        excess -= step
    return fitted, ""


def _cut_off(widths: Sequence[int], width: int) -> tuple[list[int], str]:
    """Keep the columns that start within `width`, and room for a mark that there are more."""
    left = width - len(MORE)
    kept = []
    for column in widths:
        if left < 1:
            break
        kept.append(min(column, left))
        left -= column + len(GAP)
    return kept, MORE[-max(width, 0) :] if width > 0 else ""


def _line(
    columns: Sequence[Column],
    texts: Sequence[str],
    widths: Sequence[int],
    styles: Sequence[str] | None,
    cut: bool,
    more: str,
) -> str:
    parts = []
    for i, room in enumerate(widths):
        text = clip(texts[i], room) if cut else texts[i]
        padding = " " * (room - columns_of(text))
        if styles is not None:
            text = paint(text, styles[i], color=True)
        parts.append(padding + text if columns[i].align == "right" else text + padding)
    return (GAP.join(parts) + more).rstrip(" ")
