"""Finding and mending what went wrong with a project, its files and its surroundings."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence

from git_datmo.api import (
    doctor_damage,
    doctor_index,
    doctor_litter,
    doctor_locks,
    doctor_machine,
    doctor_refs,
    doctor_runs,
    doctor_settings,
    doctor_setup,
    doctor_store,
)
from git_datmo.api.symptom import Patient, Symptom
from git_datmo.api.user import NOBODY, User
from git_datmo.errors import DatmoError
from git_datmo.model.checkup import LEFT, MENDABLE, MENDED, REMARK, Ailment, Checkup, State
from git_datmo.records.project import Project

Examination = Callable[[Patient], Iterable[Symptom]]

# What others rely on comes first: locks before refs, refs before what is read through them.
EXAMINATIONS: tuple[tuple[str, Examination], ...] = (
    ("settings", doctor_settings.readable),
    ("machine", doctor_machine.examine),
    ("lock", doctor_locks.examine),
    ("store", doctor_store.examine),
    ("object", doctor_store.objects),
    ("index", doctor_index.examine),
    ("ref", doctor_refs.unreadable),
    ("ref", doctor_refs.own),
    ("index", doctor_index.behind),
    ("ref", doctor_refs.astray),
    ("note", doctor_index.illegible),
    ("run", doctor_runs.examine),
    ("setup", doctor_setup.examine),
    ("settings", doctor_settings.examine),
    ("litter", doctor_litter.examine),
    ("damage", doctor_damage.examine),
)


def doctor(
    project: Project,
    *,
    dry_run: bool = False,
    full: bool = False,
    program: Sequence[str] = (),
    user: User = NOBODY,
    progress: Callable[[int], None] | None = None,
) -> Checkup:
    """Look at everything of ours, mend what can be mended, and say what is left.

    Only what is sure to be litter is removed; what somebody might want back is moved to
    `<common dir>/datmo/aside/<date>`. `dry_run` changes nothing at all. `full` also does what fsck
    does, reading every object and all content, and brings back what is damaged or missing from
    the work tree or a remote. `program` starts git-datmo from a hook; without it hooks are only
    looked at. Raises ProjectNotInitialized, UnsupportedRepository.
    """
    if not doctor_refs.had_a_project(project):
        project.require_known()
    patient = Patient(project, dry_run, full, tuple(program), user, progress or _silent)
    if dry_run:
        doctor_index.keep_in_memory(project)
    found: list[Ailment] = []
    for kind, examine in EXAMINATIONS:
        try:
            symptoms = list(examine(patient))
        except (DatmoError, OSError) as error:
            # One cause may stand in the way of many examinations.
            if str(error) not in patient.seen:
                patient.seen.add(str(error))
                found.append(_unexamined(kind, error))
            continue
        for symptom in symptoms:
            patient.seen.update((symptom.subject, symptom.message))
            found.append(_treat(symptom, dry=dry_run))
    return Checkup(tuple(found), dry_run, full)


def _treat(symptom: Symptom, *, dry: bool) -> Ailment:
    def told(state: State, message: str = symptom.message, **more: str) -> Ailment:
        return Ailment(symptom.kind, symptom.subject, message, state, **more)

    if symptom.remark:
        return told(REMARK, advice=symptom.advice)
    if symptom.mend is None:
        return told(LEFT, advice=symptom.advice)
    if dry:
        return told(MENDABLE, action=symptom.cure)
    try:
        return told(MENDED, action=symptom.mend() or symptom.cure)
    except (DatmoError, OSError) as error:
        advice = symptom.advice or _hint(error) or "run 'git datmo doctor' again"
        return told(LEFT, f"{symptom.message}; that could not be mended: {error}", advice=advice)


def _unexamined(kind: str, error: DatmoError | OSError) -> Ailment:
    where = getattr(error, "filename", None)
    subject = os.fsdecode(where) if isinstance(where, str | bytes) else ""
    return Ailment(kind, subject, f"not all could be looked at: {error}", LEFT, "", _hint(error))


def _hint(error: DatmoError | OSError) -> str:
    return (error.hint or "") if isinstance(error, DatmoError) else ""


def _silent(count: int) -> None:
    pass
