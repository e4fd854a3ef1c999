"""Runs and snapshots side by side: one document each, the fields they have, and where they
differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from git_datmo.model.diff import same
from git_datmo.model.fields import lookup, show_path
from git_datmo.model.frozen import frozen
from git_datmo.model.run import Run
from git_datmo.model.series import DEFAULT
from git_datmo.model.snapshot import Snapshot
from git_datmo.ui.palette import number

Path = tuple[str, ...]
Document = Mapping[str, Any]

SHORT = 12
NOTHING = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"  # git's empty tree: an environment of no files
PARTS = ("config", "results", "metrics")
ABOUT = (
    "status",
    "created",
    "duration",
    "session",
    "author",
    "runner",
    "environment",
    "before",
    "code",
)
# Names of what is better when it is lower; a person can say otherwise.
LOWER = ("loss", "err", "mse", "mae", "rmse", "perplexity", "time", "latency", "cost", "regret")


def document(item: Run | Snapshot) -> dict[str, Any]:
    """What can be compared of a run or a snapshot: `results` are a snapshot's stats, and what a
    run printed and left as stats; `before` is the snapshot that a run came from."""
    made: dict[str, Any] = {
        "id": item.id,
        "title": title(item),
        "label": item.label,
        "created": item.created,
        "session": item.session,
        "author": item.author,
        "config": dict(item.config),
    }
    if isinstance(item, Run):
        text = item.text or item.alternative_name or ""
        return made | {
            "kind": "run",
            "name": text.partition("\n")[0],
            "status": item.status,
            "duration": item.duration,
            "runner": item.runner,
            "environment": _some(item.environment_id),
            "before": item.before_id,
            "results": (found := {**item.stats, **item.results}),
            "metrics": _unsaid(item.metrics, found),
        }
    return made | {
        "kind": "snapshot",
        "name": item.message.partition("\n")[0],
        "environment": _some(item.environment_id),
        "code": item.code_id,
        "results": dict(item.stats),
        "metrics": {},
    }


def title(item: Run | Snapshot) -> str:
    """What people call it: its label, or else its other name, what it is for, its short id."""
    other = item.alternative_name if isinstance(item, Run) else ""
    said = str(item.label or other or item.message or "").strip().partition("\n")[0]
    return said or str(item.id[:SHORT])


def _some(environment: str | None) -> str | None:
    return None if environment in ("", NOTHING) else environment


def _unsaid(
    metrics: Mapping[str, Mapping[str, Any]], results: Mapping[str, Any]
) -> dict[str, dict[str, Any]]:
    """The last values of series that do not stand among the results already, as they often do."""
    made = {}
    for kind, last in metrics.items():
        known = results if kind == DEFAULT else _inner(results, kind)
        flat = {} if kind == DEFAULT else results
        kept = {
            name: value
            for name, value in last.items()
            if not (name in known and same(known[name], value))
            and not same(flat.get(f"{kind}.{name}"), value)
        }
        if kept:
            made[kind] = kept
    return made


def _inner(document: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = document.get(key)
    return found if isinstance(found, Mapping) else {}


@frozen
class Field:
    """One field, the value of each document (None: it has none), whether they differ."""

    path: Path
    values: tuple[Any, ...]
    differs: bool

    @property
    def numeric(self) -> bool:
        """Whether any of the values can be placed on an axis of numbers."""
        return any(number(value) is not None for value in self.values)

    @property
    def rare(self) -> bool:
        """Whether fewer than half have it."""
        return 2 * sum(value is not None for value in self.values) < len(self.values)


def fields(documents: Sequence[Document], part: str) -> list[Field]:
    """Every field below a part (`config`, `results`, `metrics`), in the order in which they come;
    lists are values."""
    paths: dict[Path, None] = {}
    for one in documents:
        inner = one.get(part)
        if isinstance(inner, Mapping):
            paths.update(dict.fromkeys((part, *path) for path in _leaves(inner)))
    return [field(documents, path) for path in paths]


def about(documents: Sequence[Document]) -> list[Field]:
    """The fields that are no part's: how it stands, when it was made, by whom."""
    found = (field(documents, (name,)) for name in ABOUT)
    return [one for one in found if any(value not in (None, "") for value in one.values)]


def field(documents: Sequence[Document], path: Path) -> Field:
    """One field of some documents."""
    values = tuple(lookup(one, path) for one in documents)
    return Field(path, values, any(not same(values[0], value) for value in values[1:]))


def written(path: Path) -> str:
    """A path as the language writes it, with escapes for what turns or hides text."""
    return "".join(
        one if one.isprintable() else f"\\u{ord(one):04x}" if ord(one) < 0x10000 else "?"
        for one in show_path(path)
    )


def lower_is_better(path: Path) -> bool:
    """A guess by the name."""
    words = path[-1].lower().replace("-", "_").split("_")
    return any(word.startswith(LOWER) or word.endswith("loss") for word in words)


def top(documents: Sequence[Document], by: Path, percent: int, *, lowest: bool) -> list[Document]:
    """The best `percent` of the documents that have a number at `by`, one at least, in the order
    given."""
    scores = [(found, one) for one in documents if (found := number(lookup(one, by))) is not None]
    count = max(1, round(len(scores) * percent / 100))
    best = sorted(scores, key=lambda pair: pair[0], reverse=not lowest)[:count]
    kept = {id(one) for _, one in best}
    return [one for one in documents if id(one) in kept]


def _leaves(inner: Mapping[str, Any], depth: int = 8) -> Iterator[Path]:
    for key, value in inner.items():
        if isinstance(value, Mapping) and value and depth:
            yield from ((key, *path) for path in _leaves(value, depth - 1))
        else:
            yield (key,)
