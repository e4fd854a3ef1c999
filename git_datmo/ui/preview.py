"""What can be shown of a file's beginning: text, a table, a picture, or none of these."""

from __future__ import annotations

import csv
import io
from typing import Final

from git_datmo.model.frozen import frozen
from git_datmo.ui.escape import safe
from git_datmo.ui.logtext import whole_lines

TEXT, TABLE, PICTURE, BINARY, EMPTY = "text", "table", "picture", "binary", "empty"

HEAD: Final = 1 << 18
"""So many bytes of a file are looked at."""

ROWS, COLUMNS, LONG = 200, 60, 200
PICTURE_BYTES: Final = 32 << 20
_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)
PICTURE_ENDINGS = (".png", ".jpg", ".jpeg", ".gif", ".webp")
_SEPARATORS = {".csv": ",", ".tsv": "\t", ".tab": "\t"}


@frozen
class Preview:
    """One file's beginning. `text` for text; `head` and `rows` for tables; `note` says what of it
    is not shown, empty when all is."""

    kind: str
    text: str = ""
    head: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    note: str = ""


def picture_type(head: bytes) -> str | None:
    """The media type of a picture that browsers draw and that can hold no script; else None."""
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for magic, kind in _MAGIC if head.startswith(magic)), None)


def preview(name: str, head: bytes, size: int) -> Preview:
    """What to show of a file called `name` of `size` bytes whose first bytes are `head`."""
    if not head:
        return Preview(EMPTY)
    if picture_type(head):
        if size > PICTURE_BYTES:
            return Preview(BINARY, note="this picture is too large to be shown here")
        return Preview(PICTURE)
    more = size > len(head)
    text = _decoded(head, more)
    if text is None:
        return Preview(BINARY)
    ending = name[name.rfind(".") :].lower() if "." in name else ""
    if ending in _SEPARATORS:
        table = _table(text, _SEPARATORS[ending], more)
        if table is not None:
            return table
    shown = safe(text.replace("\r\n", "\n"), multiline=True)
    return Preview(TEXT, shown, note=f"the first {len(head):,} bytes of {size:,}" if more else "")


def _decoded(head: bytes, more: bool) -> str | None:
    """The text of some bytes; None where they are no text."""
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        try:
            return head[: len(head) // 2 * 2].decode("utf-16")
        except UnicodeDecodeError:
            return None
    if b"\0" in head:
        return None
    try:
        return (whole_lines(head, more=True) if more else head).decode("utf-8-sig")
    except UnicodeDecodeError:
        # Latin-1 and the like: readable but for some letters, unless it is no text at all.
        text = head.decode("utf-8", "replace")
        return text if text.count("\ufffd") * 20 < len(text) else None


def _table(text: str, separator: str, more: bool) -> Preview | None:
    try:
        lines = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
        listed = [row for _, row in zip(range(ROWS + 2), lines, strict=False) if row]
    except csv.Error:
        return None
    if not listed or max(map(len, listed)) < 2:
        return None
    width = min(COLUMNS, max(map(len, listed)))
    cut = len(listed) > ROWS + 1
    rows = [tuple(_field(one) for one in row[:width]) for row in listed[: ROWS + 1]]
    said = []
    if cut or more:
        said.append(f"the first {len(rows) - 1:,} rows")
    if max(map(len, listed)) > width:
        said.append(f"the first {width} columns")
    return Preview(TABLE, head=rows[0], rows=tuple(rows[1:]), note=", ".join(said))


def _field(text: str) -> str:
    return safe(text[:LONG]) + ("…" if len(text) > LONG else "")
