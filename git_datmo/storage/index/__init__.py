"""The index: a derived SQLite file that answers every listing, filter and sort.

It holds which note of which ref says what about which object, and one record per object that
folding its notes gave. It can be deleted at any time: whoever opens it next finds it empty and
fills it from the notes refs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from git_datmo.storage.index.index import Index
from git_datmo.storage.index.record import Record

if TYPE_CHECKING:
    # A name for annotations only: importing it for real costs as much as a listing.
    from git_datmo.storage.index.update import Update as Update

__all__ = ["Index", "Record"]
