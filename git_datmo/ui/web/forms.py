"""The choices above a table: what to show of it, as forms whose values stand in the address."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from git_datmo.model.fields import Path, show_path
from git_datmo.model.frozen import frozen
from git_datmo.ui.web.address import Choices

KEYS = 60
"""So many columns are offered to tick; others can be typed."""


@frozen
class Option:
    """One of several values, and what it is called."""

    value: str
    text: str
    chosen: bool = False


@frozen
class Select:
    """A parameter with few values, the first of which is none."""

    name: str
    title: str
    options: tuple[Option, ...]


@frozen
class Field:
    """A parameter that is typed; `known` are values to pick from."""

    name: str
    title: str
    value: str
    example: str = ""
    size: int = 18
    known: tuple[str, ...] = ()


@frozen
class Form:
    """Fields, selections and switches of a table; `kept` are the parameters that it leaves as they
    are. `columns` are offered in a form of their own, `others` are the columns that were typed."""

    fields: tuple[Field, ...]
    selects: tuple[Select, ...]
    switches: tuple[Option, ...]
    kept: tuple[tuple[str, str], ...]
    columns: tuple[Option, ...] = ()
    others: str = ""
    kept_by_columns: tuple[tuple[str, str], ...] = ()


def form(
    asked: Choices,
    *,
    fields: Sequence[tuple[str, str, str, int]],
    selects: Sequence[Select] = (),
    switches: Mapping[str, str],
    labels: Iterable[str] = (),
    keys: Iterable[Path] = (),
    shown: Sequence[Path] = (),
) -> Form:
    """The form of a table.

    `fields` are (name, title, example, width), `switches` titles by name, `labels` known ones,
    `keys` columns there are to choose from, and `shown` those that the table has.
    """
    typed = [
        Field(name, title, asked.one(name) or "", example, width)
        for name, title, example, width in fields
    ]
    typed.append(
        Field("label", "Label", asked.one("label") or "", "any", 12, tuple(labels)),
    )
    names = {field.name for field in typed} | {one.name for one in selects} | switches.keys()
    now = dict.fromkeys(map(show_path, shown))
    offered = list(dict.fromkeys([*now, *map(show_path, keys)]))[:KEYS]
    return Form(
        tuple(typed),
        tuple(one for one in selects if len(one.options) > 1),
        tuple(Option(name, title, asked.flag(name)) for name, title in switches.items()),
        _kept(asked, names | {"page"}),
        tuple(
            Option(name, name, name in now)
            for name in sorted(offered, key=lambda name: (name not in now, name))
        ),
        ", ".join(name for name in now if name not in offered),
        _kept(asked, {"columns", "page"}),
    )


def select(
    asked: Choices, name: str, title: str, options: Iterable[tuple[str, str]], none: str = "all"
) -> Select:
    """A selection of (value, text) pairs; a value that stands in the address is always there."""
    chosen = asked.one(name) or ""
    found = [("", none), *options]
    if chosen and all(value != chosen for value, _ in found):
        found.append((chosen, chosen))
    return Select(name, title, tuple(Option(v, text, v == chosen) for v, text in found))


def sessions(asked: Choices, names: Mapping[str, str]) -> Select:
    """The selection of a session, `names` by their ids; the address may have either."""
    return select(asked, "session", "Session", ((name, name) for name in names.values()))


def remotes(asked: Choices, names: Iterable[str]) -> Select:
    """The selection of a remote, where there is any."""
    found = [(name, f"at {name}") for name in names]
    return select(asked, "remote", "Remote", [*found, (".", "only here")] if found else (), "any")


def _kept(asked: Choices, without: Iterable[str]) -> tuple[tuple[str, str], ...]:
    left_out = set(without)
    return tuple(
        (name, value)
        for name, values in asked.values.items()
        if name not in left_out
        for value in values
        if value
    )
