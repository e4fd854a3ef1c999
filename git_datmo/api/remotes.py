"""What is known of the remotes, and what they say when they are asked."""

from __future__ import annotations

from dataclasses import replace

from git_datmo.api.pushing import due
from git_datmo.errors import DatmoError
from git_datmo.model.remote import RemoteState
from git_datmo.records import catalogue, layout
from git_datmo.records.project import Project
from git_datmo.remotes import exchange, places
from git_datmo.remotes.base import Place
from git_datmo.remotes.refusals import without_secrets


def show(project: Project, remote: str | None = None, *, check: bool = True) -> list[RemoteState]:
    """Where each remote, or the one named, keeps refs and content.

    With `check` it is asked for both; what does not answer is told in `errors`, nothing is
    raised for it. Raises RemoteError for a remote that is not configured.
    """
    names = [remote] if remote else places.remotes(project)
    return [_state(project, name, check) for name in names]


def names(project: Project) -> list[str]:
    """The names of the configured remotes; none of them is asked for anything."""
    return places.remotes(project)


def having(project: Project, commit: str) -> list[str]:
    """The remotes that had a snapshot, run or artifact, named by its commit, when they were last
    fetched from or pushed to."""
    sources = catalogue.refresh(project).notes_on(commit)
    return [
        name
        for name in places.remotes(project)
        if any(source.startswith(f"{layout.tracking(name)}notes/") for source in sources)
    ]


def _state(project: Project, remote: str, check: bool) -> RemoteState:
    url = places.urls_of(project, remote, push=False)[0]
    pushed = tuple(places.urls_of(project, remote, push=True))
    state = RemoteState(
        remote,
        without_secrets(url),
        tuple(without_secrets(one) for one in pushed),
        without_secrets(places.setting(project, remote) or "") or None,
        None,
    )
    try:
        found = [places.place_of(project, remote, one) for one in pushed]
    except DatmoError as error:
        return replace(state, errors=(error.message,))
    if None in found:
        hint = f"git config datmo.{remote}.store names one"
        state = replace(state, remarks=(f"no place for the content of large files: {hint}",))
    named = {place.name: place for place in found if place is not None}
    first = found[0].name if found[0] is not None else None
    state = replace(state, place=first, more_places=tuple(n for n in named if n != first))
    if not check:
        return state
    state = _refs(project, state, alike=pushed == (url,))
    for place in named.values():
        state = _content(state, place)
    return state


def _refs(project: Project, state: RemoteState, *, alike: bool) -> RemoteState:
    try:
        there = exchange.offered(project, state.name)
        chains = sum(1 for ref in there if layout.clone_of(ref))
        state = replace(state, chains=chains, refs=len(there))
        if not alike:  # pushes go elsewhere, or to more than one address
            there = exchange.listed(project, state.name)
    except DatmoError as error:
        return replace(state, errors=(*state.errors, error.message))
    return replace(state, due=len(due(project, there)) if project.initialized else 0)


def _content(state: RemoteState, place: Place) -> RemoteState:
    found = place.check()
    place.close()
    if not found.reached:
        return replace(state, errors=(*state.errors, *found.remarks))
    writable = found.writable and state.writable is not False
    known = [free for free in (state.free, found.free) if free is not None]
    remarks = (*state.remarks, *found.remarks)
    return replace(state, writable=writable, free=min(known, default=None), remarks=remarks)
