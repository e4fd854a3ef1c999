"""Our own notes chain: the one thing this clone writes, and the only writer of it.

Order on disk: store content, git objects, refs, and only then is anything said to be done.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from git_datmo.errors import DamagedObject, DatmoError
from git_datmo.model.ids import new_clone_id
from git_datmo.model.operation import Operation, clock
from git_datmo.records import catalogue, clones, layout, lineage
from git_datmo.records.project import Project
from git_datmo.storage import durability, maintenance, notes, refs
from git_datmo.storage.locks import mutex
from git_datmo.storage.objects import EMPTY_TREE

if TYPE_CHECKING:
    from git_datmo.storage.index import Index

# The latest clock value of our own operations, in the index; an object's own may be later.
CLOCK = "clock"
SANE_MS = 86_400_000

_Entry = tuple[Mapping[str, Any] | None, Sequence[Sequence[str]], bool]


class Writer:
    """Collects what one command writes; all of it becomes one commit of the chain."""

    def __init__(self, project: Project, clone: str, tip: str | None, index: Index) -> None:
        self._project = project
        self.clone, self.tip, self.index = clone, tip, index
        self._notes: dict[str, list[_Entry]] = {}
        self._mentions: dict[str, None] = {}
        self._refs: dict[str, str | None] = {}
        self._carried: dict[str, dict[bytes, None]] = {}
        self._anew: tuple[Collection[str], Sequence[str]] | None = None
        self._former = clone
        # The version that each artifact, by collection and name, was given in here.
        self.numbers: dict[tuple[str, str], int] = {}

    def note(
        self,
        target: str,
        set: Mapping[str, Any] | None = None,
        unset: Sequence[Sequence[str]] = (),
        *,
        whenever: bool = False,
    ) -> None:
        """Append one operation to the note of `target`, to count after all that are known there;
        `whenever` its date decides nothing, only after our own."""
        self._notes.setdefault(target, []).append((set, unset, whenever))

    def carry(self, target: str, lines: Iterable[bytes]) -> None:
        """Append operations of others, as they are, that our note of `target` does not hold."""
        self._carried.setdefault(target, {}).update(dict.fromkeys(lines))

    def mention(self, commit: str) -> None:
        """Make the chain carry `commit` and all it stands on."""
        self._mentions[commit] = None

    def ref(self, name: str, oid: str | None) -> None:
        """Set or delete one of our own refs together with the chain."""
        self._refs[name] = oid

    def start_anew(self, without: Collection[str], carrying: Sequence[str]) -> str:
        """Replace the chain by one under a new name that has no notes on the objects `without`
        and nothing of the old one in its history; returns the clone's new id.

        It carries the commits `carrying` instead of those that the old one carried.
        """
        self._anew = without, carrying
        self.clone = new_clone_id()
        return self.clone

    @property
    def empty(self) -> bool:
        return not (self._notes or self._mentions or self._refs or self._carried or self._anew)

    def finish(self, healed: Mapping[str, str | None]) -> None:
        """Write it all, durably, refs last."""
        before = self.tip
        project, objects = self._project, self._project.repository.objects
        changes: dict[str, str | None] = {**healed, **self._refs}
        if self._notes or self._mentions or self._carried or self._anew:
            by, seconds, offset = project.identity
            now = time.time_ns() // 1_000_000
            last = int(self.index.meta(CLOCK) or 0)
            # One wrong clock, here or anywhere, must not date everything that follows.
            last = last if last >> 12 <= now + SANE_MS else 0
            lines = {target: b"\n".join([*raw, b""]) for target, raw in self._carried.items()}
            for target, entries in self._notes.items():
                first = not self.index.has_note(layout.LOCAL_TIP, target)
                if first and objects.kind(target) == "commit":
                    # Another clone's: who reads our note of it must be able to have it.
                    self.mention(target)
                known = self.index.get(target)
                latest = max(last, known.at_max if known is not None else 0)
                for values, unset, whenever in entries:
                    at = clock(last if whenever else latest, now)
                    latest = max(latest, at)
                    last = at if at >> 12 <= now + SANE_MS else last
                    made = Operation.make(at=at, clone=self.clone, by=by, set=values, unset=unset)
                    lines[target] = lines.get(target, b"") + made.line + b"\n"
            tree = catalogue.notes_tree(project, self.tip) if self.tip else EMPTY_TREE
            tip, carried, times = self.tip, list(self._mentions), dict[str, int]()
            if self._anew is not None:
                without, carrying = self._anew
                tree = notes.without(objects, tree, without)
                times = lineage.by_age(project, [*carrying, *self._mentions])
                tip, carried = None, list(times)
                former = layout.notes_ref(self._former)
                if refs.read_one(project.repository.common_dir, former):
                    changes[former] = None
                else:
                    changes.pop(former, None)
            tree = notes.append(objects, tree, lines)
            for batch in lineage.batches(carried):
                last_one = not batch or batch[-1] == carried[-1]
                tip = objects.write_commit(
                    tree=tree,
                    parents=[*([tip] if tip else []), *batch],
                    author=by,
                    when=(seconds if last_one else times.get(batch[-1], seconds), offset),
                    message=layout.NOTES_MESSAGE,
                )
            changes[layout.LOCAL_TIP] = changes[layout.notes_ref(self.clone)] = self.tip = tip
        sync(project)
        if objects.secure():
            _connected(project, changes)
            sync(project)
        if self._anew is not None:
            # A kill between here and the refs leaves the old chain under the new name.
            held = clones.read(project.home)
            names = (*(held.former if held is not None else ()), self._former)
            clones.write(project.home, self.clone, tuple(dict.fromkeys(names)))
        durable = project.durability != "off"
        try:
            refs.update(objects, project.home, changes, durable=durable, first=layout.LOCAL_TIP)
        except DatmoError as error:
            if before != self.tip == refs.read_one(objects.common_dir, layout.LOCAL_TIP):
                error.hint = "it is recorded all the same, and may not outlive a power cut: see ls"
            raise
        if objects.secure():
            sync(project)
        objects.fresh.release()
        catalogue.refresh(project)
        if self._notes:
            with self.index.update() as update:
                update.set_meta(CLOCK, str(last))


@contextmanager
def writing(project: Project) -> Iterator[Writer]:
    """Hold the mutex, see the newest state, and write everything on leaving.

    Nothing is written when the block raises. Raises ProjectNotInitialized.
    """
    project.require_initialized()
    try:
        with mutex(project.home):
            clone, tip, healed = _heal(project)
            writer = Writer(project, clone, tip, catalogue.refresh(project))
            yield writer
            if not writer.empty or healed:
                writer.finish(healed)
    finally:
        project.let_go()
    maintenance.keep_house(project.repository)


def _connected(project: Project, changes: Mapping[str, str | None]) -> None:
    """A `git gc` was seen at work: no ref may be set to what it left incomplete."""
    new = [oid for oid in changes.values() if oid is not None]
    asked = ["rev-list", "--objects", "--quiet", *new, "--not", "--branches", "--tags"]
    code, _, _ = project.repository.git.attempt(*asked)
    if code != 0:
        raise DamagedObject(
            "git gc took away part of what was being recorded; nothing was recorded",
            hint="try again when 'git gc --prune=now' is done",
        )


def sync(project: Project) -> None:
    """Flush everything written so far: objects and store."""
    if project.durability == "off":
        return
    with durability.disk_errors(project.home):
        common = project.repository.common_dir
        durability.sync_file_system(common)
        store = project.store.folder
        if store.is_dir() and store.stat().st_dev != common.stat().st_dev:
            durability.sync_file_system(store)


def heal(project: Project, *, thoroughly: bool = False) -> bool:
    """Set our own refs right if they are not; True when it was looked into.

    `thoroughly` also looks at what the remotes have under our name.
    """
    sound = not thoroughly and clones.sound(project.repository.common_dir, project.home)
    if not project.initialized or sound:
        return False
    with writing(project):
        return True


def _heal(project: Project) -> tuple[str, str | None, dict[str, str | None]]:
    """Our id, our tip, and the refs to set because they are not what they should be.

    1. The clone file is gone or was copied: a new id, whose chain starts at the old tip.
    2. Our public ref is missing or behind: it is set to the tip again.
    3. Our public ref, or a remote's copy of it, holds what we did not write: another holder of
       our id did, or we were set back to an older state. A new id.
    4. The tip is missing: the public ref is all there is, or what the index last saw.
    """
    common, objects = project.repository.common_dir, project.repository.objects
    clone = clones.read(project.home)
    tip = _last_tip(project, clone)
    if clone is None or clone.copied:
        return _renew(project, clone, tip)
    own = refs.read_one(common, layout.notes_ref(clone.id))
    if tip and own and own != tip and objects.has(own) and not objects.descends(tip, own):
        return _renew(project, clone, tip)
    strange = _not_ours(project, clone.id, tip)
    if strange is not None:
        return _renew(project, clone, tip or strange)
    wanted = {layout.LOCAL_TIP: tip, layout.notes_ref(clone.id): tip}
    healed = {n: o for n, o in wanted.items() if o != refs.read_one(common, n)}
    return clone.id, tip, healed


def _last_tip(project: Project, clone: clones.Clone | None) -> str | None:
    """The newest tip of our chain that this clone knows."""
    common = project.repository.common_dir
    tip = refs.read_one(common, layout.LOCAL_TIP)
    if tip is not None and clone is not None and not project.repository.objects.has(tip):
        own = refs.read_one(common, layout.notes_ref(clone.id))
        return own if own is not None and project.repository.objects.has(own) else tip
    if tip is None and clone is not None:
        tip = refs.read_one(common, layout.notes_ref(clone.id))
    if tip is None and layout.LOCAL_TIP in refs.read(common, layout.LOCAL).bad:
        seen = project.index.tips().get(layout.LOCAL_TIP)
        tip = seen if seen and project.repository.objects.has(seen) else None
    return tip


def _not_ours(project: Project, clone: str, tip: str | None) -> str | None:
    """What a remote has under our name that our chain does not hold."""
    found = refs.read(project.repository.common_dir, layout.REMOTES, skip=catalogue.CONVENIENCE)
    for name, oid in found.found.items():
        mark = f"ours:{name}"
        if layout.clone_of(name) != clone or project.index.meta(mark) == oid:
            continue
        if tip is None or not project.repository.objects.descends(tip, oid):
            return oid
        with project.index.update() as update:
            update.set_meta(mark, oid)
    return None


def _renew(
    project: Project, old: clones.Clone | None, tip: str | None
) -> tuple[str, str | None, dict[str, str | None]]:
    if old is not None:
        former = (*old.former, old.id)
    else:
        found = refs.read(project.repository.common_dir, layout.NOTES).found
        former = tuple(layout.clone_of(name) or "" for name, oid in found.items() if oid == tip)
    clone = clones.create(project.home, former).id
    changes: dict[str, str | None] = {}
    if tip is not None:
        changes = {layout.notes_ref(clone): tip, layout.LOCAL_TIP: tip}
    return clone, tip, changes
