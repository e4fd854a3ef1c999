"""The nouns that carry a note, as the index names them."""

from __future__ import annotations

SNAPSHOT = "snapshot"
RUN = "run"
ARTIFACT = "artifact"
ENVIRONMENT = "environment"
SESSION = "session"
PROJECT = "project"

# What holds files of its own: its content is delivered, fetched, checked and purged with it.
HOLDERS = (SNAPSHOT, RUN, ARTIFACT)
