"""What of a project a Dockerfile copies, and what its `.dockerignore` keeps out."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase

IGNORE_FILE = ".dockerignore"

_INSTRUCTION = re.compile(r"\s*(?:ONBUILD\s+)?(?:COPY|ADD)\s+(.*)", re.IGNORECASE | re.DOTALL)
_ESCAPE = re.compile(r"^[ \t]*#[ \t]*escape[ \t]*=", re.MULTILINE | re.IGNORECASE)
_COMMENT = re.compile(r"^[ \t]*#.*\n?", re.MULTILINE)
_CONTINUED = re.compile(r"\\[ \t]*\r?\n")
# What only the builder can tell the meaning of: variables, quotes, classes, here-documents.
_OPAQUE = re.compile(r"[$\"'\\\[]|^<<")


def copied(dockerfile: bytes) -> list[str] | None:
    """The paths that a Dockerfile copies from its context, as they are written there (`*` and `?`
    may stand in them); None when that may be all of it."""
    text = dockerfile.decode(errors="replace")
    if _ESCAPE.search(text):
        return None
    found: list[str] = []
    for line in _CONTINUED.sub(" ", _COMMENT.sub("", text)).splitlines():
        match = _INSTRUCTION.fullmatch(line)
        for source in _sources(match[1].strip()) if match is not None else ():
            if "://" in source or source.startswith("git@"):
                continue
            path = posixpath.normpath(f"/{source}").lstrip("/")
            if not path or _OPAQUE.search(source):
                return None
            found.append(path)
    return found


def _sources(words: str) -> list[str]:
    while words.startswith("--"):
        flag, _, words = words.partition(" ")
        words = words.lstrip()
        if flag.startswith("--from="):
            return []
    if words.startswith("["):
        try:
            return [str(word) for word in json.loads(words)][:-1]
        except ValueError:
            pass  # then the builder does not take it for a list either
    return words.split()[:-1]


def select(paths: Iterable[str], sources: Iterable[str]) -> set[str] | None:
    """Those of `paths` that lie at or below `sources`; None when a source is none of them."""
    split = [(path, path.split("/")) for path in paths]
    found: set[str] = set()
    for source in sources:
        parts = source.split("/")
        below = {
            path
            for path, names in split
            if len(names) >= len(parts) and all(map(fnmatchcase, names, parts))
        }
        if not below:
            return None
        found |= below
    return found


def ignorer(text: bytes) -> Callable[[str], bool]:
    """Whether a path is kept out by a `.dockerignore` of these bytes, as Docker reads it: the last
    pattern that matches the path or a folder above it decides."""
    patterns: list[tuple[bool, re.Pattern[str]]] = []
    for line in text.decode("utf-8-sig", "replace").splitlines():
        line = line.strip()
        negated = line.startswith("!")
        path = posixpath.normpath("/" + line.removeprefix("!").strip()).lstrip("/")
        if line and not line.startswith("#") and path:
            patterns.append((negated, _pattern(path)))

    def ignores(path: str) -> bool:
        names = path.split("/")
        above = ["/".join(names[: count + 1]) for count in range(len(names))]
        ignored = False
        for negated, pattern in patterns:
            if ignored == negated and any(map(pattern.fullmatch, above)):
                ignored = not negated
        return ignored

    return ignores


def _pattern(text: str) -> re.Pattern[str]:
    found, at = "", 0
    while at < len(text):
        char, rest = text[at], text[at:]
        at += 1
        if rest.startswith("**"):
            at += 2 if rest.startswith("**/") else 1
            found += "(?:.*/)?" if at < len(text) else ".*"
        elif char == "*":
            found += "[^/]*"
        elif char == "?":
            found += "[^/]"
        elif match := re.match(r"\[(\^?)((?:\\.|[^\]\\])+)\]", rest):
            at += len(match[0]) - 1
            found += f"[{match[1]}{match[2].replace('[', chr(92) + '[')}]"
        elif char == "\\" and at < len(text):
            found += re.escape(text[at])
            at += 1
        else:
            found += re.escape(char)
    try:
        return re.compile(found, re.DOTALL)
    except re.error:  # a range that runs backwards
        return re.compile(re.escape(text))
