"""`t9k.CONFIG`, as scripts read and set it. Nothing is behind it: no file, no server, no key."""

from __future__ import annotations

import re
from collections.abc import ItemsView, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

_KEY = "api_key"
_ITEMS = (_KEY, "aistore_host", "asset_hub_host")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


class Configuration(Mapping[str, str | None]):
    """The items `api_key`, `aistore_host` and `asset_hub_host`; None until they are set.

    They last as long as the program. A key is looked at and forgotten: it always reads as None.
    """

    def __init__(self) -> None:
        self._items: dict[str, str | None] = dict.fromkeys(_ITEMS)

    def __getitem__(self, name: str) -> str | None:
        return self._items[_known(name)]

    def __setitem__(self, name: str, value: str | None) -> None:
        """Set an item. Raises ValueError for another name, for a key that is no UUID and for a
        host that is no address, TypeError for what is no text."""
        _known(name)
        if value is not None and not isinstance(value, str):
            raise TypeError(f"{name} of the configuration is text, not {type(value).__name__}")
        if value is not None and name == _KEY and not _UUID.fullmatch(value):
            raise ValueError("Invalid API Key format")
        if value is not None and name != _KEY:
            _check_address(value)
        self._items[name] = None if name == _KEY else value

    def __iter__(self) -> Iterator[str]:
        return iter(_ITEMS)

    def __len__(self) -> int:
        return len(_ITEMS)

    def __contains__(self, name: object) -> bool:
        return name in _ITEMS

    def get(self, name: str, default: Any = None) -> Any:
        """Return an item, `default` where it is not set. Raises ValueError for another name."""
        found = self[name]
        return default if found is None else found

    def update(self, new: Mapping[str, str | None]) -> None:
        """Set several items, or none of them. Raises as setting one does."""
        before = dict(self._items)
        try:
            for name, value in new.items():
                self[name] = value
        except (TypeError, ValueError):
            self._items = before
            raise

    def items(self) -> ItemsView[str, str | None]:
        """Return the pairs of name and value."""
        return self.to_dict().items()

    def to_dict(self) -> dict[str, str | None]:
        """Return a copy."""
        return dict(self._items)

    def __repr__(self) -> str:
        return f"Configuration({self._items!r})"


def _known(name: str) -> str:
    if name not in _ITEMS:
        raise ValueError(f"Invalid SDK config item: {name}")
    return name


def _check_address(value: str) -> None:
    parts = urlsplit(value)
    if not parts.scheme:
        raise ValueError(f"Invalid URL {value!r}: No scheme supplied. Perhaps you meant https://?")
    if parts.scheme in ("http", "https") and not parts.hostname:
        raise ValueError(f"Invalid URL {value!r}: No host supplied")
