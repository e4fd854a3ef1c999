"""What is known of the remotes, and what they say when they are asked."""

from __future__ import annotations

from dataclasses import replace

from git_datmo.api.pushing import due
from git_datmo.errors import DatmoError
from git_datmo.model.remote import RemoteState
from git_datmo.records import layout
from git_datmo.records.project import Project
from git_datmo.remotes import exchange, places
from git_datmo.remotes.base import Place


def show(project: Project, remote: str | None = None, *, check: bool = True) -> list[RemoteState]:
    """Where each remote, or the one named, keeps refs and content.

    With `check` it is asked for both; what does not answer is told in `errors`, nothing is
    raised for it. Raises RemoteError for a remote that is not configured.
    """
    names = [remote] if remote else places.remotes(project)
    return [_state(project, name, check) for name in names]


def _state(project: Project, remote: str, check: bool) -> RemoteState:
    url = places.urls_of(project, remote, push=False)[0]
    pushed = tuple(places.urls_of(project, remote, push=True))
    state = RemoteState(
        remote,
        exchange.redacted(url),
        tuple(exchange.redacted(one) for one in pushed),
        places.setting(project, remote),
        None,
    )
    try:
        place = places.place_of(project, remote, pushed[0])
    except DatmoError as error:
        return replace(state, errors=(error.message,))
    if place is None:
        hint = f"git config datmo.{remote}.store names one"
        state = replace(state, remarks=(f"no place for the content of large files: {hint}",))
    else:
        state = replace(state, place=place.name)
    return _content(_refs(project, state), place) if check else state


def _refs(project: Project, state: RemoteState) -> RemoteState:
    try:
        there = exchange.offered(project, state.name)
    except DatmoError as error:
        return replace(state, errors=(*state.errors, error.message))
    chains = sum(1 for ref in there if layout.clone_of(ref))
    waiting = len(due(project, there)) if project.initialized else 0
    return replace(state, chains=chains, refs=len(there), due=waiting)


def _content(state: RemoteState, place: Place | None) -> RemoteState:
    if place is None:
        return state
    found = place.check()
    place.close()
    state = replace(state, writable=found.writable, free=found.free)
    if not found.reached:
        return replace(state, errors=(*state.errors, *found.remarks))
    return replace(state, remarks=(*state.remarks, *found.remarks))
