"""Runs: the rows of a list, the block of `inspect`, the lines that follow a run, the document."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from git_datmo.model.run import PREPARING, RUNNING, SCRIPT, SUCCESS, Run
from git_datmo.ui.escape import safe
from git_datmo.ui.rows import cell, full_time, key, literal, local_time, size
from git_datmo.ui.snapshot import SHORT
from git_datmo.ui.style import paint

NAMES = ("id", "command", "type", "status", "config", "results", "started", "duration")
DETAILS = (
    *("exit code", "reason", "runner", "session", "environment id", "before", "after"),
    *("rerun of", "used", "generated", "label", "message", "author"),
)
PATHS_SHOWN = 20
PATHS_NAMED = 4
_STYLES = {SUCCESS: "green", PREPARING: "cyan", RUNNING: "cyan"}
_OTHERWISE = "red"
ARTIFACT = "artifact"


def to_dict(run: Run) -> dict[str, Any]:
    """A run as the document that `--json` prints: its stored fields, the command as one text, and
    its times as ISO 8601."""
    whole = run.to_dict()
    for name, value in whole.items():
        if isinstance(value, tuple):
            whole[name] = list(value)
        elif isinstance(value, Mapping):
            whole[name] = dict(value)
    whole["command_text"] = run.text
    for name in ("created_at", "start_time", "end_time"):
        moment = getattr(run, name)
        whole[name] = None if moment is None else moment.isoformat()
    return whole


def columns(runs: Sequence[Run], *, details: bool, narrow: bool) -> list[str]:
    """The columns of a list; `narrow` leaves out the type where every run has the usual one."""
    names = [*NAMES, *(DETAILS if details else ())]
    if narrow and all(run.type == SCRIPT for run in runs):
        names.remove("type")
    return names


def row(run: Run, *, exact: bool, short: bool) -> dict[str, Any]:
    """One run by column; `exact` for programs (ISO times, seconds), `short` cuts the id."""
    started = None
    if run.start_time is not None:
        started = run.start_time.isoformat() if exact else local_time(run.started)
    return {
        "id": run.id[:SHORT] if short else run.id,
        "command": run.text if exact else headline(run),
        "type": run.type,
        "status": run.status,
        "config": dict(run.config) or None,
        "results": dict(run.results) or None,
        "started": started,
        "duration": run.duration if exact else took(run),
        "exit code": run.exit_code,
        "reason": run.reason,
        "runner": run.runner,
        "session": run.session,
        "environment id": run.environment_id,
        "before": run.before_id,
        "after": run.after_id,
        "rerun of": run.rerun_of,
        "used": "; ".join(resources(run.used)) or None,
        "generated": "; ".join(resources(run.generated)) or None,
        "label": run.label,
        "message": run.message if exact else run.message.partition("\n")[0],
        "author": run.author,
    }


def duration(seconds: float) -> str:
    """Show a length of time with two units at most: `0.42 s`, `3.2 s`, `2 min 5 s`, `1 h 3 min`."""
    if seconds < 0.995:
        return f"{max(seconds, 0):.2f} s"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    for large, small, name, rest in ((86400, 3600, "d", "h"), (3600, 60, "h", "min")):
        if whole >= large:
            return _two(whole // large, name, whole % large // small, rest)
    return _two(whole // 60, "min", whole % 60, "s")


def took(run: Run) -> str | None:
    """How long it ran, or has been running."""
    if run.duration is not None:
        return duration(run.duration)
    if run.started is None or not run.is_running:
        return None
    return duration(time.time() - run.started / 1000)


def _two(first: int, name: str, second: int, rest: str) -> str:
    return f"{first} {name} {second} {rest}" if second else f"{first} {name}"


def headline(run: Run) -> str:
    """The first line of its command; of a notebook's run, which has none, its other name."""
    first, _, more = (run.text.strip() or run.alternative_name or "").partition("\n")
    return first + (" …" if more else "")


def ending(run: Run) -> str:
    """How it ended, or that it has not, in words: `failed (exit code 3: no such module)`."""
    parts = []
    if run.signal is not None:
        parts.append(f"signal {run.signal}")
    elif run.exit_code is not None and run.status != SUCCESS:
        parts.append(f"exit code {run.exit_code}")
    if run.reason:
        parts.append(safe(run.reason))
    return f"{run.status} ({': '.join(parts)})" if parts else str(run.status)


def line(run: Run, *, color: bool = False) -> str:
    """Give a run in one line: short id, how it stands, the command."""
    parts = [
        paint(safe(run.id[:SHORT]), "yellow", color=color),
        paint(ending(run), _style(run), color=color),
        safe(headline(run)),
    ]
    return "  ".join(filter(None, parts))


def summary(run: Run, *, color: bool = False) -> Iterator[str]:
    """Yield what to say when a run has ended: how, where, its snapshots, what came of it."""
    where = f" on {safe(run.runner)}" if run.runner else ""
    took = "" if run.duration is None else f" after {duration(run.duration)}"
    heading = paint(f"run {safe(run.id[:SHORT])}", "yellow", color=color)
    yield f"{heading}: {paint(ending(run), _style(run), color=color)}{took}{where}"
    if run.before_id and run.after_id == run.before_id:
        yield f"  snapshot {run.before_id[:SHORT]}: nothing was changed"
    elif run.before_id or run.after_id:
        sides = (oid[:SHORT] if oid else "(none)" for oid in (run.before_id, run.after_id))
        yield f"  snapshots {' -> '.join(sides)}"
    if run.results:
        yield f"  results {cell(run.results)}"
    if run.generated:
        yield f"  made {_named(resources(run.generated))}"
    if run.applied:
        yield f"  put into your work tree: {_named(run.applied)}"
    for notice in run.notices:
        yield f"  note: {safe(notice)}"
    if run.status != SUCCESS:
        yield f"  its log: git datmo logs {run.id[:SHORT]}"


def request(run: Run, asks: Mapping[str, Any], *, color: bool = False) -> Iterator[str]:
    """Yield what somebody else's run would do here: who recorded it, and all that it asks for."""
    heading = paint(f"run {safe(run.id[:SHORT])}", "yellow", color=color)
    yield f"{heading} was recorded by {safe(run.author)} in another clone. It would run here:"
    shown: list[tuple[str, list[str]]] = [
        ("Command", safe(run.text, multiline=True).split("\n")),
        ("State", _value(asks.get("state"))),
        ("Folder", _value(asks.get("folder"))),
        ("Runner", _value(asks.get("runner"))),
        ("Environment", _value(asks.get("environment"))),
        ("Image", _value(asks.get("image"))),
        ("Resources", _items(asks.get("resources") or {})),
        ("Variables", [_variable(n, v) for n, v in (asks.get("variables") or {}).items()]),
        ("Inputs", [safe(text) for text in asks.get("inputs") or ()]),
    ]
    for label, texts in shown:
        for number, text in enumerate(texts):
            yield f"  {label if number == 0 else '':<11}  {text}"


def _named(paths: Sequence[str]) -> str:
    shown = ", ".join(safe(path) for path in paths[:PATHS_NAMED])
    more = len(paths) - PATHS_NAMED
    return f"{shown} and {more} more" if more > 0 else shown


def block(run: Run, *, color: bool = False, paths: int | None = PATHS_SHOWN) -> Iterator[str]:
    """Yield everything about a run; of the paths it changed at most `paths` (None: all).

    What is not known leaves out its row.
    """
    heading = paint(f"run {safe(run.id)}", "yellow", color=color)
    if run.label is not None:
        heading += f" ({paint(f'label: {safe(run.label)}', 'cyan', color=color)})"
    if run.deleted:
        heading += f" ({paint('deleted', 'red', color=color)})"
    yield heading
    yield f"Date: {full_time(run.created)}"
    yield ""

    found = [(label, texts) for label, texts in _sections(run, color, paths) if texts]
    column = max(len(label) for label, _ in found)
    for label, texts in found:
        for number, text in enumerate(texts):
            lead = f"{label:<{column}} -> " if number == 0 else " " * (column + 4)
            yield (lead + text).rstrip()
    if run.message.strip():
        yield ""
        lines = safe(run.message.strip("\n"), multiline=True).split("\n")
        yield from ("    " + text if text else "" for text in lines)


def _sections(run: Run, color: bool, paths: int | None) -> Iterator[tuple[str, list[str]]]:
    yield "Command", safe(run.text, multiline=True).split("\n")
    yield "Folder", _value(run.folder)
    yield "Type", [] if run.type == SCRIPT else _value(run.type)
    yield "Status", [paint(ending(run), _style(run), color=color)]
    yield "Started", [] if run.started is None else [full_time(run.started)]
    yield "Ended", [] if run.ended is None else [full_time(run.ended)]
    yield "Duration", _value(took(run))
    yield "Session", _value(run.session)
    yield "Author", _value(run.author)
    yield "Runner", _value(run.runner)
    yield "Built", _items(run.built)
    yield "Environment", _value(run.environment_id)
    yield "Resources", _items(run.resources)
    yield "Variables", [_variable(name, value) for name, value in run.variables.items()]
    yield "Data", [safe(place) for place in run.data]
    yield "Used", resources(run.used)
    yield "Before", _value(run.before_id)
    yield "After", _value(run.after_id)
    yield "Rerun of", _value(run.rerun_of)
    yield "Continues", _value(run.continues)
    yield "Other name", _value(run.alternative_name)
    yield "Labels", [", ".join(safe(text) for text in run.labels)] if run.labels else []
    yield (
        "Description",
        safe(run.description, multiline=True).split("\n") if run.description else [],
    )
    yield "Git", _items(run.git)
    yield "Platform", _items(run.platform)
    yield "Config", _items(run.config)
    yield "Results", _items(run.results)
    yield "Stats", _items(run.stats)
    yield "Metrics", _items(dict(_flat(run.metrics)))
    yield "Made", resources(run.generated)
    yield "Outputs", _limited(run.outputs, paths)
    yield "Left out", _limited(run.skipped, paths)


def resources(found: Sequence[Mapping[str, Any]]) -> list[str]:
    """What a run read or made, one text each: `models/resnet:v3`, `branch main`."""
    texts = []
    for each in found:
        if each.get("kind") == ARTIFACT and "name" in each:
            version = f":v{each['version']}" if "version" in each else ""
            texts.append(f"{each.get('collection')}/{each['name']}{version}")
        else:
            name = each.get("name") or each.get("path") or each.get("id") or ""
            texts.append(f"{each.get('kind')} {name}")
    return [safe(text) for text in texts]


def _value(value: object) -> list[str]:
    return [] if value in (None, "") else [cell(value)]


def _items(found: Mapping[str, object]) -> list[str]:
    return [f"{key(name)}: {_amount(name, value)}" for name, value in found.items()]


def _amount(name: str, value: object) -> str:
    return size(value) if name == "memory" and isinstance(value, int) else literal(value)


def _variable(name: str, value: str | None) -> str:
    said = " (value not recorded)" if value is None else f"={safe(str(value))}"
    return key(name) + said


def _limited(found: Sequence[str], limit: int | None) -> list[str]:
    shown = found if limit is None else found[:limit]
    texts = [safe(text) for text in shown]
    if len(found) > len(shown):
        texts.append(f"… and {len(found) - len(shown)} more")
    return texts


def _flat(found: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, object]]:
    for name, value in found.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def _style(run: Run) -> str:
    return _STYLES.get(run.status, _OTHERWISE)
