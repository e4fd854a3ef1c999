"""One snapshot: the block of `inspect`, and the line of `status`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from git_datmo.ui.escape import safe
from git_datmo.ui.rows import cell, full_time, key, literal, local_time, size, subject
from git_datmo.ui.style import paint

SHORT = 12
FILES_SHOWN = 20
_LABELS = {
    "session": "Session",
    "visible": "Visible",
    "author": "Author",
    "parent": "Parent",
    "code_id": "Code",
    "environment_id": "Environment",
    "file_collection_id": "Files",
    "config": "Config",
    "stats": "Stats",
}


def block(
    snapshot: Mapping[str, object], *, color: bool = False, files: int | None = FILES_SHOWN
) -> Iterator[str]:
    """Yield everything about a snapshot; of its files at most `files` paths (None: all).

    Keys that are absent or None leave out their row.
    """
    yield _heading(str(snapshot["id"]), snapshot, color)
    created = snapshot.get("created")
    if isinstance(created, int):
        yield f"Date: {full_time(created)}"
    yield ""

    column = max(map(len, _LABELS.values()))
    for name, label in _LABELS.items():
        for number, text in enumerate(_values(name, snapshot, files)):
            lead = f"{label:<{column}} -> " if number == 0 else " " * (column + 4)
            yield (lead + text).rstrip()

    message = str(snapshot.get("message") or "")
    if message.strip():
        yield ""
        yield from ("    " + line if line else "" for line in _text(message))


def line(snapshot: Mapping[str, object], *, color: bool = False) -> str:
    """Give a snapshot in one line: short id, label, date, first line of the message."""
    parts = [_heading(str(snapshot["id"])[:SHORT], snapshot, color)]
    created = snapshot.get("created")
    if isinstance(created, int):
        parts.append(local_time(created))
    parts.append(subject(str(snapshot.get("message") or "")))
    return "  ".join(filter(None, parts))


def _heading(identity: str, snapshot: Mapping[str, object], color: bool) -> str:
    heading = paint(f"snapshot {safe(identity)}", "yellow", color=color)
    label = snapshot.get("label")
    if label is not None:
        heading += f" ({paint(f'label: {safe(str(label))}', 'cyan', color=color)})"
    if snapshot.get("deleted"):
        heading += f" ({paint('deleted', 'red', color=color)})"
    return heading


def _values(name: str, snapshot: Mapping[str, object], files: int | None) -> list[str]:
    value = snapshot.get(name)
    if name == "file_collection_id":
        return _files(value, snapshot.get("files"), files)
    if value is None:
        return []
    if isinstance(value, Mapping):
        return [f"{key(inner)}: {literal(v)}" for inner, v in value.items()]
    if name == "visible":
        return [str(bool(value))]
    return [cell(value)]


def _files(identity: object, found: object, limit: int | None) -> list[str]:
    texts = [] if identity is None else [cell(identity)]
    if isinstance(found, Sequence):
        shown = found if limit is None else found[:limit]
        texts += [_file(item) for item in shown]
        if len(found) > len(shown):
            texts.append(f"… and {len(found) - len(shown)} more")
    return texts


def _file(item: Mapping[str, object]) -> str:
    length = item.get("size")
    path = safe(str(item["path"]))
    return f"{path} ({size(length)})" if isinstance(length, int) else path


def _text(message: str) -> list[str]:
    lines = safe(message.replace("\r\n", "\n").strip("\n"), multiline=True).split("\n")
    return [text.rstrip() for text in lines]
