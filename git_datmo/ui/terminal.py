"""What a task printed, made fit for a terminal: colours and line overwriting stay, all else that
steers a terminal is shown as text. A colleague's log must not set titles or move the cursor."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

_KEPT = rb"\x1b\[[0-9;:]{0,32}[mK]"
_STEERING = re.compile(
    _KEPT + rb"|\x1b|\xc2[\x80-\x9f]|\xd8\x9c|\xe2\x80[\x8e\x8f\xaa-\xae]|\xe2\x81[\xa6-\xa9]"
    rb"|[\x00-\x07\x0b\x0c\x0e-\x1f\x7f]"
)
# The beginning of something that only the next piece decides.
_UNDECIDED = re.compile(rb"(?:\x1b(?:\[[0-9;:]{0,32})?|\xc2|\xd8|\xe2[\x80\x81]?)\Z")


def passable(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the pieces with every control but tab, line feed, return, backspace and colours shown
    as `\\x1b`; bytes that are not UTF-8 stay. What a piece leaves undecided waits for the next."""
    rest = b""
    for piece in pieces:
        piece = rest + piece
        undecided = _UNDECIDED.search(piece)
        cut = undecided.start() if undecided else len(piece)
        piece, rest = piece[:cut], piece[cut:]
        yield _STEERING.sub(_shown, piece)
    if rest:
        yield _STEERING.sub(_shown, rest)


def _shown(match: re.Match[bytes]) -> bytes:
    found = match[0]
    if len(found) > 1 and found[:1] == b"\x1b":
        return found
    code = ord(found.decode())
    return (f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}").encode()
