"""A campaign: how much was done to a program, and what came of it.

With TORTURE_REPORT=FILE each campaign adds a line of JSON to that file.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from tests.torture.checker import Harm

FULL = os.environ.get("TORTURE", "") == "full"
REPORT = os.environ.get("TORTURE_REPORT", "")

_T = TypeVar("_T")


def chosen(known: Sequence[_T], sample: int) -> list[_T]:
    """As many of `known`, spread over all of it; all of it with TORTURE=full."""
    if FULL or len(known) <= sample:
        return list(known)
    if sample == 1:
        return [known[len(known) // 2]]
    steps = {round(step * (len(known) - 1) / (sample - 1)) for step in range(sample)}
    return [known[step] for step in sorted(steps)]


@dataclass
class Campaign:
    """`injected` faults, of which `effective` were met; what was `acknowledged`, and the harm."""

    name: str
    injected: int = 0
    effective: int = 0
    acknowledged: int = 0
    harm: Harm = field(default_factory=Harm)
    control: bool = False

    def counts(self) -> dict[str, int]:
        """All figures by name; the last four must be nothing."""
        return {
            "injected": self.injected,
            "effective": self.effective,
            "acknowledged": self.acknowledged,
            "lost": len(self.harm.lost),
            "incomplete": len(self.harm.incomplete),
            "bricked": len(self.harm.bricked),
            "escaped": len(self.harm.escaped),
        }

    def assert_sound(self, *, effective: int, acknowledged: int = 1) -> None:
        """Enough was done, and no harm came of it."""
        assert not self.harm, self.harm
        assert self.effective >= effective, self.counts()
        assert self.acknowledged >= acknowledged, self.counts()

    def assert_harmed(self, *kinds: str) -> None:
        """What a control must end in: harm of one of these kinds, of any when none is named."""
        self.control = True
        counts = self.counts()
        found = kinds or ("lost", "incomplete", "bricked", "escaped")
        assert any(counts[kind] for kind in found), f"the harness breaks nothing: {counts}"

    def report(self) -> None:
        """Write the figures to the file that was asked for, if one was."""
        if REPORT:
            with open(REPORT, "a", encoding="utf-8") as file:
                file.write(
                    json.dumps({"campaign": self.name, "control": self.control} | self.counts())
                    + "\n"
                )
