"""Addresses of files: the bytes of a path, whatever they are, and back."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote_to_bytes

if TYPE_CHECKING:
    from starlette.requests import Request

FILES, RAW = "files", "raw"


def file_address(commit: str, path: str = "", *, raw: bool = False) -> str:
    """Where a file or folder of a snapshot, run (its commit) or artifact is shown; `raw` is where
    its bytes are."""
    lead = f"/{RAW if raw else FILES}/{quote(commit, safe='')}"
    return f"{lead}/{quote(os.fsencode(path), safe='/')}" if path else lead


def file_path(request: Request) -> str:
    """The path that a request's address names: what the server decodes has lost odd bytes."""
    raw: bytes = request.scope.get("raw_path") or request.url.path.encode()
    # "", "files", commit, path
    return os.fsdecode(unquote_to_bytes(raw.partition(b"?")[0].split(b"/", 3)[3]))
