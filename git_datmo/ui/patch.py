"""git's patch text: coloured, or counted for a summary."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from git_datmo.ui.escape import safe
from git_datmo.ui.style import paint

_HUNK = re.compile(r"@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@")
_ESCAPED = re.compile(r'\\([0-7]{3}|[abtnvfr"\\])')
_CONTROL = {"a": 7, "b": 8, "t": 9, "n": 10, "v": 11, "f": 12, "r": 13, '"': 34, "\\": 92}
_COLORS = {"+": "green", "-": "red", "@": "cyan"}


@dataclass(slots=True)
class Counts:
    """Lines added and removed in one file of a patch."""

    added: int = 0
    removed: int = 0
    binary: bool = False


def render(patch: str, *, color: bool, raw: bool = False) -> Iterator[str]:
    """Yield the lines of a patch, control characters shown as escapes unless `raw`."""
    for line, inside in lines(patch):
        style = _COLORS.get(line[:1], "") if inside else "bold"
        yield paint(line if raw else safe(line, multiline=True), style, color=color)


def count(patch: str) -> dict[str, Counts]:
    """Count added and removed lines per path (the new one of a rename)."""
    counts: dict[str, Counts] = {}
    current = Counts()
    old = ""
    for line, inside in lines(patch):
        if inside:
            current.added += line.startswith("+")
            current.removed += line.startswith("-")
        elif line.startswith("diff --git "):
            current = Counts()
            old = ""
        elif line.startswith("--- "):
            old = _path(line[4:])
        elif line.startswith("+++ "):
            counts[_path(line[4:]) or old] = current
        elif line.startswith("Binary files ") or line == "GIT binary patch":
            current.binary = True
    return counts


def lines(patch: str) -> Iterator[tuple[str, bool]]:
    """Yield each line and whether it lies in a hunk, where `--- x` is a removed line `-- x`."""
    old = new = 0
    for line in patch.removesuffix("\n").split("\n") if patch else ():
        hunk = _HUNK.match(line) if old <= 0 and new <= 0 else None
        if hunk:
            old, new = (int(number or 1) for number in hunk.groups())
            yield line, True
        elif old > 0 or new > 0:
            old -= line[:1] not in ("+", "\\")
            new -= line[:1] not in ("-", "\\")
            yield line, True
        else:
            yield line, line.startswith("\\")


def _path(name: str) -> str:
    """Read the path of a `---` or `+++` line, git's quoting undone; empty for /dev/null."""
    name = name.rstrip("\t")
    if name.startswith('"') and name.endswith('"'):
        name = _unquoted(name[1:-1])
    if name == "/dev/null":
        return ""
    return name[2:] if name[:2] in ("a/", "b/") else name


def _unquoted(name: str) -> str:
    def byte(match: re.Match[str]) -> str:
        code = match[1]
        return chr(_CONTROL[code] if code in _CONTROL else int(code, 8))

    # Octal escapes are bytes: read them as Latin-1 beside the rest, then as what they spell.
    spelled = name.encode("utf-8", "surrogateescape").decode("latin-1")
    return _ESCAPED.sub(byte, spelled).encode("latin-1").decode("utf-8", "surrogateescape")
