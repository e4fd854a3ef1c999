"""How an object becomes the one file of an artifact, and is read again.

The file has squirrel's name for the form (`jsonl`, `messagepack`), the artifact's metadata say
which serializer wrote it.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Mapping
from typing import Any, Protocol, runtime_checkable

from git_datmo.compat.squirrel import jsonform, packing
from git_datmo.compat.squirrel.refusal import Refused, Unstorable
from git_datmo.errors import DamagedContent
from git_datmo.model.artifact import Artifact

OWN_FILE = "object"


@runtime_checkable
class Serializer(Protocol):
    """What squirrel calls a serializer."""

    def serialize(self, obj: Any) -> bytes:
        """The object as bytes."""

    def deserialize(self, obj: bytes) -> Any:
        """The object of these bytes."""


class JsonSerializer:
    """One JSON document on one line. Arrays of NumPy are written as squirrel writes them; tuples,
    sets, bytes and keys that are no text come back as what they were, NumPy's numbers as plain
    ones. Raises Unstorable."""

    def serialize(self, obj: Any) -> bytes:
        """The object as one line of JSON."""
        return jsonform.dumps(obj)

    def deserialize(self, obj: bytes) -> Any:
        """The object of one document. Raises DamagedContent."""
        return jsonform.loads(obj)


class JsonlSerializer:
    """The items of a list, or of anything that gives items, each on a line of its own."""

    def serialize(self, obj: Any) -> bytes:
        """A line for each item. Raises Unstorable for what has no items, and for text."""
        if isinstance(obj, str | bytes | Mapping) or not isinstance(obj, Iterable):
            raise Unstorable(
                f"{type(obj).__name__} is no list of items",
                hint="serializer='json' takes any object",
            )
        return b"".join(jsonform.dumps(item) for item in obj)

    def deserialize(self, obj: bytes) -> list[Any]:
        """The list of items. Raises DamagedContent."""
        return [jsonform.loads(line) for line in obj.split(b"\n") if line]


class MessagepackSerializer:
    """MessagePack, arrays and numbers of NumPy as squirrel writes them. Needs `msgpack`."""

    def serialize(self, obj: Any) -> bytes:
        """The object packed. Raises Unstorable."""
        return packing.dumps(obj)

    def deserialize(self, obj: bytes) -> Any:
        """The object of these bytes. Raises DamagedContent; never runs what they hold."""
        return packing.loads(obj)


class PickleSerializer:
    """Python's own form. Reading it runs what it says: it is done only where it is asked for."""

    def serialize(self, obj: Any) -> bytes:
        """The object pickled. Raises Unstorable."""
        try:
            return pickle.dumps(obj)
        except (pickle.PicklingError, TypeError, AttributeError, RecursionError) as error:
            raise Unstorable(f"it cannot be pickled: {error}") from error

    def deserialize(self, obj: bytes) -> Any:
        """The object of a pickle. Raises DamagedContent, and whatever the pickle's code raises."""
        try:
            return pickle.loads(obj)
        except (pickle.UnpicklingError, EOFError) as error:
            raise DamagedContent(f"this is no pickle: {error}") from error


_NAMED: dict[str, type[Serializer]] = {
    "json": JsonSerializer,
    "jsonl": JsonlSerializer,
    "messagepack": MessagepackSerializer,
    "msgpack": MessagepackSerializer,
    "pickle": PickleSerializer,
}
_FILES: dict[type, str] = {
    JsonSerializer: "jsonl",
    JsonlSerializer: "jsonl",
    MessagepackSerializer: "messagepack",
    PickleSerializer: "pickle",
}
# squirrel's own break on NumPy 2, or unpickle what a file holds: ours write and read their forms.
_SQUIRRELS: dict[str, type[Serializer]] = {
    "JsonSerializer": JsonSerializer,
    "MessagepackSerializer": MessagepackSerializer,
}


def choose(serializer: str | Serializer | None) -> Serializer:
    """The serializer that is meant; `json` where none is said. Raises Refused."""
    if serializer is None:
        return JsonSerializer()
    if isinstance(serializer, str):
        if serializer not in _NAMED:
            raise Refused(
                f"there is no serializer {serializer!r}",
                hint="json, jsonl, messagepack, pickle, or an object of your own",
            )
        return _NAMED[serializer]()
    kind = type(serializer)
    if kind.__module__.startswith("squirrel.serialization.") and kind.__name__ in _SQUIRRELS:
        return _SQUIRRELS[kind.__name__]()
    if isinstance(serializer, type) or not isinstance(serializer, Serializer):
        raise Refused(f"{serializer!r} has no serialize() and deserialize()")
    return serializer


def serialized(serializer: Serializer, obj: object) -> bytes:
    """The bytes of an object. Raises Unstorable, also where a serializer gives something else."""
    data = serializer.serialize(obj)
    if not isinstance(data, bytes | bytearray | memoryview):
        raise Unstorable(f"{name_of(serializer)} made no bytes of it, but {type(data).__name__}")
    return data


def name_of(serializer: Serializer) -> str:
    """What an artifact's metadata call it."""
    kind = type(serializer)
    known = next((name for name, own in _NAMED.items() if own is kind), None)
    return known or f"{kind.__module__}.{kind.__qualname__}"


def file_of(serializer: Serializer) -> str:
    """The name of the artifact's file."""
    return _FILES.get(type(serializer), OWN_FILE)


def reader(found: Artifact, called: str, asked: Serializer) -> Serializer:
    """What reads a logged object. `asked` is what the caller named: without it nothing is read
    that runs code. Raises Refused."""
    said = found.metadata.get("serializer")
    if not isinstance(said, str):
        raise Refused(
            f"{called} was logged as files, not as an object",
            hint="download_artifact() gives its files",
        )
    if said == name_of(asked):
        return asked
    if said == "pickle":
        raise Refused(
            f"{called} is a pickle, which runs code when it is read",
            hint='if you trust whoever made it: get_artifact(…, serializer="pickle")',
        )
    if said not in _NAMED:
        raise Refused(
            f"{called} was logged with a serializer of its own: {said}",
            hint="name that one with serializer=",
        )
    return _NAMED[said]()
