"""A comparison of two snapshots, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from git_datmo.model.diff import MISSING, Change, FileChange, SnapshotDiff
from git_datmo.model.quantity import counted
from git_datmo.ui import patch
from git_datmo.ui.escape import clip, safe
from git_datmo.ui.escape import width as columns_of
from git_datmo.ui.rows import cell, literal, size
from git_datmo.ui.style import paint

NOTHING = "(none)"
_STYLES = {"A": "green", "D": "red", "added": "green", "removed": "red"}
_BAR = 40


def render(
    diff: SnapshotDiff, *, color: bool, width: int | None, stat: bool = False, raw: bool = False
) -> Iterator[str]:
    """Yield a section for each component that differs, or `no differences`.

    Code is git's patch; with `stat` one line per file instead. With a `width`, all lines but the
    patch's are cut to it. `raw` leaves control characters in the patch as they are.
    """
    if diff.empty:
        yield "no differences"
        return

    before_env, after_env = diff.environment_ids
    environment = list(file_lines(diff.environment))
    if before_env != after_env:
        environment.insert(0, (f"{_short(before_env)} -> {_short(after_env)}", ""))
    code = () if diff.code_patch and not stat else _code(diff)
    sections = (
        ("Attributes", change_lines(diff.attributes)),
        ("Code", code),
        ("Environment", environment),
        ("Files", file_lines(diff.files)),
        ("Config", change_lines(diff.config)),
        ("Stats", change_lines(diff.stats)),
    )

    blank = False
    for title, found in sections:
        lines = list(found)
        patched = title == "Code" and bool(diff.code_patch) and not stat
        if not lines and not patched:
            continue
        if blank:
            yield ""
        yield paint(title, "bold", color=color)
        if patched:
            yield from patch.render(diff.code_patch, color=color, raw=raw)
        for line, style in lines:
            line = f"  {line}"
            yield paint(line if width is None else clip(line, width), style, color=color)
        blank = True


def change_lines(changes: Sequence[Change]) -> Iterator[tuple[str, str]]:
    longest = max((columns_of(safe(change.key)) for change in changes), default=0)
    for change in changes:
        key = safe(change.key)
        key += " " * (longest - columns_of(key))
        line = f"{key}  {side(change.before)} -> {side(change.after)}{delta_text(change)}"
        yield line, _STYLES.get(change.kind, "")


def side(value: object) -> str:
    """What one side of a change says."""
    return NOTHING if value is MISSING else literal(value)


def delta_text(change: Change) -> str:
    """By how much a number changed, in brackets; empty where that says nothing."""
    delta = change.delta
    if delta is None or delta == 0:
        return ""

    sign, share = "+" if delta > 0 else "", change.percent
    return f"  ({sign}{cell(delta)}{'' if share is None else f', {sign}{share:.4g}%'})"


def file_lines(changes: Sequence[FileChange]) -> Iterator[tuple[str, str]]:
    names = [path_of(change) for change in changes]
    longest = max(map(columns_of, names), default=0)
    for change, name in zip(changes, names, strict=True):
        padding = " " * (longest - columns_of(name))
        line = f"{change.status}  {name}{padding}  {sizes(change)}{modes(change)}"
        yield line.rstrip(), _STYLES.get(change.status, "")


def path_of(change: FileChange) -> str:
    """The path of a change, of a rename both."""
    name = safe(change.path)
    return name if change.old_path is None else f"{safe(change.old_path)} -> {name}"


def sizes(change: FileChange) -> str:
    """How large a file was and is."""
    before, after = change.before_size, change.after_size
    if before is None or after is None:
        known = after if before is None else before
        return "" if known is None else size(known)
    if change.before_digest is not None and change.before_digest == change.after_digest:
        return size(after)
    if before == after:
        return f"{size(after)}, other content"

    shown = size(before), size(after)
    if shown[0] == shown[1]:
        shown = f"{before} B", f"{after} B"
    return f"{shown[0]} -> {shown[1]}"


def modes(change: FileChange) -> str:
    """What became of a file's mode; empty when nothing did."""
    before, after = change.before_mode, change.after_mode
    if before is None or after is None or before == after:
        return ""
    return f"  mode {before:o} -> {after:o}"


def _code(diff: SnapshotDiff) -> Iterator[tuple[str, str]]:
    """Yield what `git diff --stat` says: a bar per file, and a sum."""
    counts = patch.count(diff.code_patch)
    names = [path_of(change) for change in diff.code]
    longest = max(map(columns_of, names), default=0)
    most = max((c.added + c.removed for c in counts.values()), default=0)
    digits = max(len(str(most)), 3)
    for change, name in zip(diff.code, names, strict=True):
        padding = " " * (longest - columns_of(name))
        found = counts.get(change.path)
        if found is None or found.binary:
            detail = f"{'Bin':>{digits}} {sizes(change)}{modes(change)}"
            if found is None and change.before_digest == change.after_digest:
                detail = f"{0:>{digits}}{modes(change)}"
        else:
            lines = found.added + found.removed
            detail = f"{lines:>{digits}} {_bar(found, most)}{modes(change)}"
        yield f"{name}{padding} | {detail}".rstrip(), ""

    if diff.code:
        added = sum(c.added for c in counts.values())
        removed = sum(c.removed for c in counts.values())
        yield f"{counted(len(diff.code), 'file')} changed, {added}(+), {removed}(-)", ""


def _bar(counts: patch.Counts, most: int) -> str:
    scale = min(1.0, _BAR / most) if most else 1.0

    def drawn(number: int) -> int:
        return max(1, int(number * scale)) if number else 0

    return "+" * drawn(counts.added) + "-" * drawn(counts.removed)


def _short(identity: str | None) -> str:
    return NOTHING if identity is None else safe(identity[:12])


def to_dict(diff: SnapshotDiff) -> dict[str, object]:
    """Give the comparison as plain values for JSON: what a side does not have is left out."""
    before_env, after_env = diff.environment_ids
    return {
        "before": diff.before,
        "after": diff.after,
        "empty": diff.empty,
        "attributes": [change_dict(change) for change in diff.attributes],
        "code": {"files": [file_dict(c) for c in diff.code], "patch": diff.code_patch},
        "environment": {
            "before": before_env,
            "after": after_env,
            "files": [file_dict(c) for c in diff.environment],
        },
        "files": [file_dict(c) for c in diff.files],
        "config": [change_dict(change) for change in diff.config],
        "stats": [change_dict(change) for change in diff.stats],
    }


def change_dict(change: Change) -> dict[str, object]:
    """One key that differs, as plain values: what a side does not have is left out."""
    whole: dict[str, object] = {"key": change.key, "kind": change.kind}
    if change.before is not MISSING:
        whole["before"] = change.before
    if change.after is not MISSING:
        whole["after"] = change.after
    if change.delta is not None:
        whole["delta"] = change.delta
    if change.percent is not None:
        whole["percent"] = change.percent
    return whole


def file_dict(change: FileChange) -> dict[str, object]:
    """One path that differs, as plain values; sizes are bytes."""
    whole: dict[str, object] = {"path": change.path, "status": change.status}
    if change.old_path is not None:
        whole["old_path"] = change.old_path
    for side, length, digest, mode in (
        ("before", change.before_size, change.before_digest, change.before_mode),
        ("after", change.after_size, change.after_digest, change.after_mode),
    ):
        facts = {"size": length, "digest": digest, "mode": None if mode is None else f"{mode:06o}"}
        present = {name: fact for name, fact in facts.items() if fact is not None}
        if present:
            whole[side] = present
    return whole
