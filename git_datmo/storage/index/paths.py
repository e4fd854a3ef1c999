"""The names of a statement's values, and the numbers of the paths that have facts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from git_datmo.storage.index.database import Database

if TYPE_CHECKING:
    from git_datmo.model.fields import Path


class Bindings(dict[str, object]):
    """The values of a statement, by the names it has for them."""

    def add(self, value: object) -> str:
        """Remember a value, return what stands for it in SQL."""
        name = f"p{len(self)}"
        self[name] = value
        return f":{name}"


def path_id(database: Database, path: Path) -> int | None:
    """The number of a path that some record has a fact at; None when none has."""
    from git_datmo.model.fields import show_path  # a listing by age has no use for it

    rows = database.rows("SELECT path FROM paths WHERE name = ?", (show_path(path),))
    return int(rows[0][0]) if rows else None
