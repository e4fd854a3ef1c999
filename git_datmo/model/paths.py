"""The paths of `--paths`: `src`, or `src>dest` for another place in the snapshot."""

from __future__ import annotations

import os

from git_datmo.errors import InvalidDestinationName, TooManyArgumentsFound, ValidationFailed
from git_datmo.model.frozen import frozen
from git_datmo.model.names import check_name


@frozen
class Mapping:
    """A file or folder `src` as the user named it, and its place `dest` in the snapshot.

    `dest` is relative to the project, its parts separated by '/'; None means: where it is.
    """

    src: str
    dest: str | None


def parse_mapping(text: str) -> Mapping:
    """Read one argument of `--paths`. A `>` cannot be part of a name here.

    Raises TooManyArgumentsFound for a second `>`, InvalidDestinationName for a destination that is
    not a relative path inside the project, ValidationFailed for a source that cannot be a path.
    """
    src, arrow, dest = text.partition(">")
    if ">" in dest:
        raise TooManyArgumentsFound(f"{text!r} has more than one '>'")
    if not src:
        raise ValidationFailed(f"{text!r} names no file or folder")
    if "\0" in src:
        raise ValidationFailed(f"{text!r} contains a NUL character")
    if not arrow:
        return Mapping(src, None)

    _check_destination(text, dest)
    return Mapping(src, dest)


def _check_destination(text: str, dest: str) -> None:
    if not dest:
        raise InvalidDestinationName(f"{text!r} has no destination after '>'")
    if dest.startswith("/"):
        raise InvalidDestinationName(
            f"the destination in {text!r} is absolute",
            hint="a destination is a path relative to the project, such as data/train.csv",
        )
    try:
        parts = os.fsencode(dest).split(b"/")
    except UnicodeEncodeError:
        raise InvalidDestinationName(f"the destination in {text!r} cannot be a file name") from None
    for part in parts:
        reason = check_name(part)
        if reason is not None:
            raise InvalidDestinationName(
                f"the destination in {text!r} has a part that cannot be used: {reason}"
            )
