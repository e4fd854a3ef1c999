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
        from git_datmo.model import notebook

        rows = self.rows()
        found = dict.fromkeys(name for row in rows for name in row if _worth(name))
        if "command" in found:
            # The stats of a run are its results and the ends of its curves, which are shown.
            found = {name: None for name in found if not name.startswith("stats.")}
        return notebook.of_list(self, rows, sorted(found, key=_rank))


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


def _rank(name: str) -> int:
    """The order of columns: what it is, how it was set, what came of it; else as they came."""
    groups = ("config.", "metadata.", "stats.", "results.")
    heads = ("id", "reference", "label", "message", "name", "command", "status")
    if name in heads:
        return heads.index(name)
    return len(heads) + 1 + next((n for n, g in enumerate(groups) if name.startswith(g)), -1)


def _worth(name: str) -> bool:
    shown = ("id", "label", "message", "session", "name", "current", "snapshots")
    of_runs = ("command", "status", "duration")
    of_artifacts = ("reference", "files", "size")
    return name in shown + of_runs + of_artifacts or name.startswith(
        ("config.", "stats.", "results.")
    )
