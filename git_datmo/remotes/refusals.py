"""What a git server's refusal means, and what to do about it."""

from __future__ import annotations

import re

from git_datmo.errors import RemoteError


class Stale(RemoteError):
    """Somebody else moved a ref in the meantime."""


class Cut(RemoteError):
    """The connection ended in the middle."""


class TooLarge(RemoteError):
    """The server takes less than that in one request."""


class Unadvertised(RemoteError):
    """The server gives only what a ref of it points to."""


_STALE = re.compile(
    r"stale info|cannot lock ref|failed to update ref|fetch first|reference already exists"
)
_SIZE = re.compile(r"error: 413|HTTP 413|Request Entity Too Large|pack exceeds maximum allowed")
_UNADVERTISED = re.compile(r"does not allow request for unadvertised|not our ref")
_CUT = re.compile(
    r"RPC failed|hung up unexpectedly|early EOF|unexpected disconnect|Connection reset"
    r"|transfer closed|error: 50[234]|Empty reply"
)
_NOISE = re.compile(
    r"(remote: )?(Enumerating|Counting|Compressing|Writing|Receiving|Resolving|Unpacking"
    r"|Delta compression|Total|To |Done|Pushing to)"
)
# The first that matches is told, so the surer signs come first.
_ADVICE = (
    (r"No space left|Disk quota", "make room there, then push again: what arrived is kept"),
    (
        r"Failed to connect|resolve host|Connection refused|Connection timed out|No route to host",
        "is the server up, and the address right?",
    ),
    (
        r"error: 401|Authentication failed|could not read (Username|Password)|Permission denied"
        r"|terminal prompts disabled",
        "git could not sign in: give it credentials as for any push "
        "('git help credentials'; a token where the host wants one)",
    ),
    (
        r"error: 403|not permitted|access denied|not authorized|insufficient permission",
        "ask for the right to push there",
    ),
    (r"receive-pack not enabled|service not enabled", "this server takes no pushes this way"),
    (r"error: 404|not found|does not appear to be a git repo", "check the address"),
    (
        r"refs/datmo-(folders|live)/.*(hook declined|protected)",
        "the server does not let refs/datmo-folders/* and refs/datmo-live/* be written: "
        "ask whoever runs it",
    ),
    (
        r"hidden ref|deny updating a hidden|hook declined|protected",
        "the server does not let refs/datmo-store/* be written: keep content elsewhere, "
        "'git config datmo.<remote>.store <folder, ssh://, s3:// or lfs>'",
    ),
    (
        r"read-only|unable to create temporary|insufficient permission for adding",
        "the repository there cannot be written: ask whoever looks after it",
    ),
)


def refusal(verb: str, name: str, out: bytes, err: bytes) -> RemoteError:
    """The error for a git command over the network that failed; `name` is the server's."""
    said = without_secrets(err.decode(errors="replace") + out.decode(errors="replace"))
    lines = [line.strip() for line in re.split(r"[\r\n]+", said)]
    lines = [line for line in lines if line and not _NOISE.match(line)]
    shown = _telling(lines)
    kind, advice = RemoteError, None
    for pattern, hint in _ADVICE:
        if re.search(pattern, said, re.IGNORECASE):
            advice = hint
            break
    if _SIZE.search(said):
        kind, advice = TooLarge, "the server caps what one push may carry: ask for a higher cap"
    elif _UNADVERTISED.search(said):
        kind = Unadvertised
    elif advice is None and _CUT.search(said):
        kind, advice = Cut, "try again: what arrived is kept"
    elif verb == "push" and _STALE.search(said):
        kind, advice = Stale, "somebody else pushed at the same time: push again"
    rest = [line for line in lines if line != shown][:12]
    hint = "\n".join([advice] if advice and not rest else [advice or "git said:", *rest])
    return kind(
        f"git {verb} failed at {name}: {shown or 'no message'}",
        hint=hint if rest or advice else None,
    )


def _telling(lines: list[str]) -> str:
    """The line that says most: what the server's git found, else ours, else the last."""
    for sign in ("remote: fatal:", "remote: error:", "fatal: unable", "error: RPC", "!\t"):
        for line in lines:
            if line.startswith(sign):
                return line.replace("\t", " ")
    for sign in ("fatal:", "error:", "remote:"):
        for line in lines:
            if line.startswith(sign):
                return line
    return lines[-1] if lines else ""


def without_secrets(text: str) -> str:
    """Text without the passwords of the addresses in it; where people put tokens in the place of
    the user, as with http, without the user too."""
    text = re.sub(r"(https?://)[^/@\s]*@", r"\1", text, flags=re.IGNORECASE)
    return re.sub(r"(?<=//)([^/@:\s]*):[^/@\s]*@", r"\1@", text)
