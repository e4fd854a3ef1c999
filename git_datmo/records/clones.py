"""Who this clone is, and how it notices that it was copied.

`<common dir>/datmo/clone` holds the id together with the file's own device and inode and the
machine's id. A copy (`cp -r`, a restored backup) has other numbers: it takes a new id, whose
notes chain starts where the old one ended, so nothing is lost and no two clones share a ref.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import NamedTuple

from git_datmo.model.ids import CLONE_RE, new_clone_id
from git_datmo.records import layout
from git_datmo.storage import refs
from git_datmo.storage.durability import disk_errors, sync_file, sync_folder


class Clone(NamedTuple):
    """This clone's id; `copied` when the file says it was made elsewhere; `former` are the ids
    it had before."""

    id: str
    copied: bool
    former: tuple[str, ...] = ()


def path(home: Path) -> Path:
    """The file that holds the clone's id."""
    return home / "clone"


def exists(home: Path) -> bool:
    """Whether `init` was run in this clone."""
    return path(home).exists()


def read(home: Path) -> Clone | None:
    """This clone, or None before `init` or when the file is unreadable."""
    try:
        with path(home).open("rb") as file:
            state = os.fstat(file.fileno())
            record = json.load(file)
    except (OSError, ValueError):
        return None
    if not isinstance(record, dict) or not CLONE_RE.fullmatch(str(record.get("id"))):
        return None
    here = [state.st_dev, state.st_ino, machine()]
    listed = record.get("former")
    former = tuple(str(n) for n in listed if CLONE_RE.fullmatch(str(n))) if listed else ()
    copied = [record.get(k) for k in ("device", "inode", "machine")] != here
    return Clone(record["id"], copied, former)


def write(home: Path, clone: str, former: tuple[str, ...] = ()) -> Clone:
    """Make `clone` the id of this clone, bound to this very file; `former` are those before."""
    import tempfile

    with disk_errors(home):
        home.mkdir(parents=True, exist_ok=True)
        fd, temporary = tempfile.mkstemp(prefix=".tmp-", dir=home)
        with open(fd, "w", encoding="utf-8") as file:
            state = os.fstat(fd)
            record = {
                "id": clone,
                "device": state.st_dev,
                "inode": state.st_ino,
                "machine": machine(),
                "former": list(former),
            }
            json.dump(record, file)
            file.flush()
            os.fchmod(fd, 0o644)
            sync_file(fd)
        os.replace(temporary, path(home))
        sync_folder(home)
    return Clone(clone, False, former)


def create(home: Path, former: tuple[str, ...] = ()) -> Clone:
    """Give this clone a new id."""
    return write(home, new_clone_id(), tuple(dict.fromkeys(former)))


def sound(common_dir: Path, home: Path) -> bool:
    """Whether our own refs are as this clone left them, at the price of three file reads."""
    clone = read(home)
    if clone is None:
        return not exists(home)
    tip = refs.read_one(common_dir, layout.LOCAL_TIP)
    if tip is None or clone.copied:
        return False
    return tip == refs.read_one(common_dir, layout.notes_ref(clone.id))


def machine() -> str:
    """An id of this machine: systemd's, else D-Bus's, else its host name."""
    for name in ("/etc/machine-id", "/var/lib/dbus/machine-id"):
        try:
            text = Path(name).read_text(encoding="ascii").strip()
        except (OSError, ValueError):
            continue
        if text:
            return text
    return os.uname().nodename
