"""Progress that counts each byte once, however often it is sent."""

from __future__ import annotations

from git_datmo.remotes.base import Advance


class Meter:
    """Turns 'so many bytes are there' into the steps that `advance` wants."""

    def __init__(self, advance: Advance) -> None:
        self._advance, self._told = advance, 0

    def reach(self, count: int) -> None:
        """So many bytes are there by now; fewer than before is no news."""
        if count > self._told:
            self._advance(count - self._told)
            self._told = count
