"""What an address says: the choices of a table, and links that change one of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from git_datmo.errors import UsageError
from git_datmo.model.frozen import field, frozen

if TYPE_CHECKING:
    from starlette.requests import Request

ROWS = 100
MAX_ROWS = 1000


@frozen
class Choices:
    """The parameters of a page as they stand in its address, so that a link can be shared."""

    path: str
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def one(self, name: str) -> str | None:
        """The last value of a parameter; None where there is none, or an empty one."""
        found = self.values.get(name, ())
        return found[-1] or None if found else None

    def many(self, name: str) -> tuple[str, ...]:
        """All values of a parameter that are not empty."""
        return tuple(filter(None, self.values.get(name, ())))

    def flag(self, name: str) -> bool:
        """Whether a switch is on."""
        return self.one(name) in ("1", "on", "yes", "true")

    def number(self, name: str, default: int, *, least: int = 0, most: int = 10**9) -> int:
        """A whole number within bounds. Raises UsageError for what is none."""
        text = self.one(name)
        if text is None:
            return default
        if not (text.isascii() and text.isdigit() and len(text) < 12):
            raise UsageError(f"{name}={text!r} is no number")
        return max(least, min(most, int(text)))

    @property
    def rows(self) -> int:
        """How many rows a page of the table has."""
        return self.number("rows", ROWS, least=1, most=MAX_ROWS)

    @property
    def page(self) -> int:
        """Which page of the table, counted from 1."""
        return self.number("page", 1, least=1)

    def link(self, **changed: object) -> str:
        """The same page with other values; None takes a parameter away. A change of anything but
        the page leads to the first page."""
        values = {name: list(found) for name, found in self.values.items()}
        if "page" not in changed:
            values.pop("page", None)
        for name, value in changed.items():
            if value is None:
                values.pop(name, None)
            elif isinstance(value, (list, tuple)):
                values[name] = [str(one) for one in value]
            else:
                values[name] = [str(value)]
        pairs = [(name, one) for name, found in values.items() for one in found if one]
        return self.path + ("?" + urlencode(pairs) if pairs else "")

    def sorting(self, key: str) -> str:
        """The link of a column's head: descending first, then ascending, then not at all."""
        now = self.one("sort")
        return self.link(sort={f"-{key}": key, key: None}.get(now or "", f"-{key}"))


def choices(request: Request) -> Choices:
    """The choices in a request's address."""
    values: dict[str, list[str]] = {}
    for name, value in request.query_params.multi_items():
        values.setdefault(name, []).append(value)
    # As the browser wrote it: decoded, a name with a slash or a question mark would lead elsewhere.
    raw: bytes = request.scope.get("raw_path") or quote(request.url.path).encode()
    path = quote(raw.partition(b"?")[0], safe="/%:@!$&'()*+,;=~")
    return Choices(path, {name: tuple(found) for name, found in values.items()})


def to(*parts: str, **parameters: object) -> str:
    """An address of ours: `to("runs", id, tab="log")`; each part is one segment, each value of a
    list one parameter."""
    path = "/" + "/".join(quote(part, safe="") for part in parts)
    pairs = [
        (name, str(one))
        for name, value in parameters.items()
        for one in (value if isinstance(value, (list, tuple)) else [value])
        if one not in (None, "")
    ]
    return path + ("?" + urlencode(pairs) if pairs else "")
