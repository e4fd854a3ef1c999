"""Refs that cannot be read, are not what they should be, or lie where others' do not belong."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial

from git_datmo.api.symptom import Patient, Symptom
from git_datmo.errors import DamagedObject, GitFailed
from git_datmo.records import astray as strays
from git_datmo.records import catalogue, chain, clones, layout, rewriting
from git_datmo.records.project import Project
from git_datmo.storage import aside, objectfiles, refs
from git_datmo.storage.locks import mutex, quiet

ROOMS = (layout.LOCAL, layout.OWN, layout.REMOTES, layout.FOLDERS, layout.LIVE)
# Where a commit is kept that only a ref without a proper name held on to.
RESCUED = f"{layout.PLAIN}rescued/"
_REFETCH = "bring it again: git fetch --refetch"


def had_a_project(project: Project) -> bool:
    """Whether `init` was run here once, whatever became of the file that says so."""
    return refs.read_one(project.repository.common_dir, layout.LOCAL_TIP) is not None


def are_settled(project: Project) -> bool:
    """Whether our own refs are right: until then it cannot be told what others should be."""
    if not project.initialized:
        return not had_a_project(project)
    return clones.sound(project.repository.common_dir, project.home)


def unreadable(patient: Patient) -> Iterator[Symptom]:
    """Refs that hold no object id, that have no proper name, and whose object is not here."""
    project = patient.project
    common = project.repository.common_dir
    with quiet(project.home):
        found = {room: refs.read(common, room) for room in ROOMS}
    for room in found.values():
        for name, reason in room.bad.items():
            yield from _bad(project, name, reason)
    improper = [n for room in found.values() for n in room.found if not refs.is_name(n)]
    for name in improper:
        yield Symptom(
            "ref",
            name,
            f"{name!r} is no name that git takes for a ref",
            f"it is moved aside, and what it names is kept below {RESCUED}",
            partial(_rescue, project, name),
        )
    told = {*improper, *_doubtful(project)}
    for room in found.values():
        for name, oid in room.found.items():
            if name not in told and project.repository.objects.kind(oid) != "commit":
                yield _without_object(project, name, oid)


def _doubtful(project: Project) -> tuple[str, ...]:
    """Our own two refs when only one of them names something: `own` sets the other right."""
    common, names = project.repository.common_dir, _own(project)
    oids = [refs.read_one(common, name) for name in names]
    there = [oid is not None and project.repository.objects.has(oid) for oid in oids]
    return names if len(set(there)) > 1 else ()


def _bad(project: Project, name: str, reason: str) -> Iterator[Symptom]:
    path = project.repository.common_dir / name
    message = f"the ref {name} is unreadable: {reason}"
    if not refs.is_name(name) or not os.access(path, os.R_OK) or path.is_dir():
        where = path if path.is_file() else project.repository.common_dir / "packed-refs"
        yield Symptom("ref", name, message, advice=f"look at {where}")
    elif name in _own(project):
        yield Symptom(
            "ref",
            name,
            message,
            "it is set to the tip of this clone's notes; the file is kept aside",
            partial(_heal_bad, project, name),
        )
    else:
        kept = name.startswith(layout.OWN) and rewriting.named(project, name)
        yield Symptom(
            "ref",
            name,
            message,
            "it is set again; the file is kept aside" if kept else "it is moved aside",
            partial(_replace, project, name),
        )


def _own(project: Project) -> tuple[str, ...]:
    clone = clones.read(project.home)
    return (layout.LOCAL_TIP, *([layout.notes_ref(clone.id)] if clone is not None else []))


def _is_bad(project: Project, name: str) -> bool:
    path = project.repository.common_dir / name
    return (
        os.path.lexists(path)
        and name in refs.read(project.repository.common_dir, name.rpartition("/")[0] + "/").bad
    )


def _heal_bad(project: Project, name: str) -> str | None:
    common = project.repository.common_dir
    if not _is_bad(project, name):
        return "another command did it"
    for other in _own(project):
        if _is_bad(project, other):
            aside.keep(project.home, common / other, other)
    if not chain.heal(project) or refs.read_one(common, name) is None:
        raise DamagedObject(
            f"nothing here says what {name} was",
            hint="'git datmo pull' brings what a remote has; 'git fsck --unreachable' lists "
            "commits that nothing names",
        )
    return None


def _replace(project: Project, name: str) -> str | None:
    common, home = project.repository.common_dir, project.home
    with mutex(home):
        if not _is_bad(project, name):
            return "another command did it"
        meant = rewriting.named(project, name) if name.startswith(layout.OWN) else []
        where = aside.put(home, common / name, name)
        if meant:
            refs.update(project.repository.objects, home, {name: meant[0]})
            return None
    return f"it was moved to {where}"


def _rescue(project: Project, name: str) -> str | None:
    common, home, objects = project.repository.common_dir, project.home, project.repository.objects
    with mutex(home):
        oid = refs.read_one(common, name)
        if oid is None or not (common / name).is_file():
            raise DamagedObject(f"{name!r} is in packed-refs", hint="git pack-refs --all")
        if objects.kind(oid) == "commit":
            refs.update(objects, home, {f"{RESCUED}{oid}": oid})
        aside.put(home, common / name, name)
    return None


def _without_object(project: Project, name: str, oid: str) -> Symptom:
    message = f"the ref {name} names {oid}, which is missing or damaged"
    gone = objectfiles.absent_alternates(project.repository.common_dir)
    if gone:
        return Symptom("ref", name, message, advice=f"bring back {gone[0]}, which git borrows from")
    if not name.startswith(layout.REMOTES) or project.repository.objects.promised.remotes:
        return Symptom("ref", name, message, advice=_REFETCH)
    return Symptom(
        "ref",
        name,
        message,
        "it is noted aside and removed; the next fetch brings it again",
        partial(_forget, project, name, oid),
    )


def _forget(project: Project, name: str, oid: str) -> str | None:
    objects, home = project.repository.objects, project.home
    with mutex(home):
        objects.forget()
        if refs.read_one(project.repository.common_dir, name) != oid or objects.kind(oid):
            return "another command did it"
        aside.write(home, f"{name}", f"{oid}\n".encode())
        refs.update(objects, home, {name: None})
    return None


def own(patient: Patient) -> Iterator[Symptom]:
    """The refs and the name of this clone, where they do not fit each other."""
    project = patient.project
    with quiet(project.home):
        said = _unsound(project)
    if said is None:
        return
    subject, message, cure = said
    if subject not in patient.seen:
        yield Symptom("clone", subject, message, cure, partial(_heal, project))


def _unsound(project: Project) -> tuple[str, str, str] | None:
    """What does not fit: subject, message, and what becomes of it."""
    common, file = project.repository.common_dir, str(clones.path(project.home))
    again = "this clone takes a new id; its notes go on from where they were"
    if not project.initialized:
        if had_a_project(project):
            return file, f"{file}, which holds this clone's id, is missing", again
        return None
    clone = clones.read(project.home)
    if clone is None:
        return file, f"{file}, which holds this clone's id, is unreadable", again
    if clone.copied:
        return file, f"the id {clone.id} was made for another clone, of which this is a copy", again
    tip, name = refs.read_one(common, layout.LOCAL_TIP), layout.notes_ref(clone.id)
    public = refs.read_one(common, name)
    if tip is None:
        if public is None:
            return None  # Nothing was ever written here, or a finding of its own says so.
        return layout.LOCAL_TIP, f"the ref {layout.LOCAL_TIP} is missing", f"it is set to {public}"
    if rewriting.pending(project):
        said = "our refs were rewritten together with the history"
        return name, said, "they are set back to what the notes speak of"
    if public is None:
        return name, f"the ref {name} is missing", f"it is set to {tip} again"
    if public != tip:
        objects = project.repository.objects
        if not objects.has(tip) and not objects.has(public):
            return None
        for one, oid, other in ((name, public, tip), (layout.LOCAL_TIP, tip, public)):
            if not objects.has(oid):
                return one, f"the ref {one} names {oid}, which is missing", f"it is set to {other}"
        if not objects.descends(tip, public):
            return name, f"the ref {name} holds what this clone did not write", again
        return name, f"the ref {name} was set back to {public}", f"it is set to {tip} again"
    return None


def _heal(project: Project) -> str | None:
    if not project.initialized:
        # Unreadable is what it is treated as: a new id, and the old chain goes on.
        project.home.mkdir(exist_ok=True)
        clones.path(project.home).touch()
    rewriting.undo(project)
    chain.heal(project)
    # A new id leaves the ref of the former one behind, which is now another's.
    strays.tidy(project, thoroughly=True)
    with quiet(project.home):
        if not are_settled(project):
            raise DamagedObject("the refs of this clone still do not fit each other")
    return None


def astray(patient: Patient) -> Iterator[Symptom]:
    """Refs below refs/datmo/ that this clone did not make: others' have another place."""
    project = patient.project
    if not project.initialized or project.repository.work_tree is None:
        return
    if not are_settled(project):
        return
    with quiet(project.home):
        # Refreshed now: what a writer has just made has its note in the index.
        found = strays.strays(project, catalogue.refresh(project))
    for name in found.keys() - patient.seen:
        if refs.is_name(name):
            yield Symptom(
                "ref",
                name,
                f"the ref {name} is none of this clone's",
                f"it is moved below {layout.PLAIN.removesuffix('/')}",
                partial(_move, project, name),
            )


def _move(project: Project, name: str) -> str | None:
    common = project.repository.common_dir
    if refs.read_one(common, name) is not None:
        strays.tidy(project, thoroughly=True)
    if refs.read_one(common, name) is not None:
        left = strays.strays(project, catalogue.refresh(project))
        if name in left:
            raise GitFailed(f"{name} could not be moved", hint=f"git update-ref -d {name}")
    return None
