"""Which names of tree entries may be written to a disk.

The checks run on every platform, whatever git is configured to: a tree that is made here may be
restored on a disk that folds case, drops code points or knows other names for `.git`. They refuse
at least what `git fsck --strict` refuses. Names that are merely odd are somebody's data and pass.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

# HFS+ leaves these out when it compares names; the list is git's (utf8.c, next_hfs_char).
_HFS_IGNORED = dict.fromkeys(
    (*range(0x200C, 0x2010), *range(0x202A, 0x202F), *range(0x206A, 0x2070), 0xFEFF)
)

# git's check for HFS+ reads a name up to the first thing that it does not take for UTF-8: a stray
# byte (a lone surrogate once decoded), U+FFFE or U+FFFF.
_END_FOR_GIT = re.compile("[\udc80-\udcff\ufffe\uffff].*", re.DOTALL)

# NTFS drops trailing dots and spaces, reads `:` as the start of a stream, and `git~1` is the short
# name it gives to `.git`. A backslash separates directories on Windows, so every part is looked at.
_NTFS_DOTGIT = re.compile(r"(?:^|\\)(?:\.git|git~1)[. ]*(?:\Z|[\\:])")

# What `git fsck`, and so many a server, reads as git's own file, whatever folder it lies in.
_GITS_OWN = re.compile(
    r"(?:^|\\)(?:\.git(modules|attributes)|git(mod|att)~[1-4]|gi(7eba|7d29)~[1-9])[. ]*(?:\Z|:)"
)


def check_name(name: bytes) -> str | None:
    """Return why `name` must not be written as one component of a path, or None when it may."""
    if not name:
        return "it is empty"
    if name in (b".", b".."):
        return f"'{name.decode()}' is not a name"
    if b"/" in name:
        return "it contains '/'"
    if b"\0" in name:
        return "it contains a NUL byte"
    if b"git" not in name.lower() and name.isascii():
        return None

    if name == b".git":
        return "it is '.git'"
    text = name.decode("utf-8", "surrogateescape").translate(_HFS_IGNORED).casefold()
    if _END_FOR_GIT.sub("", text) == ".git" or _NTFS_DOTGIT.search(text):
        return "some systems read it as '.git'"
    return None


def gits_own(name: bytes) -> str | None:
    """Return `.gitmodules` or `.gitattributes` when git would read an entry as such, else None.

    git's checks look at what is in these, and refuse folders and some links of their names.
    """
    if b"gi" not in name.lower() and name.isascii():
        return None
    text = name.decode("utf-8", "surrogateescape").translate(_HFS_IGNORED).casefold()
    found = _GITS_OWN.search(text)
    if found is None:
        return None
    modules = (found[1] or found[2] or found[3]) in ("modules", "mod", "7eba")
    return ".gitmodules" if modules else ".gitattributes"


def check_kind(name: bytes, kind: str) -> str | None:
    """Return why an entry of a kind (`file`, `link` or `folder`) cannot have a name, else None: a
    server that checks what it gets would refuse every push that holds it.
    """
    own = gits_own(name)
    if own and (kind == "folder" or (kind, own) == ("link", ".gitmodules")):
        return f"git takes it for '{own}', which cannot be a {kind}"
    return None


def fold_key(name: bytes) -> bytes:
    """Return what a disk that folds case and Unicode forms compares names by.

    A name that is not UTF-8 is its own key.
    """
    if name.isascii():
        return name.lower()
    try:
        text = name.decode("utf-8")
    except UnicodeDecodeError:
        return name
    folded = unicodedata.normalize("NFC", text).casefold()
    return unicodedata.normalize("NFC", folded).encode("utf-8")


def clashes(names: Iterable[bytes]) -> list[tuple[bytes, bytes]]:
    """Return the pairs of names of one directory that such a disk takes for one.

    The first of each pair came first in `names`; a name that is there twice clashes with itself.
    """
    first: dict[bytes, bytes] = {}
    found = []
    for name in names:
        key = fold_key(name)
        if key in first:
            found.append((first[key], name))
        else:
            first[key] = name
    return found
