"""Our refs after a program that rewrites history took them along (`git filter-branch -- --all`).

It gives every commit another id, those of notes and snapshots too; the notes still speak of the
ids from before. As long as those objects are here, our refs are set back to them.
"""

from __future__ import annotations

from git_datmo.errors import Corrupt
from git_datmo.records import artifacts, catalogue, clones, layout
from git_datmo.records.kinds import ENVIRONMENT, RUN
from git_datmo.records.project import Project
from git_datmo.storage import refs
from git_datmo.storage.locks import mutex


def undo(project: Project) -> bool:
    """Set our refs back if they were rewritten; True when they were."""
    if not pending(project):
        return False
    with mutex(project.home):
        tip = _before(project)
        clone = clones.read(project.home)
        if tip is None or clone is None:
            return False
        changes: dict[str, str | None] = {layout.LOCAL_TIP: tip, layout.notes_ref(clone.id): tip}
        for name, oid in refs.read(project.repository.common_dir, layout.OWN).found.items():
            meant = named(project, name)
            if meant and oid not in meant:
                changes[name] = meant[0]
        refs.update(project.repository.objects, project.home, changes, first=layout.LOCAL_TIP)
    return True


def pending(project: Project) -> bool:
    """Whether `undo` has something to do."""
    return _before(project) is not None


def _before(project: Project) -> str | None:
    """The tip our chain had when it was last read, if it now has another with the very same
    notes that does not stand on it: nobody writes that."""
    tip = refs.read_one(project.repository.common_dir, layout.LOCAL_TIP)
    seen = project.index.tips().get(layout.LOCAL_TIP)
    objects = project.repository.objects
    if tip is None or seen is None or tip == seen or not objects.has(seen):
        return None
    try:
        same = catalogue.notes_tree(project, tip) == catalogue.notes_tree(project, seen)
    except Corrupt:
        return None
    return seen if same and not objects.descends(tip, seen) else None


def named(project: Project, ref: str) -> list[str]:
    """The objects that a ref of ours is named after, as far as they are here."""
    group, _, name = ref.removeprefix(layout.OWN).partition("/")
    index = project.index
    found = [name] if group == "snapshots" and layout.is_oid(name) else []
    if group == "runs":
        found = index.find_text(("run_id",), name, RUN)
    elif group == "artifacts":
        found = artifacts.named(index, name)
    elif group == "environments" and layout.is_oid(name):
        found = [record.id for record in index.select(ENVIRONMENT, tree=name, include_hidden=True)]
    return [oid for oid in found if project.repository.objects.has(oid)]
