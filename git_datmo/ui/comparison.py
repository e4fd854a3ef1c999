"""A repeated run beside the original, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from git_datmo.model.comparison import Comparison, Content, FileMatch, Section
from git_datmo.model.diff import MISSING, Change
from git_datmo.ui.diff import change_dict, delta_text
from git_datmo.ui.escape import clip, safe
from git_datmo.ui.escape import width as columns_of
from git_datmo.ui.rows import literal, size
from git_datmo.ui.style import paint

NOTHING = "(none)"
SHORT = 12
_STYLES = {"added": "green", "removed": "red", "extra": "green", "missing": "red"}


def render(
    comparison: Comparison, *, color: bool, width: int | None, details: bool = False
) -> Iterator[str]:
    """Yield whether the two gave the same, and a section for each kind of thing they gave.

    Only what differs is listed; with `details` also files that are equal and numbers that are
    near enough. With a `width`, lines are cut to it.
    """
    for line, style in _lines(comparison, details):
        yield paint(line if width is None else clip(line, width), style, color=color)


def _lines(comparison: Comparison, details: bool) -> Iterator[tuple[str, str]]:
    verdict = "the same" if comparison.equal else "different"
    style = "bold green" if comparison.equal else "bold red"
    repeated, original = comparison.repeated[:SHORT], comparison.original[:SHORT]
    yield f"{safe(repeated)} repeats {safe(original)}: {verdict}", style

    if comparison.outcome:
        yield "Outcome", "bold"
        for change in comparison.outcome:
            name = change.key.replace("_", " ").capitalize()
            yield f"  {name:<9}  {_side(change.before)} -> {_side(change.after)}", ""
    else:
        code = "" if comparison.exit_code is None else f", exit code {comparison.exit_code}"
        yield f"Outcome   {safe(comparison.status)}{code}, both times", ""

    said: list[Change] = []
    for section in comparison.sections:
        if not section.empty:
            yield _title(section), "bold" if section.changes else ""
            # Printed results are stats too: what differs is said once.
            yield from _changes([change for change in section.changes if change not in said])
            said += section.changes
            if details:
                yield from _changes(section.near, style="dim")
    yield from _files(comparison, details)


def _title(section: Section) -> str:
    total = section.equal + len(section.near) + len(section.changes)
    text = f"{section.name.capitalize():<9} {section.equal + len(section.near)} of {total} equal"
    if section.near:
        text += f", {len(section.near)} of them within the tolerance"
    return text + (f", {section.ignored} ignored" if section.ignored else "")


def _changes(changes: Sequence[Change], *, style: str | None = None) -> Iterator[tuple[str, str]]:
    longest = max((columns_of(safe(change.key)) for change in changes), default=0)
    for change in changes:
        key = safe(change.key)
        key += " " * (longest - columns_of(key))
        line = f"  {key}  {_side(change.before)} -> {_side(change.after)}{delta_text(change)}"
        yield line, _STYLES.get(change.kind, "") if style is None else style


def _side(value: object) -> str:
    return NOTHING if value is MISSING or value is None else literal(value)


def _files(comparison: Comparison, details: bool) -> Iterator[tuple[str, str]]:
    files, ignored = comparison.files, comparison.ignored_files
    if not files and not ignored:
        return
    odd = [file for file in files if file.kind != "equal"]
    text = f"Files     {len(files) - len(odd)} of {len(files)} equal"
    yield text + (f", {ignored} ignored" if ignored else ""), "bold" if odd else ""

    shown = files if details else odd
    longest = max((columns_of(safe(file.path)) for file in shown), default=0)
    for file in shown:
        path = safe(file.path)
        path += " " * (longest - columns_of(path))
        line = f"  {file.kind:<9}  {path}  {_sizes(file)}".rstrip()
        yield line, "dim" if file.kind == "equal" else _STYLES.get(file.kind, "")


def _sizes(file: FileMatch) -> str:
    before, after = file.before, file.after
    if before is None or after is None or file.kind == "equal":
        return _size(after or before)
    if before.digest == after.digest:
        return f"mode {before.mode or 0:o} -> {after.mode or 0:o}"
    if before.size == after.size:
        return ", ".join(filter(None, (_size(after), "other content")))
    return " -> ".join(filter(None, (_size(before), _size(after))))


def _size(content: Content | None) -> str:
    return "" if content is None or content.size is None else size(content.size)


def to_dict(comparison: Comparison) -> dict[str, object]:
    """Give the comparison as plain values for JSON: what a side does not have is left out."""
    whole: dict[str, object] = {
        "original": comparison.original,
        "repeated": comparison.repeated,
        "equal": comparison.equal,
        "status": comparison.status,
        "exit_code": comparison.exit_code,
        "outcome": [change_dict(change) for change in comparison.outcome],
    }
    for section in comparison.sections:
        whole[section.name] = {
            "equal": section.equal,
            "ignored": section.ignored,
            "different": [change_dict(change) for change in section.changes],
            "near": [change_dict(change) for change in section.near],
        }
    whole["files"] = [_file(file) for file in comparison.files]
    whole["ignored_files"] = comparison.ignored_files
    whole["rtol"] = comparison.rtol
    whole["ignore"] = list(comparison.ignore)
    return whole


def _file(file: FileMatch) -> dict[str, object]:
    whole: dict[str, object] = {"path": file.path, "kind": file.kind}
    for side, content in (("before", file.before), ("after", file.after)):
        if content is not None:
            mode = None if content.mode is None else f"{content.mode:06o}"
            facts = {"digest": content.digest, "size": content.size, "mode": mode}
            whole[side] = {name: fact for name, fact in facts.items() if fact is not None}
    return whole
