"""What `git remote rename` leaves behind: a fetch line into the old room, refs, settings."""

from __future__ import annotations

from git_datmo.records import layout
from git_datmo.records.project import Project
from git_datmo.storage import refs
from git_datmo.storage.locks import mutex


def former(project: Project, remote: str) -> list[str]:
    """The names a remote had before, by the fetch lines it kept; none that is a remote now."""
    named = project.repository.config.sections("remote")
    return [old for old in _rooms(project, remote) if old not in named]


def follow(project: Project, remote: str) -> None:
    """Give a renamed remote the room of its new name, with its refs and its `datmo.*` settings."""
    config = project.repository.config
    for old in former(project, remote):
        if config.get(f"datmo.{remote}.store") is None:
            config.rename_section(f"datmo.{old}", f"datmo.{remote}")
        _move(project, layout.tracking(old), layout.tracking(remote))
    for old in _rooms(project, remote):
        config.remove(f"remote.{remote}.fetch", layout.fetch_line(old))


def _rooms(project: Project, remote: str) -> list[str]:
    """The rooms of others that a remote's fetch lines lead into."""
    found = []
    for line in project.repository.config.all(f"remote.{remote}.fetch"):
        room = line.rpartition(":" + layout.REMOTES)[2].removesuffix("/*")
        if room != remote and line == layout.fetch_line(room):
            found.append(room)
    return found


def _move(project: Project, before: str, after: str) -> None:
    common, objects = project.repository.common_dir, project.repository.objects
    with mutex(project.home):
        changes: dict[str, str | None] = {}
        for ref, oid in refs.read(common, before).found.items():
            target = after + ref.removeprefix(before)
            there = refs.read_one(common, target)
            if there is None:
                changes[target] = oid
            elif not objects.descends(there, oid):
                continue
            changes[ref] = None
        refs.update(objects, project.home, changes, durable=False)
