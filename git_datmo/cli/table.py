"""Lists: the options they share, and their four forms."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from git_datmo.cli import door

F = TypeVar("F", bound=Callable[..., Any])
FORMATS = ("table", "csv", "json", "jsonl")
# The columns that give way where the terminal is narrow.
FLEXIBLE = frozenset(
    {"message", "config", "stats", "results", "command", "reason", "description", "about"}
    | {"metadata"}
)


def listing_options(function: F) -> F:
    """--format, --json, --jsonl, --download, --download-path."""
    for option in reversed(
        (
            click.option(
                "--format",
                type=click.Choice(FORMATS),
                default="table",
                help="The form of the list.",
            ),
            click.option("--json", is_flag=True, help="The same as --format json."),
            click.option("--jsonl", is_flag=True, help="The same as --format jsonl."),
            click.option("--download", is_flag=True, help="Write the list to a file."),
            click.option("--download-path", type=click.Path(), help="Write the list to this file."),
        )
    ):
        function = option(function)
    return function


def by_columns(
    found: Iterable[Any], columns: str, as_dict: Callable[[Any], Mapping[str, Any]]
) -> tuple[list[str], list[dict[str, Any]]]:
    """The names and the rows of a list where `columns`, keys with commas, were asked for."""
    from git_datmo.model.fields import lookup, parse_columns

    paths = parse_columns(columns)
    names = [".".join(path) for path in paths]
    rows = []
    for item in found:
        whole = as_dict(item)
        rows.append({name: lookup(whole, path) for name, path in zip(names, paths, strict=True)})
    return names, rows


def for_programs(shown: Mapping[str, Any], columns: str | None) -> bool:
    """Whether whole documents are wanted, and no columns."""
    machine = shown["json"] or shown["jsonl"] or shown["format"] in ("json", "jsonl")
    return bool(machine) and columns is None


def show(
    noun: str,
    columns: Sequence[str],
    rows: Iterable[Mapping[str, Any]],
    *,
    format: str,
    json: bool,
    jsonl: bool,
    download: bool,
    download_path: str | None,
    styles: Mapping[str, str] | None = None,
) -> None:
    """Print rows in the form that was asked for, or write them to a file."""
    form = "json" if json else "jsonl" if jsonl else format
    if not download and not download_path:
        door.say(lines_of(form, columns, rows, door.width(), door.color(), styles or {}))
        return
    target = Path(download_path) if download_path else _default(noun)
    target.parent.mkdir(parents=True, exist_ok=True)
    text = "\n".join(lines_of(form, columns, rows, None, False, {})) + "\n"
    target.write_text(text, encoding="utf-8", newline="")
    door.say(f"Downloading output to path {target}")


def _default(noun: str) -> Path:
    """A place that is no part of the project's state: below the git directory."""
    home = door.project().home / "downloads"
    return home / f"{noun}_ls_{time.time_ns() // 1_000_000}"


def lines_of(
    form: str,
    columns: Sequence[str],
    rows: Iterable[Mapping[str, Any]],
    width: int | None,
    color: bool,
    styles: Mapping[str, str],
) -> Iterator[str]:
    """A list in one of its forms, line by line; `width` and `color` are for tables."""
    if form == "json":
        from git_datmo.ui.documents import to_json

        yield to_json(list(rows))
    elif form == "jsonl":
        from git_datmo.ui.documents import to_jsonl

        yield from to_jsonl(rows)
    elif form == "csv":
        from git_datmo.ui.delimited import to_csv

        pieces = to_csv(columns, ([row.get(name) for name in columns] for row in rows))
        # Records end in CR LF; the LF of the last one is added by whoever prints.
        yield "".join(pieces).removesuffix("\n")
    else:
        from git_datmo.ui import table

        heads = [
            table.Column(name, flexible=name in FLEXIBLE, style=styles.get(name, ""))
            for name in columns
        ]
        yield from table.render(
            heads, ([row.get(name) for name in columns] for row in rows), width=width, color=color
        )
