"""A request that is complete becomes a run: written down, started, and watched or handed over."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from git_datmo.api import adoption, baseline, execution, order, preparation, supply, underway
from git_datmo.api.execution import Asked
from git_datmo.api.supply import Supply
from git_datmo.api.underway import Underway
from git_datmo.model import document
from git_datmo.model.frozen import field, frozen
from git_datmo.model.run import SCRIPT, Facts, Run
from git_datmo.records import flights
from git_datmo.records.project import Project
from git_datmo.runners.base import Link
from git_datmo.storage.treediff import find

if TYPE_CHECKING:
    from git_datmo.api.harvest import Output


@frozen
class Terms:
    """How a run is to be made and recorded. `session` is an id, `folder` where in the work tree
    it starts, `rerun_of` the id of the run that it repeats, `before` the snapshot it starts from
    when that is there already. `inputs` lie in its tree, `outputs` are taken from it."""

    session: str
    folder: str = ""
    type: str = SCRIPT
    in_place: bool = False
    apply: bool = True
    interactive: bool = False
    message: str | None = None
    label: str | None = None
    config: Mapping[str, Any] = field(default_factory=dict)
    include_secrets: bool = False
    rerun_of: str | None = None
    before: str | None = None
    inputs: tuple[Supply, ...] = ()
    outputs: tuple[Output, ...] = ()


def begin(project: Project, asked: Asked, terms: Terms) -> Underway:
    """Write down a new run, its lock held by this process. Raises ValidationFailed for what no
    record can say."""
    order.check_recordable(
        asked.order, folder=terms.folder, message=terms.message, label=terms.label
    )
    home = project.repository.needs_work_tree("run a task")
    state, given = asked.state, asked.order
    wanted: list[Link] = []
    if terms.inputs:
        supply.check_free(project, terms.inputs, state.tree, home if terms.in_place else None)
    if not terms.in_place:
        named = project.repository.config.all("datmo.link")
        wanted += order.links_of(named, home)
        if asked.runner.name == preparation.LOCAL:
            found = order.environments_of(home, terms.folder)
            taken = {link.dest for link in wanted}
            read = project.repository.objects.tree
            wanted += [
                link
                for link in found
                if link.dest not in taken and find(read, state.tree, os.fsencode(link.dest)) is None
            ]
        if find(project.repository.objects.tree, state.tree, b".gitmodules") is not None:
            empty = "submodules are empty in the task's copy (--in-place has them)"
            asked.state = replace(state, notices=(*state.notices, empty))
    wanted += [each.link for each in terms.inputs]
    live = {
        "phase": "preparing",
        "runner": asked.runner.name,
        "work_tree": os.fspath(home),
        "project": os.fspath(project.repository.common_dir),
        "isolated": not terms.in_place,
        "apply": terms.apply,
        "interactive": terms.interactive,
        "session": terms.session,
        "message": terms.message,
        "label": terms.label,
        "config": document.encode(dict(terms.config)),
        "include_secrets": terms.include_secrets,
        "links": [[os.fspath(link.source), link.dest] for link in wanted],
        "inputs": supply.names(terms.inputs),
        "outputs": [output.plain for output in terms.outputs],
        "mounts": [[os.fspath(mount.source), mount.name] for mount in given.mounts],
        "environment": {
            "id": state.environment.id,
            "commit": state.environment.commit,
            "definitions": [os.fsdecode(path) for path in state.environment.definitions],
        },
    }
    flight = flights.create(project)
    facts = Facts(
        id=flight.id,
        type=terms.type,
        command=given.argv,
        folder=terms.folder,
        created=time.time_ns() // 1_000_000,
        runner=asked.runner.name,
        environment_id=state.environment.id,
        before_id=terms.before,
        rerun_of=terms.rerun_of,
        resources=given.resources.to_dict(),
        variables=given.recorded,
        data=given.data,
        session_id=terms.session,
        git=baseline.git_of(project, state.tree),
        platform=baseline.platform(),
        message=terms.message or "",
        label=terms.label,
        used=tuple(each.resource for each in terms.inputs),
    )
    run = underway.begin(flight, facts, live)
    run.files = state.files
    return run


def go(project: Project, run: Underway, asked: Asked, *, detach: bool = False) -> Run:
    """Start a run that was written down; returns when it is recorded, or, with `detach`, when its
    command has started in the hands of a process of its own."""
    slot, prepared = execution.ready(project, run, asked)
    if not detach:
        return execution.fly(project, run, asked, slot, prepared)
    if slot is not None:
        slot.let_go()
    return adoption.hand_over(project, run, asked.order.variables, asked.user, asked.state.notices)
