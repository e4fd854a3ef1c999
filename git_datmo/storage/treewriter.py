"""Writing below one directory, by descriptor and one name at a time: no link is ever followed.

It knows nothing of git's trees; `restore` says what goes where. Errors of the operating system
leave here as errors of ours that name the path.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Container
from contextlib import suppress

from git_datmo.errors import UnsafePath
from git_datmo.storage.dirfd import Directories, is_plain, shown, writing

_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class TreeWriter:
    """Makes files, links and directories below `root`, an open directory.

    With `replace`, what is written appears under its name at once and takes the place of a
    file or link there; without, a name that exists is an error. Files are 0644 or 0755 and
    directories 0777, less the umask. Nothing is synced.
    """

    def __init__(self, root: int, *, replace: bool) -> None:
        self._directories = Directories(root)
        self._temporary = b".datmo-tmp-" + secrets.token_hex(8).encode() if replace else None
        self._made: list[bytes] = []

    def __enter__(self) -> TreeWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self._directories.close()

    @property
    def made(self) -> list[bytes]:
        """The names that were made in the root itself, without `replace`."""
        return self._made + self._directories.made

    def file(self, path: bytes, executable: bool, fill: Callable[[int], None]) -> None:
        """A regular file that `fill` writes through the descriptor it is given."""

        def make(name: bytes, parent: int) -> None:
            fd = os.open(name, _NEW_FILE, 0o755 if executable else 0o644, dir_fd=parent)
            try:
                fill(fd)
            except BaseException:
                self._drop(name, parent)
                raise
            finally:
                os.close(fd)

        self._put(path, make)

    def link(self, path: bytes, target: bytes) -> None:
        """A symbolic link, whatever it points to."""
        self._put(path, lambda name, parent: os.symlink(target, name, dir_fd=parent))

    def directory(self, path: bytes) -> None:
        """A directory; one that is there already is left alone."""
        with writing(path):
            self._directories.open(path, make=True)

    def _put(self, path: bytes, make: Callable[[bytes, int], None]) -> None:
        folder, _, name = path.rpartition(b"/")
        with writing(path):
            parent = self._directories.open(folder, make=True)
            if self._temporary is None:
                make(name, parent)
                if not folder:
                    self._made.append(name)
                return
            make(self._temporary, parent)
            try:
                os.rename(self._temporary, name, src_dir_fd=parent, dst_dir_fd=parent)
            except BaseException:
                self._drop(self._temporary, parent)
                raise

    @staticmethod
    def _drop(name: bytes, parent: int) -> None:
        with suppress(OSError):
            os.unlink(name, dir_fd=parent)

    def stat(self, path: bytes) -> os.stat_result | None:
        """What stands at `path` itself; None when nothing does or it lies below a link or file."""
        folder, _, name = path.rpartition(b"/")
        with writing(path):
            try:
                parent = self._directories.open(folder)
                return os.stat(name, dir_fd=parent, follow_symlinks=False)
            except (FileNotFoundError, UnsafePath):
                return None

    def unlink(self, path: bytes) -> bool:
        """Remove a regular file or link; False, and nothing done, when something else is there."""
        found = self.stat(path)
        if found is None or not is_plain(found):
            return False
        folder, _, name = path.rpartition(b"/")
        with writing(path):
            os.unlink(name, dir_fd=self._directories.open(folder))
        return True

    def rmdir(self, path: bytes) -> bool:
        """Remove a directory if it is empty; False when it is not, or cannot be removed."""
        folder, _, name = path.rpartition(b"/")
        try:
            os.rmdir(name, dir_fd=self._directories.open(folder))
        except (OSError, UnsafePath):
            return False
        return True

    def folders_within(self, path: bytes, expendable: Container[bytes]) -> list[bytes]:
        """`path` and the directories below it, outermost first.

        Raises UnsafePath naming the first file below that is not `expendable`.
        """
        folders = [path]
        for folder in folders:
            with writing(folder), os.scandir(self._directories.open(folder)) as entries:
                for entry in entries:
                    inner = folder + b"/" + os.fsencode(entry.name)
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(inner)
                    elif inner not in expendable or not (
                        is_plain(entry.stat(follow_symlinks=False))
                    ):
                        raise UnsafePath(
                            f"`{shown(path)}` is a directory that holds `{shown(inner)}`; "
                            "refusing to replace it by a file"
                        )
        return folders
