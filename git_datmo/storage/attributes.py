"""Attributes that matter to a snapshot: what converts bytes, and what forces the store."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from git_datmo.storage.repository import Repository

CONVERTS, FORCED, FORBIDDEN = 1, 2, 4

_NAMES = ("text", "eol", "ident", "filter", "working-tree-encoding", "crlf", "datmo")


def sources(repository: Repository) -> str:
    """A stamp of the attribute files outside the work tree; empty when there are none.

    The `.gitattributes` files inside it are tracked by whoever tracks the tree.
    """
    config = repository.config
    default = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    named = config.get("core.attributesfile")
    outside = Path(named).expanduser() if named else default / "git" / "attributes"
    parts = []
    for path in (
        repository.common_dir / "info" / "attributes",
        outside,
        Path("/etc/gitattributes"),
    ):
        try:
            state = os.stat(path)
        except OSError:
            continue
        if state.st_size:
            parts.append(f"{path}:{state.st_size}:{state.st_mtime_ns}:{state.st_ino}")
    if (config.get("core.autocrlf") or "false").lower() not in ("false", "no", "off", "0"):
        parts.append("autocrlf")
    return " ".join(parts)


def look_up(repository: Repository, paths: Iterable[bytes]) -> dict[bytes, int]:
    """The flags of those paths that have any."""
    listed = b"\0".join(paths)
    if not listed:
        return {}
    out = repository.git.run("check-attr", "-z", "--stdin", *_NAMES, data=listed + b"\0")
    everything = (repository.config.get("core.autocrlf") or "false").lower() not in (
        "false",
        "no",
        "off",
        "0",
    )
    fields = out.split(b"\0")
    flags: dict[bytes, int] = {}
    for at in range(0, len(fields) - 2, 3):
        path, name, value = fields[at : at + 3]
        if name == b"datmo":
            flag = FORCED if value == b"set" else FORBIDDEN if value == b"unset" else 0
        elif name in (b"text", b"crlf") and value == b"unspecified":
            flag = CONVERTS if everything else 0
        else:
            flag = 0 if value in (b"unspecified", b"unset") else CONVERTS
        if flag:
            flags[path] = flags.get(path, 0) | flag
    return flags
