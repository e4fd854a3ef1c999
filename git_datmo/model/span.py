"""Spans of time as people write them: 14d, 12h, 2w."""

from __future__ import annotations

import re

from git_datmo.errors import ValidationFailed

_SPAN = re.compile(r"(\d+(?:\.\d+)?) ?(s|m|h|d|w|y)")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400, "y": 365 * 86_400}
_LONGEST = 1000 * 365 * 86_400


def parse_span(text: str) -> float:
    """The seconds that a span lasts; a bare 0 needs no unit. Raises ValidationFailed."""
    match = _SPAN.fullmatch(text.strip().lower())
    seconds = float(match[1]) * _SECONDS[match[2]] if match else 0.0
    if (match is None and text.strip() != "0") or seconds > _LONGEST:
        raise ValidationFailed(f"'{text}' is no span of time: write 30d, 12h or 2w")
    return seconds
