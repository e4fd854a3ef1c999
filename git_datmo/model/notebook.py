"""What notebooks show of runs, snapshots, artifacts and lists: tables, with curves in their cells.

Everything is escaped, and there is no script: it reads the same in JupyterLab, in an editor, and on
a page that was made of the notebook. Nothing of the extra `ui` is needed.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from git_datmo.errors import DatmoError, InvalidDocument
from git_datmo.model import series
from git_datmo.model.sparkline import sparkline
from git_datmo.model.text import visible

if TYPE_CHECKING:
    from git_datmo.model.artifact import Artifact
    from git_datmo.model.curve import Curve
    from git_datmo.model.run import Run
    from git_datmo.model.snapshot import Snapshot

ROWS = 60
ENTRIES = 20
COLUMNS = 24
CURVES = 4
"""How many metrics of a list of runs have a column."""
_TEXT = 120
_SHORT = 12
# What is read to draw curves: lines of one run shown alone, of each of several, bytes of all.
_LINES, _FEW_LINES, _BYTES = 20_000, 5_000, 1 << 28

Key = tuple[str, str]


def of_run(run: Run) -> str:
    """A run with its config, its results, and a curve for each of its metrics."""
    facts = {
        "run": run.id[:_SHORT],
        "label": run.label,
        "message": run.message,
        "status": run.status,
        "reason": run.reason,
        "command": run.text,
        "started": _time(run.start_time),
        "duration": None if run.duration is None else f"{run.duration:.4g} s",
        "before": (run.before_id or "")[:_SHORT],
        "after": (run.after_id or "")[:_SHORT],
        **_prefixed("config", run.config),
        **_prefixed("results", run.results),
    }
    try:
        curves = points_of(run, _LINES)[0]
    except DatmoError as error:
        return _facts(facts) + _aside(f"no curves: {error.message}", error.hint)
    return _facts(facts) + _curves(curves, run.metrics)


def of_snapshot(snapshot: Snapshot) -> str:
    """A snapshot with its config and stats."""
    return _facts(
        {
            "snapshot": snapshot.id[:_SHORT],
            "label": snapshot.label,
            "message": snapshot.message,
            "session": snapshot.session,
            "created": _time(snapshot.created_at),
            "author": snapshot.author,
            **_prefixed("config", snapshot.config),
            **_prefixed("stats", snapshot.stats),
        }
    )


def of_artifact(artifact: Artifact) -> str:
    """An artifact's version with its metadata and its objects, the first of them."""
    facts = _facts(
        {
            "artifact": artifact.reference,
            "id": artifact.id[:_SHORT],
            "label": artifact.label,
            "message": artifact.message,
            "created": _time(artifact.created_at),
            "author": artifact.author,
            "files": artifact.files,
            "references": artifact.references or None,
            "bytes": f"{artifact.size:,}",
            "made by": ", ".join(one[:_SHORT] for one in artifact.made_by),
            "used by": ", ".join(one[:_SHORT] for one in artifact.used_by),
            **_prefixed("metadata", artifact.metadata),
        }
    )
    if not artifact.entries:
        return facts
    rows = [
        [_cell(one.path), _cell(one.mode), "" if one.size is None else f"{one.size:,}"]
        for one in artifact.entries[:ENTRIES]
    ]
    more = len(artifact.entries) - ENTRIES
    table = _table(["path", "mode", "bytes"], rows)
    return facts + table + (_aside(f"and {more:,} more objects") if more > 0 else "")


def of_curve(curve: Curve) -> str:
    """A curve with its run and its range."""
    return _curve_table([curve])


def of_list(items: Sequence[Any], rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> str:
    """A table of the first items: the columns `names` of their `rows`, and of runs some curves."""
    shown = items[:ROWS]
    if shown and all(hasattr(item, "x") and hasattr(item, "odd_total") for item in shown):
        table = _curve_table(shown)
    else:
        heads, cells = (
            list(names[:COLUMNS]),
            [[_cell(_id(name, row.get(name))) for name in names[:COLUMNS]] for row in rows[:ROWS]],
        )
        for head, drawn in _columns_of_curves(shown):
            heads.append(head)
            for row, cell in zip(cells, drawn, strict=True):
                row.append(cell)
        table = _table(heads, cells)
    left = [f"{len(items) - ROWS:,} more rows"] if len(items) > ROWS else []
    left += [f"{len(names) - COLUMNS:,} more columns"] if len(names) > COLUMNS else []
    return table + (_aside(f"and {' and '.join(left)}: .to_dataframe() has all") if left else "")


def points_of(run: Run, most: int) -> tuple[dict[Key, tuple[list[float], int]], int]:
    """The values of each series of a run in their order, and how many of them there are; then how
    many bytes were read. Of more than `most` lines so many are chosen by chance, the same each
    time. Nothing is fetched. Raises ContentMissing."""
    if run.commit is None:
        parts = [run.read("task/metrics.jsonl", fetch=False)]
    else:
        parts = [run.read(f"metrics/{kind}.jsonl", fetch=False) for kind in run.metrics]
    found: dict[Key, tuple[list[float], int]] = {}
    for part in parts:
        lines = part.splitlines()
        chosen = len(lines) > most
        if chosen:
            places = sorted(random.Random(0).sample(range(len(lines)), most))
            lines = [lines[place] for place in places]
        values: dict[Key, list[float]] = {}
        for line in lines:
            _take(values, line)
        for key, some in values.items():
            total = part.count(json.dumps(key[1]).encode() + b":") if chosen else 0
            found[key] = (some, max(total, len(some)))
    return found, sum(map(len, parts))


def _take(values: dict[Key, list[float]], line: bytes) -> None:
    try:
        point = series.parse(line)
    except InvalidDocument:
        return
    for name, value in point.values.items():
        if isinstance(value, str):
            continue
        try:
            number = float(value)
        except (OverflowError, TypeError, ValueError):
            number = math.nan
        values.setdefault((point.type, name), []).append(number)


def _columns_of_curves(items: Sequence[Any]) -> Iterator[tuple[str, list[str]]]:
    """For some metrics of runs: the heading, and a cell for each run."""
    runs = [item for item in items if hasattr(item, "metrics") and hasattr(item, "read")]
    if len(runs) < len(items) or not runs:
        return
    known: list[dict[Key, tuple[list[float], int]]] = []
    spent = 0
    for run in runs:
        try:
            curves, size = points_of(run, _FEW_LINES) if spent < _BYTES else ({}, 0)
        except DatmoError:
            curves, size = {}, 0
        known.append(curves)
        spent += size
    keys = list(dict.fromkeys(key for curves in known for key in curves))
    for kind, name in keys[:CURVES]:
        cells = []
        for curves in known:
            values, total = curves.get((kind, name), ([], 0))
            cells.append(sparkline(values, title=name, total=total))
        yield f"{kind}/{name}", cells


def _curves(curves: Mapping[Key, tuple[list[float], int]], last: Mapping[str, Any]) -> str:
    if not curves:
        return ""
    rows = []
    for (kind, name), (values, total) in curves.items():
        final = last.get(kind, {}).get(name) if kind in last else values[-1]
        drawn = sparkline(values, title=name, total=total)
        rows.append([_cell(f"{kind}/{name}"), drawn, _cell(final), f"{total:,}"])
    return _table(["metric", "curve", "last", "points"], rows)


def _curve_table(curves: Sequence[Curve]) -> str:
    rows = [
        [
            _cell(one.title),
            _cell(f"{one.type}/{one.name}"),
            sparkline(one.y, title=one.name, total=one.total),
            _cell(one.y[-1] if one.y else None),
            f"{one.total:,}",
        ]
        for one in curves
    ]
    return _table(["run", "metric", "curve", "last", "points"], rows)


def _prefixed(prefix: str, document: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in document.items():
        if isinstance(value, Mapping) and value:
            found |= _prefixed(f"{prefix}.{key}", value)
        else:
            found[f"{prefix}.{key}"] = value
    return found


def _facts(known: Mapping[str, Any]) -> str:
    rows = "".join(
        f'<tr><th style="text-align:left">{_cell(name)}</th>'
        f'<td style="text-align:left">{_cell(value)}</td></tr>'
        for name, value in known.items()
        if value is not None and value != ""
    )
    return f"<table>{rows}</table>"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of cells that are markup already."""
    head = "".join(f"<th>{_cell(name)}</th>" for name in heads)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _aside(text: str, hint: str | None = None) -> str:
    return f"<p>{_cell(text)}{f' ({_cell(hint)})' if hint else ''}</p>"


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, (list, tuple)):
        value = " ".join(map(str, value))
    text = str(value)
    return escape(visible(text if len(text) <= _TEXT else text[: _TEXT - 1] + "…"))


def _id(name: str, value: Any) -> Any:
    return value[:_SHORT] if name == "id" and isinstance(value, str) else value


def _time(moment: Any) -> str | None:
    return None if moment is None else f"{moment:%Y-%m-%d %H:%M} UTC"
