"""Artifacts for people: the block of `inspect`, and what differs between two versions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from git_datmo.model.artifact import EXECUTABLE, FOLDER, LINK, REFERENCE, Artifact, Entry
from git_datmo.model.diff import ArtifactDiff
from git_datmo.model.quantity import counted
from git_datmo.ui.diff import change_dict, change_lines, file_dict, file_lines
from git_datmo.ui.escape import clip, safe
from git_datmo.ui.rows import cell, full_time, key, literal, size
from git_datmo.ui.style import paint

SHOWN = 20
RUN = 12
_MARKS = {EXECUTABLE: "executable", LINK: "link", FOLDER: "empty folder"}
_COLUMN = 11


def block(found: Artifact, *, color: bool = False, objects: int | None = SHOWN) -> Iterator[str]:
    """Yield everything about a version; of its objects at most `objects` (None: all)."""
    heading = paint(f"artifact {safe(found.reference)}", "yellow", color=color)
    if found.label is not None:
        heading += f" ({paint(f'label: {safe(found.label)}', 'cyan', color=color)})"
    if found.latest:
        heading += " (latest)"
    if found.deleted:
        heading += f" ({paint('deleted', 'red', color=color)})"
    yield heading
    yield f"Date: {full_time(found.created)}"
    yield ""
    rows: list[tuple[str, Sequence[str]]] = [
        ("Id", [found.id]),
        ("Other name", [cell(found.alternative_name)] if found.alternative_name else []),
        ("Author", [cell(found.author)] if found.author else []),
        ("Metadata", [f"{key(k)}: {literal(v)}" for k, v in found.metadata.items()]),
        ("Made by", [f"run {safe(run[:RUN])}" for run in found.made_by]),
        ("Used by", [f"run {safe(run[:RUN])}" for run in found.used_by]),
        ("Objects", _objects(found, objects)),
    ]
    for name, texts in rows:
        for number, text in enumerate(texts):
            lead = f"{name:<{_COLUMN}} -> " if number == 0 else " " * (_COLUMN + 4)
            yield (lead + text).rstrip()
    if found.message.strip():
        yield ""
        lines = safe(found.message.replace("\r\n", "\n").strip("\n"), multiline=True).split("\n")
        yield from (f"    {line.rstrip()}" if line.strip() else "" for line in lines)


def counts(found: Artifact) -> str:
    """How much a version holds: `3 files (1.2 MiB), 1 reference`."""
    text = f"{counted(found.files, 'file')} ({size(found.size)})"
    if found.references:
        text += f", {counted(found.references, 'reference')}"
    return text


def _objects(found: Artifact, limit: int | None) -> list[str]:
    shown = found.entries if limit is None else found.entries[:limit]
    texts = [counts(found), *(_entry(entry) for entry in shown)]
    if len(found.entries) > len(shown):
        texts.append(f"… and {len(found.entries) - len(shown)} more (--json lists all)")
    return texts


def _entry(entry: Entry) -> str:
    path = safe(entry.path)
    if entry.mode == REFERENCE:
        return f"{path} -> {safe(entry.uri or '')}"
    facts = [] if entry.size is None else [size(entry.size)]
    facts += [_MARKS[entry.mode]] if entry.mode in _MARKS else []
    return f"{path} ({', '.join(facts)})" if facts else path


def comparison(diff: ArtifactDiff, *, color: bool, width: int | None) -> Iterator[str]:
    """Yield a section for each part that differs, or `no differences`; lines are cut to `width`."""
    if diff.empty:
        yield "no differences"
        return
    before, after = diff.references
    yield safe(f"{before} -> {after}")
    sections = (
        ("Attributes", change_lines(diff.attributes)),
        ("Files", file_lines(diff.files)),
        ("References", change_lines(diff.uris)),
        ("Metadata", change_lines(diff.metadata)),
    )
    for title, lines in sections:
        found = list(lines)
        if not found:
            continue
        yield ""
        yield paint(title, "bold", color=color)
        for line, style in found:
            text = f"  {line}"
            yield paint(text if width is None else clip(text, width), style, color=color)


def to_dict(diff: ArtifactDiff) -> dict[str, object]:
    """Give the comparison as plain values for JSON: what a side does not have is left out."""
    return {
        "before": diff.before,
        "after": diff.after,
        "names": list(diff.references),
        "empty": diff.empty,
        "attributes": [change_dict(change) for change in diff.attributes],
        "files": [file_dict(change) for change in diff.files],
        "references": [change_dict(change) for change in diff.uris],
        "metadata": [change_dict(change) for change in diff.metadata],
    }
