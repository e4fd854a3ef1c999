"""What to say when content cannot be had: what is missing, where it was looked for, who has it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from git_datmo.errors import ContentMissing
from git_datmo.model.pointer import Pointer
from git_datmo.model.quantity import counted
from git_datmo.records import catalogue
from git_datmo.records.project import Project

SHOWN = 10


def error(
    project: Project,
    names: Mapping[Pointer, str],
    lost: Mapping[Pointer, Sequence[str]],
    snapshots: Iterable[str] = (),
) -> ContentMissing:
    """The error for content of `snapshots` that is neither here nor on a remote.

    `names` are its paths, `lost` why no place gave it.
    """
    shown = [f"{names[p]} ({p.size} bytes, {p.key})" for p in list(lost)[:SHOWN]]
    more = f" and {len(lost) - SHOWN} more" if len(lost) > SHOWN else ""
    reasons = dict.fromkeys(reason for why in lost.values() for reason in why)
    asked = "; ".join(list(reasons)[:SHOWN]) or _unasked(project)
    files = counted(len(lost), "file")
    message = (
        f"the content of {files} is neither here nor on a remote: {'; '.join(shown)}{more}. {asked}"
    )
    return ContentMissing(message, hint=hint(project, snapshots))


def _unasked(project: Project) -> str:
    """Why no place was asked."""
    from git_datmo.remotes import places

    known = ", ".join(places.remotes(project)[:SHOWN])
    return f"no repository is where {known} points to" if known else "there is no remote to ask"


def hint(project: Project, snapshots: Iterable[str]) -> str | None:
    """Who did not deliver the content of some snapshots; None when this clone made them all."""
    index = catalogue.refresh(project)
    makers: dict[str, None] = {}
    for oid in snapshots:
        first = catalogue.first_operation(project, index, oid)
        if first is not None and not catalogue.made_here(project, index, oid):
            makers[f"{first.by} (clone {first.clone})"] = None
    if not makers:
        return None
    who = ", ".join(list(makers)[:SHOWN])
    return (
        f"not delivered by {who}: ask for 'git datmo push --content' there; if they set "
        "datmo.<remote>.store, set the same here"
    )
