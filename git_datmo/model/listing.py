"""A list that notebooks show as a table and that turns into a DataFrame on request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

T = TypeVar("T")


class Listing(list[T]):
    """A list of values that have `to_dict()`, or are dataclasses."""

    def rows(self) -> list[dict[str, Any]]:
        """One flat dictionary for each: nested ones as `config.lr`, `stats.accuracy`."""
        return [dict(_flat(_plain(item))) for item in self]

    def to_dataframe(self) -> Any:
        """The same as a pandas DataFrame. Raises ModuleNotFoundError without pandas."""
        import pandas

        return pandas.DataFrame(self.rows())

    def _repr_html_(self) -> str:
        from html import escape

        rows = self.rows()
        names = list(dict.fromkeys(name for row in rows for name in row if _worth(name)))
        head = "".join(f"<th>{escape(name)}</th>" for name in names)
        body = "".join(
            "<tr>" + "".join(f"<td>{escape(_short(row.get(n)))}</td>" for n in names) + "</tr>"
            for row in rows
        )
        return f"<table><tr>{head}</tr>{body}</table>"


def _plain(item: Any) -> Mapping[str, Any]:
    if hasattr(item, "to_dict"):
        found: Mapping[str, Any] = item.to_dict()
        return found
    return dict(vars(item))


def _flat(value: Mapping[str, Any], prefix: str = "") -> Any:
    for key, inner in value.items():
        if isinstance(inner, Mapping):
            yield from _flat(inner, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", inner


def _worth(name: str) -> bool:
    shown = ("id", "label", "message", "session", "name", "current", "snapshots")
    of_runs = ("command", "status", "duration")
    return name in shown + of_runs or name.startswith(("config.", "stats.", "results."))


def _short(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        value = " ".join(map(str, value))
    return "" if value is None else str(value)[:80]
