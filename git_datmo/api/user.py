"""What of the user's process matters to the api."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from git_datmo.model.frozen import frozen


@frozen
class User:
    """What of the user's process matters: its variables, whether it is the user's own, and the
    folder that relative paths start from (None: the top of the work tree)."""

    environ: Mapping[str, str]
    running: bool = False
    folder: Path | None = None


NOBODY = User({})
