"""A comparison of two snapshots as pages show it; `differences.html` has its macros."""

from __future__ import annotations

from collections.abc import Iterable

from git_datmo.model.diff import Change, FileChange, SnapshotDiff
from git_datmo.model.frozen import frozen
from git_datmo.ui import patch
from git_datmo.ui.diff import delta_text, modes, path_of, side, sizes
from git_datmo.ui.escape import clip, safe
from git_datmo.ui.web.fileaddress import file_address

LINES = 2000
COLUMNS = 400
_CLASSES = {"+": "added", "-": "removed", "@": "place"}
WORDS = {"A": "added", "M": "changed", "D": "deleted", "T": "other kind", "R": "renamed"}


@frozen
class Line:
    """One line of a patch and its class in the style sheet."""

    text: str
    kind: str


@frozen
class Moved:
    """One file that differs; `address` leads to it where the later side has it."""

    status: str
    path: str
    sizes: str
    address: str | None


@frozen
class Setting:
    """One key that differs."""

    key: str
    kind: str
    before: str
    after: str
    delta: str


@frozen
class View:
    """What differs, ready to be shown: `hidden` lines of the patch are not among `lines`."""

    before: str
    after: str
    lines: tuple[Line, ...]
    hidden: int
    code: tuple[Moved, ...]
    files: tuple[Moved, ...]
    environment: tuple[Moved, ...]
    settings: tuple[tuple[str, tuple[Setting, ...]], ...]
    empty: bool


def view(diff: SnapshotDiff) -> View:
    """A comparison as its page shows it."""
    lines, hidden = patch_lines(diff.code_patch)
    environment = [moved(change, None) for change in diff.environment]
    before, after = diff.environment_ids
    if before != after and not environment:
        ids = f"{(before or '(none)')[:12]} -> {(after or '(none)')[:12]}"
        environment = [Moved("changed", ids, "", None)]
    parts = (("Config", diff.config), ("Stats", diff.stats), ("Attributes", diff.attributes))
    return View(
        diff.before,
        diff.after,
        lines,
        hidden,
        tuple(moved(change, diff.after) for change in diff.code),
        tuple(moved(change, diff.after) for change in diff.files),
        tuple(environment),
        tuple((name, settings(changes)) for name, changes in parts if changes),
        diff.empty,
    )


def patch_lines(text: str, most: int = LINES) -> tuple[tuple[Line, ...], int]:
    """The first `most` lines of a patch, long ones cut, and how many there are besides."""
    found: list[Line] = []
    hidden = 0
    for line, inside in patch.lines(text):
        if len(found) >= most:
            hidden += 1
            continue
        kind = _CLASSES.get(line[:1], "") if inside else "heading"
        found.append(Line(clip(safe(line[: COLUMNS * 4], multiline=True), COLUMNS), kind))
    return tuple(found), hidden


def moved(change: FileChange, after: str | None) -> Moved:
    """One changed file; `after` is the snapshot to show it from."""
    address = None
    if after is not None and change.status != "D" and not change.path.endswith("/"):
        address = file_address(after, change.path)
    said = " ".join(filter(None, (sizes(change), modes(change).strip())))
    return Moved(WORDS.get(change.status, change.status), path_of(change), said, address)


def settings(changes: Iterable[Change]) -> tuple[Setting, ...]:
    """Keys that differ, as texts."""
    return tuple(
        Setting(
            safe(change.key),
            change.kind,
            side(change.before),
            side(change.after),
            delta_text(change).strip(),
        )
        for change in changes
    )
