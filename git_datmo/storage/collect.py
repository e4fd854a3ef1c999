"""Turning the paths that a scan names into tree entries, reading only what is not known."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from git_datmo.errors import Conflict, FileAlreadyExistsError
from git_datmo.model.names import check_kind
from git_datmo.model.pointer import Pointer
from git_datmo.storage import secrets
from git_datmo.storage.attributes import FORBIDDEN, FORCED
from git_datmo.storage.capture_cache import CaptureCache
from git_datmo.storage.git import SAFE_OPTIONS, environment
from git_datmo.storage.objects import BLOB, EXECUTABLE, GITLINK, LINK
from git_datmo.storage.reader import Known, Look, Reader, settled
from git_datmo.storage.repository import Repository
from git_datmo.storage.treediff import MAX_DEPTH, Leaf, parents


@dataclass
class Collected:
    """Tree entries by path (None: gone), and what was noticed on the way."""

    changes: dict[bytes, Leaf | None] = field(default_factory=dict)
    pointers: dict[bytes, Pointer] = field(default_factory=dict)
    untracked: set[bytes] = field(default_factory=set)
    secrets: dict[bytes, str] = field(default_factory=dict)
    special: list[bytes] = field(default_factory=list)
    refused: set[bytes] = field(default_factory=set)
    warnings: list[str] = field(default_factory=list)


class Collector:
    """Reads paths of one work tree through a `Reader` and a cache."""

    def __init__(
        self,
        repository: Repository,
        root: bytes,
        reader: Reader,
        cache: CaptureCache,
        *,
        include_secrets: bool,
    ) -> None:
        self._repository = repository
        self._root = root
        self._reader = reader
        self._cache = cache
        self._include_secrets = include_secrets
        self.flags: dict[bytes, int] = {}
        self.mode_of: Callable[[bytes], int] = lambda path: 0
        self.out = Collected()

    def tracked(self, paths: Iterable[bytes]) -> None:
        """Read paths that git tracks; what is gone is recorded as gone."""
        for path in paths:
            known = self._known(path, check=False)
            if known is not None and known.mode != LINK and not self._reader.executable_bit:
                # core.fileMode=false: the disk does not know, the index does.
                executable = self.mode_of(path) == EXECUTABLE
                known = known._replace(mode=EXECUTABLE if executable else BLOB)
            self._put(path, known)

    def hidden(self, paths: Mapping[bytes, bool]) -> None:
        """Read tracked paths that git does not look at; what is sparse (True) may be absent."""
        there = (p for p, sparse in paths.items() if not sparse or self._present(p))
        self.tracked(there)

    def untracked(self, paths: Iterable[bytes]) -> None:
        """Read paths that git does not track; what looks like a secret is left out."""
        for path in paths:
            reason = secrets.in_name(path)
            if reason and not self._include_secrets:
                self.out.secrets[path] = reason
                continue
            known = self._known(path, check=True)
            if known is None:
                continue
            if known.secret and not self._include_secrets:
                self.out.secrets[path] = known.secret
                continue
            if (refused := _refused(path, known.mode)) is not None:
                self.out.refused.add(path)
                self.out.warnings.append(f"{os.fsdecode(path)} is left out: {refused}")
                continue
            self.out.untracked.add(path)
            self._put(path, known)

    def nested(self, folders: Iterable[bytes]) -> None:
        """Capture repositories inside the work tree as plain files, without their `.git`."""
        for folder in folders:
            shown = os.fsdecode(folder)
            self.out.warnings.append(
                f"{shown}/ is a git repository of its own: its files are in the snapshot, "
                "its history is not"
            )
            paths = [p for p in _files_below(self._root, folder) if p]
            listed = b"".join(path + b"\0" for path in paths)
            _, out, _ = self._repository.git.attempt(
                "check-ignore", "-z", "--stdin", "--no-index", data=listed
            )
            ignored = set(out.split(b"\0"))
            self.untracked(path for path in paths if path not in ignored)

    def submodules(self, flags: dict[bytes, str]) -> None:
        """Record where each submodule stands; warn about work in it that is not committed."""
        for path, state in flags.items():
            shown = os.fsdecode(path)
            if state[1:2] == "C":
                done = subprocess.run(
                    ["git", *SAFE_OPTIONS, "rev-parse", "--verify", "HEAD"],
                    cwd=self._root + b"/" + path,
                    env=environment(),
                    capture_output=True,
                    check=False,
                )
                if done.returncode == 0:
                    self.out.changes[path] = (GITLINK, done.stdout.decode().strip())
            if state[2:3] == "M" or state[3:4] == "U":
                self.out.warnings.append(
                    f"the submodule {shown} has changes that are not committed there: "
                    "the snapshot records only its commit"
                )

    def named(self, mappings: Iterable[tuple[bytes, bytes]], base: dict[bytes, Leaf]) -> None:
        """Add files from anywhere: (absolute source, destination in the tree).

        `base` holds what already lies at the destinations. Raises FileAlreadyExistsError when
        something else is there.
        """
        merged = {**base, **self.out.changes}
        taken = {path: leaf for path, leaf in merged.items() if leaf is not None}
        folders = {above for path in taken for above in parents(path)}
        for source, dest in mappings:
            for full, path in _expand(source, dest):
                shown = os.fsdecode(full)
                known = self._reader.read(full, shown, store=None, check=False)
                if known is None:
                    self.out.special.append(full)
                    continue
                leaf = (known.mode, known.oid)
                in_the_way = path in folders or any(above in taken for above in parents(path))
                if in_the_way or taken.get(path, leaf) != leaf:
                    raise FileAlreadyExistsError(
                        f"{shown} cannot go to {os.fsdecode(path)} in the snapshot: "
                        "something else is there",
                        hint="name another destination: --paths 'source>destination'",
                    )
                self._put(path, known)
                taken[path] = leaf
                folders.update(parents(path))
                self.out.untracked.add(path)

    def _present(self, path: bytes) -> bool:
        try:
            os.lstat(self._root + b"/" + path)
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True

    def _put(self, path: bytes, known: Known | None) -> None:
        if known is None:
            self.out.changes[path] = None
            return
        if path.count(b"/") > MAX_DEPTH:
            raise Conflict(f"folders are nested more than {MAX_DEPTH} deep: {path[:80]!r}…")
        self.out.changes[path] = (known.mode, known.oid)
        if known.pointer:
            self.out.pointers[path] = Pointer(*known.pointer)

    def _known(self, path: bytes, *, check: bool) -> Known | None:
        full = self._root + b"/" + path
        known = self._cache.known.get(path)
        try:
            state = os.lstat(full)
        except (FileNotFoundError, NotADirectoryError):
            self._cache.known.pop(path, None)
            return None
        if known is not None and known.look == Look.of(state) and self._usable(known, check):
            return known
        if stat.S_ISDIR(state.st_mode):
            return None
        if not (stat.S_ISREG(state.st_mode) or stat.S_ISLNK(state.st_mode)):
            self.out.special.append(path)
            return None
        flags = self.flags.get(path, 0)
        store = True if flags & FORCED else False if flags & FORBIDDEN else None
        known = self._reader.read(full, os.fsdecode(path), store=store, check=check)
        if known is not None and settled(known) and not self._reader.dry:
            self._cache.known[path] = known
        else:
            self._cache.known.pop(path, None)
        return known

    def _usable(self, known: Known, check: bool) -> bool:
        """Whether what was read earlier is still at hand and was looked at as closely."""
        if not known.oid:
            return check and not self._include_secrets
        if check and known.secret is None:
            return False
        if known.pointer is not None and not self._at_hand(Pointer(*known.pointer)):
            return False
        return self._repository.objects.has(known.oid)

    def _at_hand(self, pointer: Pointer) -> bool:
        store = self._reader.store
        return store.has(pointer) if self._reader.dry else store.keep(pointer)


def _refused(path: bytes, mode: int) -> str | None:
    """Why servers that check what they get would refuse every push that holds a path."""
    *above, name = path.split(b"/")
    reasons = (check_kind(part, "folder") for part in above)
    return next(filter(None, reasons), check_kind(name, "link" if mode == LINK else "file"))


def _files_below(root: bytes, folder: bytes) -> Iterable[bytes]:
    stack = [folder]
    while stack:
        here = stack.pop()
        try:
            with os.scandir(root + b"/" + here if root else here) as entries:
                listed = list(entries)
        except OSError:
            continue
        for entry in listed:
            if entry.name == b".git":
                continue
            path = here + b"/" + entry.name
            if entry.is_dir(follow_symlinks=False):
                stack.append(path)
            else:
                yield path


def _expand(source: bytes, dest: bytes) -> Iterable[tuple[bytes, bytes]]:
    if not os.path.isdir(source) or os.path.islink(source):
        yield source, dest
        return
    for full in _files_below(b"", source):
        yield full, (dest + b"/" if dest else b"") + full[len(source) + 1 :]
