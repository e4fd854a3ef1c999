"""Headers that a server asks us to send. It may ask for what it needs, not bend the request."""

from __future__ import annotations

import re

MOST = 64
LONGEST = 16_384
_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,256}")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
# How a request is framed and where it goes is ours to say.
_OURS = frozenset(
    {"connection", "content-length", "expect", "host", "keep-alive", "proxy-authorization"}
    | {"proxy-connection", "te", "trailer", "upgrade", "range", "accept-encoding", "cookie"}
)


def headers_of(value: object) -> dict[str, str]:
    """The headers of a JSON answer. Raises ValueError for what cannot be headers."""
    if value is None:
        return {}
    if not isinstance(value, dict) or len(value) > MOST:
        raise ValueError("'header' is no small table")
    found: dict[str, str] = {}
    for name, text in value.items():
        if not isinstance(text, str) or not _NAME.fullmatch(name):
            raise ValueError("'header' has something that is no header")
        if len(text) > LONGEST or not _VALUE.fullmatch(text):
            raise ValueError(f"the header {name} has a value that cannot be sent")
        if name.lower() not in _OURS:
            found[name] = text
    return found


def value_of(headers: dict[str, str], name: str) -> str | None:
    """The value of a header, whatever the case of its name."""
    return next((text for key, text in headers.items() if key.lower() == name.lower()), None)
