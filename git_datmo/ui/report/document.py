"""A report as the document that `--json` prints."""

from __future__ import annotations

from typing import Any

from git_datmo.model.report import Item, Report
from git_datmo.ui.diff import to_dict as diff_dict
from git_datmo.ui.strokes import document as curve_dict


def to_dict(report: Report) -> dict[str, Any]:
    """The report as plain values."""
    return {
        "title": report.title,
        "project": report.project,
        "made": report.made,
        "base": None if report.base is None else _item(report.base),
        "base_name": report.base_name,
        "items": [_item(item) for item in report.items],
        "curves": [curve_dict(curve) for curve in report.curves],
        "differences": [
            {"items": list(one.items), **_states(diff_dict(one.diff))} for one in report.differences
        ],
        "environments": [
            {
                "id": found.id,
                "kind": found.kind,
                "items": list(found.items),
                "packages": list(found.packages),
                "files": [path for path, _ in found.files],
            }
            for found in report.equipment
        ],
        "notices": list(report.notices),
    }


def _item(item: Item) -> dict[str, Any]:
    known = {name: getattr(item, name) for name in item.__dataclass_fields__}
    return {
        name: dict(value) if name in ("config", "results", "platform") else value
        for name, value in known.items()
    }


def _states(whole: dict[str, Any]) -> dict[str, Any]:
    """What of a difference is said of states: config, stats and words belong to the items."""
    return {
        name: value
        for name, value in whole.items()
        if name not in ("config", "stats", "attributes", "empty")
    }
