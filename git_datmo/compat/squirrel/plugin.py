"""What squirrel loads by itself wherever both are installed: sources of our catalogs open."""

from __future__ import annotations

from typing import Any

from pluggy import HookimplMarker

_implements = HookimplMarker("squirrel")


@_implements(tryfirst=True)
def squirrel_drivers() -> list[Any]:
    """The driver `directory`, which makes the view of an artifact that it is to read."""
    try:
        from git_datmo.compat.squirrel.driver import DirectoryDriver
    except ImportError:  # an older squirrel, which has no such driver
        return []
    return [DirectoryDriver]
