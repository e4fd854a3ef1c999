"""Capture: the work tree as a git tree, byte for byte, large files as pointers.

The user's index, HEAD and branches are only read. Cost: one `git status`, one `lstat` for each
path that differs from the index or needs our own care, and the reading of what changed.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from git_datmo.errors import DamagedObject
from git_datmo.model.frozen import frozen
from git_datmo.model.pointer import Pointer
from git_datmo.storage import attributes, base, capture_cache, folders, scan, secrets
from git_datmo.storage.capture_cache import CaptureCache
from git_datmo.storage.collect import Collected, Collector
from git_datmo.storage.objects import EMPTY_TREE, TREE, Entry
from git_datmo.storage.pack import PackWriter
from git_datmo.storage.reader import Reader
from git_datmo.storage.repository import Repository
from git_datmo.storage.store import Store
from git_datmo.storage.treediff import Finder, Leaf, diff, find, parents, walk
from git_datmo.storage.trees import Trees


@frozen
class Options:
    """How to capture. `threshold` in bytes; `named` are (absolute source, destination) pairs.

    `dry` stores nothing and computes the same ids. `count_ignored` adds up what is left out.
    """

    threshold: int
    include_secrets: bool = False
    named: tuple[tuple[bytes, bytes], ...] = ()
    sync: bool = False
    dry: bool = False
    count_ignored: bool = True
    advance: Callable[[int], None] | None = None


@dataclass
class Capture:
    """A captured work tree. `files` are the paths that count as files rather than code."""

    tree: str
    files: set[bytes]
    pointers: dict[bytes, Pointer]
    secrets: dict[bytes, str]
    special: list[bytes]
    warnings: list[str]
    ignored: list[bytes]
    ignored_bytes: int
    ignored_complete: bool
    written: int
    memory: dict[str, bytes] = field(default_factory=dict)


def capture(repository: Repository, store: Store, options: Options) -> Capture:
    """Capture the whole work tree of `repository`. Raises NeedsWorkTree and what reading raises."""
    root = repository.needs_work_tree("take a snapshot")
    with _alone(repository) as started:
        work = _Work(repository, os.fsencode(root), store, options)
        try:
            return work.run(started)
        except DamagedObject:
            # What the cache names may be gone, by `git gc` or by hand: once more without it.
            work = _Work(repository, os.fsencode(root), store, options)
            work.cache = CaptureCache()
            return work.run(None)


class _Work:
    def __init__(self, repository: Repository, root: bytes, store: Store, options: Options) -> None:
        self.repository, self.root, self.store, self.options = repository, root, store, options
        self.cache_path = repository.git_dir / "datmo" / "capture"
        self.cache: CaptureCache = capture_cache.load(self.cache_path)
        self.trees = Trees(repository, dry=options.dry)
        self.pack: PackWriter | None = None
        self.written = 0

    def run(self, started: subprocess.Popen[bytes] | None) -> Capture:
        repository, options = self.repository, self.options
        self.cache = cache = base.distrust(repository, self.cache)
        look = scan.index_look(repository)
        reseed = cache.seed != look or not cache.base or cache.threshold != options.threshold
        if reseed:
            if started is not None:
                started.kill()
                started.communicate()
            scan.seed(repository)
        process = started if started and not reseed else scan.start(repository)
        if reseed:
            cache.hidden = scan.hidden(repository)
            cache.seed, cache.threshold = look, options.threshold
        outside = attributes.sources(repository)
        found = scan.finish(process)
        before = base.renew(
            repository,
            self.root,
            cache,
            found,
            outside=outside,
            threshold=options.threshold,
            reseeded=reseed,
        )
        collected = self._collect(found)
        bare = self._patched(collected, before)
        extras = self._extras(bare, collected)
        tree = self._with_empty(bare, extras.empty)
        if not self.options.dry:
            capture_cache.save(self.cache_path, cache)
        told = collected.refused | collected.secrets.keys()
        return Capture(
            tree=tree,
            files=collected.untracked | set(collected.pointers),
            pointers=collected.pointers,
            secrets=collected.secrets,
            special=sorted({*collected.special, *extras.others} - told),
            warnings=collected.warnings,
            ignored=extras.ignored,
            ignored_bytes=extras.ignored_bytes,
            ignored_complete=extras.complete,
            written=self.written,
            memory=self.trees.memory,
        )

    def _collect(self, found: scan.Scan) -> Collected:
        cache, options = self.cache, self.options
        fresh = [p for p in found.untracked if p not in cache.known]
        reader = Reader(
            write_blob=self._write_blob,
            store=self.store,
            threshold=options.threshold,
            sync=options.sync,
            dry=options.dry,
            executable_bit=self.repository.config.boolean("core.filemode", True),
            advance=options.advance,
            inspect=secrets.in_content,
            keep_secrets=options.include_secrets,
        )
        collector = Collector(
            self.repository, self.root, reader, cache, include_secrets=options.include_secrets
        )
        collector.flags = dict(cache.special)
        collector.mode_of = lambda path: found.changed.get(path) or self._base_mode(path)
        if cache.has_attributes:
            asked = {*found.changed, *found.untracked, *found.unmerged, *cache.hidden}
            collector.flags.update(attributes.look_up(self.repository, asked))
        many = len(fresh) + len(found.changed) + len(cache.special) > 64
        with self._packing(many and not options.dry):
            collector.tracked(p for p in cache.special if p not in found.changed)
            collector.tracked(found.changed)
            collector.hidden(cache.hidden)
            collector.tracked(found.unmerged)
            collector.untracked(found.untracked)
            collector.nested(found.nested)
            collector.submodules(found.submodules)
            if options.named:
                read, there = self.trees.read, {}
                for _, dest in options.named:
                    for path, _, leaf in self._below(read, dest):
                        there[path] = leaf
                    for path in parents(dest):
                        above = find(read, self.cache.base, path)
                        if above is not None and above[0] != TREE:
                            there[path] = above
                collector.named(options.named, there)
        for path in collector.out.changes:
            cache.paths.update(parents(path))
        return collector.out

    def _below(
        self, read: Callable[[str], list[Entry]], dest: bytes
    ) -> Iterator[tuple[bytes, None, Leaf]]:
        leaf = find(read, self.cache.base, dest)
        if leaf is None:
            return
        if leaf[0] != TREE:
            yield dest, None, leaf
            return
        prefix = dest + b"/" if dest else b""
        for path, mode, oid in walk(read, leaf[1]):
            yield prefix + path, None, (mode, oid)

    def _patched(self, collected: Collected, before: str) -> str:
        """The base tree with every change, without empty folders."""
        cache = self.cache
        if cache.base == before and cache.changes == collected.changes and cache.result:
            return str(cache.result["bare"])
        bare = self.trees.patch(cache.base, collected.changes)
        if not self.options.dry:
            listed = cache.result.get("listed", "")
            cache.changes, cache.result = dict(collected.changes), {"bare": bare, "listed": listed}
        return bare

    def _extras(self, bare: str, collected: Collected) -> folders.Extras:
        finder = Finder(self.trees.read, bare)

        def names(folder: bytes) -> frozenset[bytes]:
            return frozenset(finder.folder(folder))

        listings = dict(self.cache.folders) if self.options.dry else self.cache.folders
        self._forget_listings(bare, listings)
        listed = folders.look(self.repository, self.root, sorted(self.cache.paths), listings, names)
        held = {p for p, leaf in collected.changes.items() if leaf is not None}
        held |= {parent for path in held for parent in parents(path)}
        extras = [
            (path, is_folder)
            for path, is_folder in listed
            if path not in held
            and not (is_folder and path in self.cache.paths and finder(path) is not None)
        ]
        if not extras:
            return folders.Extras()
        count = self.options.count_ignored
        return folders.sort_out(self.repository, self.root, extras, count=count)

    def _forget_listings(self, bare: str, listings: dict[bytes, folders.Listing]) -> None:
        """Drop the listings of folders in which other names are captured than when they were made.

        A folder's own times do not tell: `.gitignore` may have changed.
        """
        result = self.cache.result
        before = str(result.get("listed") or "")
        if before and before != bare:
            for path, old, new in diff(self.trees.read, before, bare):
                if old is None or new is None:
                    for folder in parents(path):
                        listings.pop(folder, None)
        if not self.options.dry:
            result["listed"] = bare

    def _base_mode(self, path: bytes) -> int:
        leaf = find(self.trees.read, self.cache.base, path)
        return leaf[0] if leaf is not None else 0

    def _with_empty(self, bare: str, empty: list[bytes]) -> str:
        result = self.cache.result
        if not empty:
            return bare
        # git knows this one without having it, but fsck and a push of ours want it to be there.
        self.trees.write(())
        if result.get("bare") == bare and result.get("empty") == empty:
            return str(result["tree"])
        tree = self.trees.patch(bare, dict.fromkeys(empty, (TREE, EMPTY_TREE)))
        if not self.options.dry:
            result.update(empty=empty, tree=tree)
        return tree

    def _write_blob(self, data: bytes) -> str:
        self.written += 1
        if self.pack is not None:
            return self.pack.add(data)
        return self.repository.objects.write_blob(data)

    @contextmanager
    def _packing(self, many: bool) -> Iterator[None]:
        if not many:
            yield
            return
        with PackWriter(self.repository.common_dir, keep=True) as pack:
            self.pack = pack
            yield
        self.pack = None
        if pack.kept is not None:
            self.repository.objects.fresh.kept.append(pack.kept)


@contextmanager
def _alone(repository: Repository) -> Iterator[subprocess.Popen[bytes] | None]:
    """One capture of a work tree at a time; the kernel lets go when a process dies."""
    ahead = scan.take(repository)
    lock = ahead.lock if ahead is not None else scan.open_lock(scan.index_path(repository).parent)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield ahead.process if ahead is not None else None
    finally:
        os.close(lock)
