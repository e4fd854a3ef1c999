"""Runs that this program is: begun, and gone on with after they were loaded."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from git_datmo.compat.em import console, facts, layout, place, values
from git_datmo.compat.em.facts import COMPLETE, RUNNING
from git_datmo.errors import DatmoError, RunUnderWay
from git_datmo.tracking.parts import ABOUT
from git_datmo.tracking.run import RUN, TrackedRun, opened
from git_datmo.tracking.sink import FAULTS, METRICS, said

if TYPE_CHECKING:
    from git_datmo.api.emfolder import RunFolder
    from git_datmo.compat.em.experiment import Run
    from git_datmo.compat.em.live import AutoUpload
    from git_datmo.compat.em.marks import Mark
    from git_datmo.model.run import Run as Recorded
    from git_datmo.records.project import Project


def tracked(
    metadata: Mapping[str, Any],
    local: Path,
    project: Project | None,
    continues: str | None = None,
) -> TrackedRun:
    """A run of git-datmo for one of em, not begun yet; inside a task, the task's own."""
    task = place.task()
    if task is not None or project is None:
        found = TrackedRun(task or local, os.environ.get(RUN, ""), None)
        _introduce(found.folder, metadata, continues)
        return found
    home, top = place.home().absolute(), project.repository.work_tree
    inside = top is None or home.resolve().is_relative_to(top.resolve())
    return opened(
        project,
        home if inside or top is None else top,
        name=metadata["name"],
        labels=metadata["labels"],
        description=metadata["description"],
        alternative_name=metadata["alternativeName"],
        continues=continues,
    )


def resume(run: Run) -> bool:
    """Go on with a loaded run: as a run of its own, which has the name and the history of the
    first. False where that cannot be, which is said; what is added then lies in the local
    directory alone."""
    if not run._local.hold():
        run._theirs = True
        console.warning(
            f"{run.alternative_name} is still going on elsewhere: what is added to it here lies "
            f"in {run.local} alone"
        )
        return False
    try:
        _resume(run)
    except FAULTS as error:
        with suppress(OSError):
            run._local.release()
        console.warning(
            f"what is added to {run.alternative_name} lies in {run.local} alone: {said(error)}"
        )
        return False
    return True


def _resume(run: Run) -> None:
    run._save()  # Where nothing can be written, nothing is begun.
    # One that was copied from elsewhere, or that t9k wrote, is recorded as it was before.
    first = run._record()
    project = run._project()
    begun = tracked(run._metadata, run._local.path, project, first.id if first else None)
    _history(run, begun.folder)
    for role, records in _marks(first):
        for record in records:
            begun.mark(role, record)
    run._before = run.status
    run._metadata |= {"status": RUNNING, "endTimestamp": None}
    run._platform = facts.platform(begun.platform)
    run._git = facts.git(begun.git, project)
    run._start(begun, earlier=run._local.log)
    run._local.write("git.yaml", run._git)
    run._save()


def settle(run: Run) -> None:
    """Record what a loaded run was gone on with, as it stood before; more may follow."""
    if run._process == os.getpid() and not run._finished:
        run._params.flush()
    before, run._before = run._before, None
    if before is None or run._finished or run._tracked is None:
        return
    run._end(before, 0 if before == COMPLETE else 1, None)
    run._id, run._tracked, run._auto = run._tracked.id, None, None
    run._finished = False


def late(run: Run) -> Recorded | None:
    """The run of a local directory as it was recorded, now where it never was."""
    from git_datmo.api import emfolder

    return _of_folder(run._project(), emfolder.read_run(run._local.root))


def _of_folder(project: Project | None, folder: RunFolder) -> Recorded | None:
    """The run of a local directory, recorded now where it never was."""
    from git_datmo.api import elsewhere, emfolder, run_lookup

    if project is None:
        return None
    if folder.run_id is not None:
        elsewhere.find(project, alternative_name=folder.alternative_name)
        known = run_lookup.find_value(project, folder.run_id)
        if known is not None:
            return known
    lines = [path.read_bytes() for path in folder.lines()]
    lines += [values.line(point) for point in folder.old_points()]
    metadata, ended = folder.metadata, emfolder.seconds(folder.metadata.get("endTimestamp"))
    started = emfolder.seconds(metadata.get("startTimestamp"))
    return elsewhere.record(
        project,
        name=str(metadata.get("name") or folder.alternative_name),
        alternative_name=folder.alternative_name,
        status="success" if folder.status == COMPLETE else "lost",
        points=lines,
        log=folder.log,
        created=None if started is None else int(started * 1000),
        ended=None if ended is None else int(ended * 1000),
        config=folder.hparams,
        labels=layout.labels_of(metadata.get("labels")),
        description=str(metadata.get("description") or ""),
        platform=folder.platform,
        git={key: value for key, value in folder.git.items() if value is not None},
        run_id=folder.run_id,
        was=folder.commit,
    )


def refuse(run: Run) -> NoReturn:
    """Raise RunUnderWay: another machine has it."""
    raise RunUnderWay(
        f"{run.alternative_name} is still going on elsewhere",
        hint="it can be sent and gone on with when it has ended",
    )


def auto_upload(run: Run) -> AutoUpload | None:
    """What sends a run while it lasts, where that is wished for."""
    if run._wish is None:
        return None
    from git_datmo.compat.em.live import AutoUpload

    return AutoUpload(run, **run._wish)


def _history(run: Run, task: Path) -> None:
    """Give a task the points that there are."""
    from git_datmo.api import emfolder

    known = emfolder.read_run(run._local.root)
    with open(task / METRICS, "ab") as file:
        for point in known.old_points():
            file.write(values.line(point))
        for path in known.lines():
            data = path.read_bytes()
            file.write(data if data.endswith(b"\n") or not data else data + b"\n")


def _marks(first: Recorded | None) -> Iterable[tuple[str, Iterable[Mapping[str, Any]]]]:
    return (("used", first.used), ("generated", first.generated)) if first is not None else ()


def seal(begun: TrackedRun, made: Iterable[Mark], project: Project | None) -> None:
    """Record artifacts that a run made once more, as they are in the end."""
    from git_datmo.compat.em import resources

    for mark in made:
        try:
            begun.mark(mark.role, resources.describe(mark.resource, project)[1])
        except (DatmoError, OSError) as error:
            console.warning(f"{mark.resource.alternative_name} was not recorded: {error}")


def _introduce(task: Path, metadata: Mapping[str, Any], continues: str | None) -> None:
    """Tell the task's run what it is called and what it goes on with, unless another run of the
    same task has done so."""
    told = {
        "alternative_name": metadata["alternativeName"],
        "labels": metadata["labels"],
        "description": metadata["description"],
        **({} if continues is None else {"continues": continues}),
    }
    with suppress(OSError), open(task / ABOUT, "x", encoding="utf-8") as file:
        json.dump(told, file)
