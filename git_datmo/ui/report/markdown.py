"""A report as GitHub's and GitLab's Markdown, short enough for a comment on a pull request.

Whatever somebody recorded stands in code: there nothing is a link, a mention or a tag.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from urllib.parse import quote

from git_datmo.model.curve import Curve
from git_datmo.model.diff import FileChange, SnapshotDiff
from git_datmo.model.quantity import are, counted
from git_datmo.model.report import RUN, Equipment, Item, Report
from git_datmo.ui import patch
from git_datmo.ui.escape import clip, safe
from git_datmo.ui.report.sheet import Cell, again, drawable, ends, members, name_of, sheet
from git_datmo.ui.report.spark import spark
from git_datmo.ui.rows import cell, local_time, size
from git_datmo.ui.run import duration
from git_datmo.ui.strokes import by_metric

COLUMNS = 8
CURVES = 24
FILES = 20
PATCH_LINES = 200
# GitHub takes 65,536 characters in a comment: differences have what the tables leave.
CHARACTERS = 30_000
LONG = 80
MARKS = {"success": "✅", "running": "⏳", "preparing": "⏳"}
_AS_IT_IS = re.compile(r"[^`|\\\s](?:[^`|\\]*[^`|\\\s])?")


def render(report: Report, *, pictures: Mapping[str, str] | None = None) -> Iterator[str]:
    """Yield the lines of a report. `pictures` are addresses of drawings, by the metric drawn."""
    yield f"## {text(report.title)}"
    yield ""
    yield from _table(report)
    yield from _notices(report.notices)
    yield from _curves(drawable(report), pictures or {})
    yield from _differences(report)
    yield from _equipment(report)
    yield from _again(report)
    yield f"<sub>{text(report.project)}, {local_time(report.made)}: `git datmo report`</sub>"


def code(found: str, *, most: int = LONG) -> str:
    """Foreign text as code in one line; nothing for nothing."""
    shown = clip(safe(found), most)
    if not shown:
        return ""
    if _AS_IT_IS.fullmatch(shown):
        return f"`{shown}`"
    return f"<code>{_entities(shown)}</code>"


def text(found: str) -> str:
    """Foreign text as it is read, with no meaning to Markdown."""
    return _entities(clip(safe(found), LONG * 2))


def _entities(found: str) -> str:
    """Every character that Markdown or HTML might take for its own, as a number."""
    return re.sub(r"[^\w\s.,;()%+/=-]|_|(?<=[wW])\.", lambda m: _entity(m[0]), found)


def _entity(character: str) -> str:
    return character if not character.isascii() else f"&#{ord(character)};"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _table(report: Report) -> Iterator[str]:
    found = sheet(report, most=COLUMNS)
    runs = any(item.kind == RUN for item in found.items)
    about = any(item.about for item in found.items)

    def row(first: str, status: str, cells: Iterable[str], took: str, last: str) -> str:
        middle = [status, *cells, took] if runs else [*cells]
        return _row([first, *middle, *([last] if about else [])])

    yield row("", "status", map(code, (*found.results, *found.config)), "took", "about")
    sides = ("--:" if numeric else "---" for numeric in found.numeric)
    yield row("---", "---", sides, "--:", "---")
    for item, cells in zip(found.items, found.rows, strict=True):
        title = code(item.title)
        yield row(
            f"**base** {title}" if item is report.base else title,
            _status(item),
            map(_value, cells),
            "" if item.duration is None else duration(item.duration),
            code(item.about, most=LONG // 2),
        )
    yield ""
    if found.same and len(found.items) > 1:
        settings = ", ".join(f"{code(key)} {code(value)}" for key, value in found.same[:FILES])
        yield f"The same in all: {settings}"
        yield ""
    elif found.same:
        settings = ", ".join(f"{code(key)} {code(value)}" for key, value in found.same[:FILES])
        yield f"Config: {settings}"
        yield ""
    if found.hidden:
        yield f"{are(found.hidden, 'more column')} not shown."
        yield ""


def _status(item: Item) -> str:
    return "" if item.status is None else f"{MARKS.get(item.status, '❌')} {code(item.status)}"


def _value(found: Cell) -> str:
    shown = found.text if found.number else code(found.text, most=LONG // 2)
    if found.delta:
        return f"**{shown}** ({found.delta})"
    return f"**{shown}**" if found.differs and shown else shown


def _notices(notices: Sequence[str]) -> Iterator[str]:
    for notice in notices:
        yield f"> {text(notice)}"
        yield ""


def _curves(curves: Sequence[Curve], pictures: Mapping[str, str]) -> Iterator[str]:
    if not curves:
        return
    yield "### Curves"
    yield ""
    for name, address in pictures.items():
        yield f"![{text(name)}]({quote(address)})"
        yield ""
    yield _row(["metric", "", "curve", "first", "least", "greatest", "last", "points"])
    yield _row(["---", "---", "---", "--:", "--:", "--:", "--:", "--:"])
    shown = [curve for found in by_metric(curves).values() for curve in found]
    for curve in shown[:CURVES]:
        title = f"{code(curve.title)} {code(curve.type)}"
        drawn = spark(curve.x, curve.y)
        yield _row([code(curve.name), title, drawn, *map(cell, ends(curve)), f"{curve.total:,}"])
    yield ""
    if len(shown) > CURVES:
        yield f"{len(shown) - CURVES} more curves are not shown."
        yield ""
    odd = sum(curve.odd_total for curve in shown)
    if odd:
        yield f"{are(odd, 'point')} NaN or infinite, and not drawn."
        yield ""


def _differences(report: Report) -> Iterator[str]:
    if report.reference is None or not report.differences:
        return
    yield f"### Differences to {code(report.base_name or name_of(report.reference))}"
    yield ""
    left = CHARACTERS
    for difference in report.differences:
        diff = difference.diff
        names = ", ".join(code(title) for title in members(difference.items, report))
        yield f"<details><summary>{_html(_summary(diff))}: {_html(names)}</summary>"
        yield ""
        inside = [
            *_files("Environment", diff.environment),
            *_files("Other files", diff.files),
            *(_counts(diff) if diff.code else ()),
        ]
        inside += _patch(diff, left - _length(inside))
        if _length(inside) > left:
            inside = [f"Too long for here: {_command(diff)}", ""]
        left -= _length(inside)
        yield from inside
        yield "</details>"
        yield ""


def _length(lines: Sequence[str]) -> int:
    return sum(len(line) + 1 for line in lines)


def _command(diff: SnapshotDiff) -> str:
    return f"`git datmo snapshot diff {diff.before[:12]} {diff.after[:12]}`"


def _html(found: str) -> str:
    """Markdown's code as HTML's: a summary is not read as Markdown everywhere."""
    return re.sub(r"`([^`]+)`", lambda m: f"<code>{_entities(m[1])}</code>", found)


def _summary(diff: SnapshotDiff) -> str:
    parts = []
    for noun, found in (("code", diff.code), ("environment", diff.environment)):
        if found:
            parts.append(f"{noun} ({len(found)} {'file' if len(found) == 1 else 'files'})")
    if diff.environment_ids[0] != diff.environment_ids[1] and not diff.environment:
        parts.append("environment")
    if diff.files:
        parts.append(counted(len(diff.files), "other file"))
    return ", ".join(parts) or "nothing"


def _files(title: str, changes: Sequence[FileChange]) -> Iterator[str]:
    if not changes:
        return
    yield f"{title}:"
    yield ""
    for change in changes[:FILES]:
        sides = (change.before_size, change.after_size)
        known = " → ".join(size(one) for one in sides if one is not None)
        yield f"- {change.status} {code(change.path)} {known}".rstrip()
    if len(changes) > FILES:
        yield f"- and {len(changes) - FILES} more"
    yield ""


def _counts(diff: SnapshotDiff) -> Iterator[str]:
    counted = patch.count(diff.code_patch)
    yield "Code:"
    yield ""
    for change in diff.code[:FILES]:
        lines = counted.get(change.path)
        known = "" if lines is None or lines.binary else f"+{lines.added} −{lines.removed}"
        yield f"- {change.status} {code(change.path)} {known}".rstrip()
    if len(diff.code) > FILES:
        yield f"- and {len(diff.code) - FILES} more"
    yield ""


def _patch(diff: SnapshotDiff, most: int) -> Iterator[str]:
    """The patch of the code, at most so many characters, between fences longer than any in it."""
    lines = [safe(line, multiline=True) for line in diff.code_patch.splitlines()]
    kept, room = [], most - LONG * 2
    for line in lines[:PATCH_LINES]:
        room -= len(line) + 1
        if room < 0:
            break
        kept.append(line)
    if kept:
        runs = re.findall(r"`{3,}", "\n".join(kept))
        fence = "`" * (max((len(run) for run in runs), default=2) + 1)
        yield from (f"{fence}diff", *kept, fence, "")
    if len(kept) < len(lines):
        yield f"{len(lines) - len(kept):,} more lines: {_command(diff)}"
        yield ""


def _equipment(report: Report) -> Iterator[str]:
    if not report.equipment:
        return
    yield "### Environment"
    yield ""
    several = len(report.equipment) > 1
    for found in report.equipment:
        whose = ", ".join(map(code, members(found.items, report))) + ": " if several else ""
        yield f"- {whose}{_environment(found)}"
    platforms = {
        ", ".join(f"{key} {cell(value)}" for key, value in item.platform.items())
        for item in report.items
        if item.platform
    }
    for platform in sorted(platforms):
        yield f"- {code(platform, most=LONG * 2)}"
    yield ""


def _environment(found: Equipment) -> str:
    packages = f", {counted(len(found.packages), 'package')}" if found.packages else ""
    files = ", ".join(code(path) for path, _ in found.files[:FILES])
    return f"{code(found.kind)} {code(found.id[:12])}{packages}: {files}"


def _again(report: Report) -> Iterator[str]:
    commands = list(again(report.compared))
    if not commands:
        return
    yield "<details><summary>To have it again</summary>"
    yield ""
    yield "```sh"
    for command, about in commands:
        yield f"{command}  # {about.replace('`', chr(39))}"
    yield "```"
    yield ""
    yield "</details>"
    yield ""
