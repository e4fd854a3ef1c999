"""YAML as programs write it, read without ever making anybody's objects.

Older tools write tuples and numpy's scalars as tags that name Python classes. Tuples become lists
here, scalars numbers; of any other such tag the plain data beneath it is what counts. A document
that unfolds to far more than was written, or holds itself, is refused before it is built.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from git_datmo.errors import FileIOError

if TYPE_CHECKING:
    import yaml

# numpy's short names of types, and how `struct` reads them.
_FORMATS = {
    "b1": "?",
    "i1": "b",
    "i2": "h",
    "i4": "i",
    "i8": "q",
    "u1": "B",
    "u2": "H",
    "u4": "I",
    "u8": "Q",
    "f2": "e",
    "f4": "f",
    "f8": "d",
}
# The library goes into each level by calling itself, and C has no error for too many of them.
MAX_DEPTH = 200
# How many values may stand for others that were written down once.
MAX_REPEATED = 100_000
_SCALAR = ("numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar")


def load(text: str | bytes) -> Any:
    """Return what a document holds. Raises FileIOError for what is no YAML."""
    import yaml

    try:
        _require_bounded(text)
        return yaml.load(text, Loader=_loader())
    except (yaml.YAMLError, ValueError, RecursionError, struct.error) as error:
        said = " ".join(str(error).split())
        raise FileIOError(f"it is not YAML that can be read: {said:.200}") from None


def dump(value: Any) -> str:
    """Return plain values as YAML, keys in their order. Raises FileIOError for any others."""
    import yaml

    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    try:
        text = yaml.dump(value, Dumper=dumper, sort_keys=False, allow_unicode=True)
    except yaml.YAMLError as error:
        raise FileIOError(f"it cannot be written as YAML: {error}") from None
    return str(text)


def _require_bounded(text: str | bytes) -> None:
    """Raise ValueError for a document that is deep, holds itself, or grows out of aliases."""
    import yaml

    sizes: dict[str, int] = {}
    # Of each collection that is open: its anchor, and how many values it holds so far.
    inside: list[tuple[str | None, int]] = [(None, 0)]
    repeated = 0
    for event in yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        size = 1
        anchor: str | None = getattr(event, "anchor", None)
        if isinstance(event, yaml.CollectionStartEvent):
            if len(inside) > MAX_DEPTH:
                raise ValueError(f"it is nested deeper than {MAX_DEPTH} levels")
            inside.append((anchor, 1))
            continue
        if isinstance(event, yaml.CollectionEndEvent):
            anchor, size = inside.pop()
        elif isinstance(event, yaml.AliasEvent):
            if anchor not in sizes and any(anchor == name for name, _ in inside):
                raise ValueError(f"'*{anchor}' holds itself")
            size = sizes.get(anchor or "", 1)
            repeated += size
            if repeated > MAX_REPEATED:
                raise ValueError(f"its aliases stand for more than {MAX_REPEATED} values")
            anchor = None
        elif not isinstance(event, yaml.ScalarEvent):
            continue
        if anchor is not None:
            sizes[anchor] = size
        name, before = inside[-1]
        inside[-1] = name, before + size


_made: type[yaml.SafeLoader] | None = None


def _loader() -> type[yaml.SafeLoader]:
    """The safe loader of the library, the fast one where there is one, with the tags of Python."""
    global _made
    if _made is None:
        import yaml

        class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
            """Reads tags of Python as plain data."""

        Loader.add_multi_constructor("tag:yaml.org,2002:python/", _python)
        _made = Loader
    return _made


def _python(loader: Any, tag: str, node: Any) -> Any:
    import yaml

    if isinstance(node, yaml.SequenceNode):
        items = loader.construct_sequence(node, deep=True)
        return _scalar(items) if tag.endswith(_SCALAR) else items
    if isinstance(node, yaml.MappingNode):
        found = loader.construct_mapping(node, deep=True)
        if tag.endswith(_SCALAR) and isinstance(found.get("args"), list):
            return _scalar(found["args"])
        return found
    return _text(tag, loader.construct_scalar(node))


def _text(tag: str, text: str) -> Any:
    if tag == "int" or tag == "long":
        return int(text)
    if tag == "float":
        return float(text)
    if tag == "bool":
        return text.casefold() == "true"
    return None if tag == "none" else text


def _scalar(items: list[Any]) -> Any:
    """The number that numpy wrote as its type and its bytes."""
    kind, data = (*items, None, None)[:2]
    name, order = "", "<"
    if isinstance(kind, dict):
        name = str((kind.get("args") or [""])[0])
        state = kind.get("state")
        if isinstance(state, list) and len(state) > 1 and state[1] in ("<", ">"):
            order = state[1]
    elif isinstance(kind, list) and kind:
        name = str(kind[0])
    if isinstance(data, bytes) and name in _FORMATS:
        return struct.unpack(order + _FORMATS[name], data)[0]
    return data.decode("utf-8", "replace") if isinstance(data, bytes) else data
