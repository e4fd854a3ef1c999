"""What pushes and fetches did, and what is known of remotes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from git_datmo.model.project import Exchange
from git_datmo.model.quantity import counted
from git_datmo.model.remote import RemoteState
from git_datmo.ui.escape import safe
from git_datmo.ui.rows import size
from git_datmo.ui.style import paint

SHOWN = 20


def exchange(done: Exchange, did: str, would: str) -> Iterator[str]:
    """One line on what moved, or would move; with a dry run each ref."""
    word = would if done.dry_run else did
    amount = f"{counted(done.refs, 'ref')}, {counted(done.content_files, 'file')}"
    yield f"{word} {safe(done.remote)}: {amount} ({size(done.content_bytes)})"
    if not done.dry_run:
        return
    for ref, before, after in done.updates[:SHOWN]:
        what = "gone" if after is None else "new" if before is None else "moved"
        yield f"  {what:<5} {safe(ref)}"
    if len(done.updates) > SHOWN:
        yield f"  and {len(done.updates) - SHOWN} more"


def remotes(found: Iterable[RemoteState], *, color: bool = False) -> Iterator[str]:
    """A paragraph for each remote."""
    listed = list(found)
    if not listed:
        yield "this repository has no remote: git remote add origin ADDRESS"
    for number, one in enumerate(listed):
        if number:
            yield ""
        yield paint(safe(one.name), "bold", color=color)
        yield f"  address  {safe(one.url)}"
        for url in one.push_urls:
            if url != one.url:
                yield f"  push to  {safe(url)}"
        why = f"datmo.{one.name}.store" if one.store else "by the address"
        yield f"  content  {safe(one.place or 'nowhere')}  ({safe(why)})"
        for name in one.more_places:
            yield f"           {safe(name)}"
        if one.refs is not None:
            waiting = f"; {counted(one.due or 0, 'ref')} to be pushed" if one.due else ""
            clones = counted(one.chains or 0, "clone")
            yield f"  refs     {one.refs} there, from {clones}{waiting}"
        if one.writable is not None:
            room = f", {size(one.free)} free" if one.free is not None else ""
            yield f"  access   {'can be written' if one.writable else 'read only'}{room}"
        for remark in one.remarks:
            yield f"  note     {safe(remark)}"
        for error in one.errors:
            yield paint(f"  error    {safe(error)}", "red", color=color)
