"""What a program printed, as text for a page: no colours, no cursor, nothing that acts."""

from __future__ import annotations

import re

from git_datmo.ui.escape import safe

# Escape sequences: CSI, OSC and the like up to their end, and those of two characters.
_SEQUENCE = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b\n]*(?:\x07|\x1b\\)?|[ -/]*[0-~])"
)
_HALF = 3


def shown(data: bytes) -> str:
    """Some bytes of a log as a page shows them: escape sequences are dropped, a line that was
    written over says what it said last, other control characters are shown as escapes."""
    text = _SEQUENCE.sub("", data.decode("utf-8", "replace"))
    if "\r" in text:
        # A piece that goes on with a line which was shown already begins a new one.
        first = "\n" if text[0] == "\r" and text.strip("\r")[:1] not in ("", "\n") else ""
        lines = (line.rstrip("\r") for line in text.split("\n"))
        text = first + "\n".join(line[line.rfind("\r") + 1 :] for line in lines)
    return safe(text, multiline=True)


def whole_lines(data: bytes, *, more: bool) -> bytes:
    """The beginning of a piece that ends with a line where `more` follows, else with a whole
    character: what is cut off belongs to the next piece."""
    if more:
        end = data.rfind(b"\n") + 1
        if end:
            return data[:end]
    for back in range(1, min(_HALF, len(data)) + 1):
        byte = data[-back]
        if byte & 0xC0 == 0x80:
            continue
        length = 4 if byte >= 0xF0 else 3 if byte >= 0xE0 else 2 if byte >= 0xC0 else 1
        return data[:-back] if length > back else data
    return data
