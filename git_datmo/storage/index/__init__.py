"""The index: a derived SQLite file that answers every listing, filter and sort.

It holds which note of which ref says what about which object, and one record per object that
folding its notes gave. It can be deleted at any time: whoever opens it next finds it empty and
fills it from the notes refs.
"""

from __future__ import annotations

from git_datmo.storage.index.index import Index
from git_datmo.storage.index.record import Record

__all__ = ["Index", "Record"]
