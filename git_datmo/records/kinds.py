"""The nouns that carry a note, as the index names them."""

from __future__ import annotations

SNAPSHOT = "snapshot"
SESSION = "session"
PROJECT = "project"
