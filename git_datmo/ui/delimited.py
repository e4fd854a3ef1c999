"""Comma-separated values as RFC 4180 has them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence

from git_datmo.model.text import encodable
from git_datmo.ui.documents import to_line
from git_datmo.ui.escape import safe
from git_datmo.ui.rows import cell

CHUNK = 500


def to_csv(
    names: Sequence[str], rows: Iterable[Sequence[object]], *, escaped: bool = False
) -> Iterator[str]:
    """Yield pieces of text to be written as they are: a header, then one record per row.

    Records end in CR LF; open files with `newline=""`. Numbers have all their digits, None is an
    empty field, dictionaries and lists are JSON. Text stays as it is, line breaks included;
    with `escaped` (for a terminal) control characters are shown as escapes instead.
    """
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\r\n")
    show = safe if escaped else encodable
    writer.writerow([show(name) for name in names])
    for number, row in enumerate(rows, 1):
        writer.writerow([show(_field(value)) for value in row])
        if number % CHUNK == 0:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()


def _field(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, (Mapping, list, tuple)):
        return to_line(value)
    return cell(value, exact=True)
