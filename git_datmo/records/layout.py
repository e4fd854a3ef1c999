"""The names of the format: every ref, every trailer, every constant blob."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from git_datmo.errors import DamagedObject, NewerFormat, ValidationFailed

FORMAT = 1

OWN = "refs/datmo/"
NOTES = "refs/datmo/notes/"
SNAPSHOTS = "refs/datmo/snapshots/"
ENVIRONMENTS = "refs/datmo/environments/"
RUNS = "refs/datmo/runs/"
ARTIFACTS = "refs/datmo/artifacts/"
# What changes after it was pushed lies outside of refs/datmo/*.
FOLDERS = "refs/datmo-folders/"
LIVE = "refs/datmo-live/"
REMOTES = "refs/datmo-remotes/"
LOCAL = "refs/datmo-local/"
# The authoritative tip of our own chain, outside every glob that is pushed or fetched.
LOCAL_TIP = "refs/datmo-local/notes"
# Where refs go that a plain fetch brought into refs/datmo/*.
PLAIN = "refs/datmo-remotes/_plain/"

NOTES_MESSAGE = f"git-datmo notes\n\nDatmo-Format: {FORMAT}\n"
ENVIRONMENT_MESSAGE = f"git-datmo environment\n\nDatmo-Format: {FORMAT}\n"
ENVIRONMENT_AUTHOR = "git-datmo <git-datmo@localhost>"

ARTIFACT_TRAILER = "Datmo-Artifact"

_TRAILER = re.compile(r"^(Datmo-[A-Za-z]+): ?(.*)$")
_NUMBER = re.compile(r"[1-9][0-9]{0,8}")
_OID = re.compile(r"[0-9a-f]{40}")
_CLONE = re.compile(r"[0-9a-f]{16}")
_RUN = re.compile(r"[0-9a-f]{32}")
_COMPONENT = r"(?:[a-z0-9_-]|%[0-9A-F]{2}|(?<=[a-z0-9_-])\.(?=[a-z0-9_-]))+"
_VERSION = r"v(?:0|[1-9][0-9]{0,14})"
_ARTIFACT = re.compile(rf"{_COMPONENT}/{_COMPONENT}/{_VERSION}-[0-9a-f]{{7}}")
_SHAPES = {
    "notes": _CLONE,
    "snapshots": _OID,
    "environments": _OID,
    "runs": _RUN,
    "artifacts": _ARTIFACT,
}


def notes_ref(clone: str) -> str:
    """The ref of a clone's notes chain."""
    return NOTES + clone


def tracking(remote: str) -> str:
    """Where a remote's refs are kept here; the counterpart of `refs/datmo/`."""
    return f"{REMOTES}{remote}/"


def fetch_line(remote: str) -> str:
    """The fetch line of a remote, so that a plain `git fetch` brings everything."""
    return f"+{OWN}*:{tracking(remote)}*"


def clone_of(ref: str) -> str | None:
    """The clone whose notes chain `ref` is, whatever namespace it lies in; else None."""
    head, _, name = ref.rpartition("/")
    if head.endswith("/notes") and _CLONE.fullmatch(name) and not ref.startswith(LOCAL):
        return name
    return None


def is_ours_by_shape(ref: str) -> bool:
    """Whether a ref below refs/datmo/ has a name that the format knows."""
    group, _, name = ref.removeprefix(OWN).partition("/")
    shape = _SHAPES.get(group)
    return shape is not None and shape.fullmatch(name) is not None


def encoded(text: str) -> str:
    """Any text as one component of a ref name, that no disk takes for another one's.

    Percent-encoded is all but `a-z 0-9 _ -` and a dot between two of these: capitals too, and a
    dot before `lock` at the end.
    """
    kept = re.compile(r"[a-z0-9_-]|(?<=[a-z0-9_-])\.(?=[a-z0-9_-])(?!lock$)")
    return "".join(
        character
        if kept.match(text, place)
        else "".join(f"%{byte:02X}" for byte in character.encode("utf-8", "surrogateescape"))
        for place, character in enumerate(text)
    )


def decoded(component: str) -> str:
    """The text that `encoded` made a component of. Raises DamagedObject for any other."""
    data = re.sub(
        rb"%([0-9A-F]{2})",
        lambda match: bytes([int(match[1], 16)]),
        component.encode("ascii", "replace"),
    )
    text = data.decode("utf-8", "surrogateescape")
    if not component or encoded(text) != component:
        raise DamagedObject(f"{component!r} is not a component that git-datmo wrote")
    return text


def artifact_ref(collection: str, name: str, version: int, oid: str) -> str:
    """The ref of a version of an artifact."""
    return f"{ARTIFACTS}{encoded(collection)}/{encoded(name)}/v{version}-{oid[:7]}"


def blob_id(data: bytes) -> str:
    """The id git gives these bytes as a blob."""
    import hashlib

    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


PROJECT_BLOB = b"datmo project\n"
PROJECT_ID = "9289b91add7e142503213819a235011c4f82d125"


def session_blob(name: str) -> bytes:
    """The constant blob that a session's note lies on."""
    return b"datmo session " + name.encode() + b"\n"


def session_id(name: str) -> str:
    """The id of the session first created as `name`, the same in every clone."""
    return blob_id(session_blob(name))


DEFAULT_SESSION = "default"
# `session_id(DEFAULT_SESSION)`, spelled out because every listing needs it.
DEFAULT_SESSION_ID = "406fb6622e992f54fc2b0627aa93e1e64187bb47"


def message(text: str, trailers: Mapping[str, str | None]) -> str:
    """A commit message: the user's text, a blank line, our trailers.

    The last paragraph is ours alone, so whatever the user writes cannot forge a trailer. Raises
    ValidationFailed for what is no text.
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValidationFailed("a message is text; this one holds bytes that are none") from error
    lines = [f"Datmo-Format: {FORMAT}"]
    lines += [f"{name}: {value}" for name, value in trailers.items() if value is not None]
    body = text.strip("\n")
    return (body + "\n\n" if body else "") + "\n".join(lines) + "\n"


def is_run_id(text: str) -> bool:
    """Whether `text` is the id of a run, written out."""
    return _RUN.fullmatch(text) is not None


def is_oid(text: str) -> bool:
    """Whether `text` is an object id, written out."""
    return _OID.fullmatch(text) is not None


def trailers(text: str) -> tuple[str, dict[str, str]]:
    """Split a commit message into the user's text and our trailers.

    Raises DamagedObject when it is no message of ours, NewerFormat when it is a later one's.
    """
    body, _, last = text.rstrip("\n").rpartition("\n\n")
    found: dict[str, str] = {}
    for line in last.split("\n"):
        match = _TRAILER.match(line)
        if match is None:
            raise DamagedObject("the commit message has no git-datmo trailers")
        found[match[1]] = match[2]
    number = found.get("Datmo-Format", "")
    if not _NUMBER.fullmatch(number):
        raise DamagedObject("the commit message has no Datmo-Format")
    if int(number) > FORMAT:
        raise NewerFormat(f"this was written in format {number}; this git-datmo knows {FORMAT}")
    return body, found


def carries(text: str, trailer: str) -> bool:
    """Whether a commit message has a trailer of ours: whatever the user wrote above does not
    count."""
    return f"\n{trailer}: " in "\n" + text.rstrip("\n").rpartition("\n\n")[2]


def paths_trailer(paths: Iterable[bytes]) -> str | None:
    """Paths as one line of JSON; undecodable bytes as lone surrogates, escaped."""
    import json

    listed = [path.decode("utf-8", "surrogateescape") for path in paths]
    return json.dumps(listed, separators=(",", ":")) if listed else None


def parse_paths(text: str) -> tuple[bytes, ...]:
    """The inverse of `paths_trailer`. Raises DamagedObject."""
    import json

    try:
        listed = json.loads(text)
        if not isinstance(listed, list):
            raise DamagedObject("the Datmo-Paths trailer is no list")
        return tuple(path.encode("utf-8", "surrogateescape") for path in listed)
    except (ValueError, AttributeError, TypeError, RecursionError) as error:
        raise DamagedObject("the Datmo-Paths trailer is damaged") from error
