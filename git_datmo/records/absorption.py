"""Taking over the chains of clones that are gone: a CI job's, a deleted folder's.

Our chain gets the other's tip as a parent and its operations as they are, so it carries all that
the other did, and the other's ref can go. Had its clone not gone after all, nothing is harmed:
its next push makes the ref again, and an operation that two chains hold is one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from git_datmo.errors import Corrupt, DamagedObject
from git_datmo.model import operation
from git_datmo.model.frozen import frozen
from git_datmo.records import catalogue, chain, clones, purged
from git_datmo.records.project import Project
from git_datmo.storage import notes
from git_datmo.storage.objects import EMPTY_TREE


@frozen
class Absorbed:
    """The clones whose chains were taken over, with their tips; those that were `left`, and
    why; and the `tip` of our own chain that carries them."""

    tips: dict[str, str]
    left: dict[str, str]
    tip: str


def absorb(project: Project, chains: Mapping[str, str], upon: str) -> Absorbed:
    """Take over chains, given as clone → tip; what cannot be is left alone and told.

    None is when our own chain is no longer at `upon`: something was recorded meanwhile.
    A chain is left that cannot be read, or that holds operations under a name of ours which we do
    not know: they are a copy's of this clone, or forged, and either way not ours to speak for.
    """
    taken: dict[str, str] = {}
    left: dict[str, str] = {}
    with chain.writing(project) as writer:
        if writer.tip != upon:
            return Absorbed({}, {}, upon)
        clone = clones.read(project.home)
        names = {writer.clone, *(clone.former if clone is not None else ())}
        own = catalogue.notes_tree(project, writer.tip) if writer.tip else EMPTY_TREE
        gone = purged.known(writer.index)
        for other, tip in chains.items():
            if other == writer.clone:
                continue
            if writer.tip and project.repository.objects.descends(writer.tip, tip):
                taken[other] = tip
                continue
            try:
                theirs = catalogue.notes_tree(project, tip)
                if purged.held(project.repository.objects, theirs, gone):
                    left[other] = "it holds what was purged"
                    continue
                fresh = list(news(project, own, theirs))
            except Corrupt as error:
                left[other] = error.message
                continue
            if any(made.clone in names for _, lines in fresh for made in lines):
                left[other] = "it holds operations under this clone's name that this clone lacks"
                continue
            for target, lines in fresh:
                writer.carry(target, [made.line for made in lines])
            writer.mention(tip)
            taken[other] = tip
    return Absorbed(taken, left, writer.tip or upon)


def news(
    project: Project, own: str, theirs: str
) -> Iterable[tuple[str, list[operation.Operation]]]:
    """The operations of a notes tree that ours lacks, by the object they are about."""
    objects = project.repository.objects
    for target, mine, blob in notes.diff(objects, own, theirs):
        if blob is None:
            continue
        held = set(notes.read(objects, mine).splitlines()) if mine else set()
        made, unread = operation.parse_note(notes.read(objects, blob))
        if unread:
            raise DamagedObject(f"the note of {target[:12]} has a {unread[0]}")
        lines = [one for one in made if one.line not in held]
        if lines:
            yield target, lines
