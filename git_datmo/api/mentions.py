"""The resources that a run used or made, each once, whatever a task says how often."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import Any


class Mentions:
    """Records of resources in the order in which they were named; `first` are kept as they are."""

    def __init__(self, first: Iterable[Mapping[str, Any]] = ()) -> None:
        self._found: dict[Hashable, list[dict[str, Any]]] = {}
        self._named: dict[object, set[Hashable]] = {}
        for each in first:
            self._take(dict(each))

    @property
    def all(self) -> list[dict[str, Any]]:
        """The records."""
        return [each for same in self._found.values() for each in same]

    def add(self, resource: dict[str, Any]) -> None:
        """Take a record unless it is there. What is said of an artifact under its own name is
        said anew when it has changed."""
        if _key(resource) in self._found:
            return
        for key in self._named.pop(resource.get("alternative_name"), ()):
            self._found.pop(key, None)
        self._take(resource)

    def _take(self, resource: dict[str, Any]) -> None:
        key = _key(resource)
        self._found.setdefault(key, []).append(resource)
        if name := resource.get("alternative_name"):
            self._named.setdefault(name, set()).add(key)


def _key(resource: Mapping[str, Any]) -> Hashable:
    """What makes two records the same: kind and id, or everything where there is no id."""
    if resource.get("id"):
        return resource.get("kind"), resource["id"]
    return frozenset(resource.items())
