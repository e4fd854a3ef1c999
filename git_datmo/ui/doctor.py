"""What doctor found, for people and as a document."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

from git_datmo.model.checkup import LEFT, MENDABLE, MENDED, REMARK, Checkup
from git_datmo.ui.escape import safe

_WORD = {MENDED: "mended", MENDABLE: "found", LEFT: "left", REMARK: "note"}


def to_dict(found: Checkup) -> dict[str, object]:
    """The document that `--json` prints."""
    return {
        "ok": found.ok,
        "dry_run": found.dry_run,
        "full": found.full,
        "counts": found.counts,
        "ailments": [asdict(one) for one in found.ailments],
    }


def render(found: Checkup) -> Iterator[str]:
    """What was found, what became of it and what is left to do, then how many of each."""
    for one in found.ailments:
        yield safe(f"{_WORD[one.state]:>6}  {one.message}")
        if one.action:
            yield safe(f"        {'to be done' if one.state == MENDABLE else 'done'}: {one.action}")
        if one.advice:
            yield safe(f"        what you can do: {one.advice}")
    yield _sum(found)


def _sum(found: Checkup) -> str:
    counts = found.counts
    told = [
        f"{counts[state]} {word}"
        for state, word in (
            (MENDED, "mended"),
            (MENDABLE, "to be mended by 'git datmo doctor'"),
            (LEFT, "left"),
        )
        if counts.get(state)
    ]
    if not told:
        return "all is well"
    return ", ".join(told)
