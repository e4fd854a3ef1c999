"""What doctor found and what became of it."""

from __future__ import annotations

from collections import Counter
from typing import Final, Literal

from git_datmo.model.frozen import frozen

MENDED: Final = "mended"
MENDABLE: Final = "mendable"
LEFT: Final = "left"
REMARK: Final = "remark"

State = Literal["mended", "mendable", "left", "remark"]


@frozen
class Ailment:
    """One thing that is not as it should be.

    `kind` groups such things (`lock`, `litter`, `index`, `ref`, …), `subject` is the ref, file or
    setting it is about. `state` is `mended` (`action` says how), `mendable` (a dry run: `action`
    says what would be done), `left` (`advice` says what the user can do) or `remark`, which needs
    nothing.
    """

    kind: str
    subject: str
    message: str
    state: State
    action: str = ""
    advice: str = ""


@frozen
class Checkup:
    """All that doctor found. `full` says that every object and all stored content was read."""

    ailments: tuple[Ailment, ...]
    dry_run: bool
    full: bool

    @property
    def ok(self) -> bool:
        """Whether all is well, or was mended."""
        return not any(one.state in (LEFT, MENDABLE) for one in self.ailments)

    @property
    def counts(self) -> dict[str, int]:
        """How many there are of each state."""
        return dict(Counter(one.state for one in self.ailments))
