"""What is raised for a wrong call, with the types that squirrel's callers catch it by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from git_datmo.errors import (
    AmbiguousId,
    Conflict,
    DatmoError,
    InvalidArgumentType,
    UsageError,
    ValidationFailed,
)
from git_datmo.model.artifact import check_collection


class Refused(ValidationFailed, ValueError):
    """An argument that the manager does not take."""


class Unstorable(InvalidArgumentType, TypeError):
    """An object that a serializer has no form for."""


class Ambiguous(AmbiguousId, ValueError):
    """A version that two clones made each."""


class IncompleteCollection(Conflict, ValueError):
    """Some artifacts of a collection could not be downloaded; `failures` says why, by name."""

    def __init__(self, message: str, failures: Mapping[str, DatmoError | OSError]) -> None:
        super().__init__(message)
        self.failures = dict(failures)


def collection_of(name: object) -> str:
    """Return the name of a collection. Raises Refused, in squirrel's words."""
    try:
        return check_collection(name)
    except ValidationFailed as error:
        said, colon, _ = error.message.rpartition(": ")
        raise Refused(f"{said}." if colon else error.message, hint=f"it was {name!r}") from error


@contextmanager
def refusing() -> Iterator[None]:
    """Let refusals of what is inside be ValueErrors as well."""
    try:
        yield
    except UsageError as error:
        if isinstance(error, ValueError):
            raise
        raise Refused(error.message, hint=error.hint) from error
