"""snapshot create, ls, inspect, diff, checkout, update, delete, undelete."""

from __future__ import annotations

from typing import Any, ClassVar

import click

from git_datmo.cli import door
from git_datmo.cli.door import Group, verb
from git_datmo.cli.snapshot_table import as_dict, table_of
from git_datmo.cli.table import for_programs, listing_options, show

STYLES = {"id": "yellow", "label": "cyan"}


class Snapshots(Group):
    default = "create"
    aliases: ClassVar = {"list": "ls", "show": "inspect", "rm": "delete", "log": "ls"}


@click.group(cls=Snapshots)
def snapshot() -> None:
    """Record, list, compare and restore the state of the project.

    `git datmo snapshot -m "..."` is short for `git datmo snapshot create -m "..."`. A snapshot
    is named by its id or a unique part of its beginning, its label, `latest`, `@{-1}` (the one
    you were on before), or a git revision.
    """


@verb("snapshot.create")
@snapshot.command()
@click.option("--message", "-m", help="What this state is.")
@click.option("--label", "-l", help="A short name for it.")
@click.option("--session-id", metavar="SESSION", help="The session it belongs to.")
@click.option("--run-id", metavar="RUN", help="The state that a run left, and its results.")
@click.option("--task-id", metavar="RUN", help="The older name of --run-id.")
@click.option("--code-id", metavar="ID", help="Code of another snapshot instead of the work tree.")
@click.option("--commit-id", metavar="REV", help="Code of a commit instead of the work tree.")
@click.option("--environment-id", metavar="ID", help="An environment that is kept already.")
@click.option("--environment-def", metavar="FILE", help="The file that defines the environment.")
@click.option(
    "--environment-paths", multiple=True, metavar="SRC[>DEST]", help="Files that define it."
)
@click.option("--file-collection-id", metavar="ID", help="Files of another snapshot.")
@click.option("--filepaths", multiple=True, metavar="PATH", help="The older name of --paths.")
@click.option(
    "--paths", multiple=True, metavar="SRC[>DEST]", help="Files to take along, from anywhere."
)
@click.option("--config", "-c", multiple=True, metavar="KEY:VALUE", help="A setting.")
@click.option("--config-filename", metavar="NAME", help="A file of settings in the project.")
@click.option("--config-filepath", metavar="PATH", help="A file of settings anywhere.")
@click.option("--stats", "-s", multiple=True, metavar="KEY:VALUE", help="A result.")
@click.option("--stats-filename", metavar="NAME", help="A file of results in the project.")
@click.option("--stats-filepath", metavar="PATH", help="A file of results anywhere.")
@click.option("--include-secrets", is_flag=True, help="Keep untracked files that look secret.")
@door.as_json
def create(json: bool, config: tuple[str, ...], stats: tuple[str, ...], **given: Any) -> None:
    """Record code, environment, files, config and stats together.

    Nothing of yours is touched: not the index, HEAD, branches or stash. When nothing changed
    since an earlier snapshot, that one comes back with the new message and label.
    """
    found = door.project(capture=True)
    from git_datmo.api.settings import parse_items
    from git_datmo.ui.progress import progress

    for kind, items in (("config", config), ("stats", stats)):
        given[kind] = parse_items(kind, items) if items else None
    with progress("reading large files", unit="B") as bar:
        made = door.call("snapshot.create", found, **given, user=door.user(), progress=bar.advance)
    door.note(made.notices)
    if json:
        door.document({**(as_dict(made) or {}), "new": made.is_new, "notices": list(made.notices)})
    elif made.is_new or ("visible" in made.recorded and (given["run_id"] or given["task_id"])):
        door.say(f"Created snapshot with id: {made.id}")
    else:
        # It was there: say which of the words given are new on it.
        news = ", ".join("shown again" if k == "visible" else f"new {k}" for k in made.recorded)
        door.say(f"Nothing changed since snapshot {made.id}: {news or 'it is as it was'}")


@verb("snapshot.ls")
@snapshot.command()
@click.option("--session-id", metavar="SESSION", help="Only those of this session.")
@click.option("--all", "-a", is_flag=True, help="Hidden (automatic) ones too.")
@click.option("--deleted", is_flag=True, help="Those that are deleted, and can be brought back.")
@click.option("--details", is_flag=True, help="The ids of code, environment and files too.")
@click.option("--filter", metavar="TEXT", help="Only those whose message or label holds TEXT.")
@click.option("--label", metavar="LABEL", help="Only those that carry this label.")
@click.option(
    "--remote", metavar="REMOTE", help="Only those that REMOTE has, as far as is known; '.': none."
)
@click.option("--where", metavar="EXPR", help="Only those for which EXPR holds: 'stats.acc > 0.9'.")
@click.option("--sort", metavar="KEYS", help="Order by keys, -KEY for descending: -stats.acc.")
@click.option("--limit", "-n", type=int, metavar="N", help="At most N.")
@click.option("--columns", metavar="NAMES", help="The columns to show: id,label,stats.acc.")
@listing_options
def ls(
    session_id: str | None,
    all: bool,
    deleted: bool,
    filter: str | None,
    label: str | None,
    remote: str | None,
    where: str | None,
    sort: str | None,
    limit: int | None,
    details: bool,
    columns: str | None,
    **shown: Any,
) -> None:
    """List the snapshots, newest first.

    EXPR compares keys such as stats.acc, config.model, label, message, created with ==, !=, <,
    <=, >, >=, in, contains, `is null`, joined by and, or, not.
    """
    found = door.call(
        "snapshot.ls",
        door.project(),
        session_id=session_id,
        all=all,
        deleted=deleted,
        filter=filter,
        label=label,
        remote=remote,
        where=where,
        sort=sort,
        limit=limit,
    )
    if for_programs(shown, columns):
        show("snapshot", [], [as_dict(item) or {} for item in found], **shown)
        return
    names, rows = table_of(found, columns, details, exact=shown["format"] == "csv")
    show("snapshot", names, rows, styles=STYLES, **shown)


@verb("snapshot.inspect")
@snapshot.command()
@click.argument("snapshot_id", metavar="SNAPSHOT", default="latest")
@door.as_json
def inspect(snapshot_id: str, json: bool) -> None:
    """Show everything about one snapshot."""
    from git_datmo.ui import snapshot as ui

    found = door.project()
    shown = as_dict(door.call("snapshot.inspect", found, snapshot_id)) or {}
    shown["files"] = door.call("snapshot.files", found, shown["id"])
    if json:
        door.document(shown)
    else:
        door.say(ui.block(shown, color=door.color()))


@verb("snapshot.diff", details="stat", quiet="exit_code")
@snapshot.command()
@click.argument("before_id", metavar="BEFORE")
@click.argument("after_id", metavar="AFTER", default="latest")
@click.option(
    "--context",
    "-U",
    type=click.IntRange(min=0),
    default=3,
    metavar="N",
    help="Lines of code around a change.",
)
@click.option("--stat", "details", is_flag=True, help="Code as counts of lines, as git does.")
@click.option("--exit-code", "quiet", is_flag=True, help="Exit with 1 if they differ.")
@door.as_json
def diff(
    before_id: str, after_id: str, context: int, details: bool, quiet: bool, json: bool
) -> int:
    """Show what differs between two snapshots.

    Code as git shows it, environment, files, and each config and stats key with the difference
    of numbers.
    """
    from git_datmo.ui import diff as ui

    found = door.call("snapshot.diff", door.project(), before_id, after_id, context=context)
    if json:
        door.document(ui.to_dict(found))
    else:
        door.page(ui.render(found, color=door.color(), width=door.width(), stat=details))
    return 1 if quiet and not found.empty else 0


@verb("snapshot.checkout")
@snapshot.command()
@click.argument("snapshot_id", metavar="SNAPSHOT")
@click.option("--into", type=click.Path(), metavar="DIR", help="Write it there instead.")
@door.as_json
def checkout(snapshot_id: str, into: str | None, json: bool) -> None:
    """Put a snapshot into the work tree, or into another folder.

    Unsaved work is recorded first and can be had back. HEAD, branches and the index stay.
    """
    from git_datmo.ui.progress import progress

    with progress("fetching content", unit="B") as bar:
        done = door.call(
            "snapshot.checkout",
            door.project(),
            snapshot_id,
            into=into,
            user=door.user(),
            progress=bar.advance,
            expect=bar.expect,
        )
    if json:
        document = {"id": done.snapshot.id, "saved": done.saved.id if done.saved else None}
        door.document({**document, "written": done.written, "removed": done.removed})
        return
    door.say(
        f"Moved to snapshot with id: {done.snapshot.id}"
        if into is None
        else f"Wrote snapshot {done.snapshot.id} into {done.target}"
    )
    if done.saved is not None:
        door.say(f"To come back: git datmo snapshot checkout {done.saved.id[:12]}")


@verb("snapshot.update", named="snapshot_id")
@snapshot.command()
@click.argument("snapshot_id", metavar="SNAPSHOT", required=False)
@click.option("--id", "named", metavar="SNAPSHOT", help="The snapshot (older form).")
@click.option("--config", "-c", multiple=True, metavar="KEY:VALUE", help="A setting to set.")
@click.option("--stats", "-s", multiple=True, metavar="KEY:VALUE", help="A result to set.")
@click.option("--message", "-m", help="The new message.")
@click.option("--label", "-l", help="The new label; empty takes it away.")
@door.as_json
def update(
    snapshot_id: str | None,
    named: str | None,
    config: tuple[str, ...],
    stats: tuple[str, ...],
    message: str | None,
    label: str | None,
    json: bool,
) -> None:
    """Change config, stats (key by key), message or label of a snapshot."""
    from git_datmo.api.settings import parse_items

    changed = door.call(
        "snapshot.update",
        door.project(),
        snapshot_id or named,
        config=parse_items("config", config) if config else None,
        stats=parse_items("stats", stats) if stats else None,
        message=message,
        label=label,
    )
    if json:
        door.document(as_dict(changed))
    else:
        door.say(f"Updated snapshot {changed.id}")


@verb("snapshot.delete", named="snapshot_id")
@snapshot.command()
@click.argument("snapshot_id", metavar="SNAPSHOT", required=False)
@click.option("--id", "named", metavar="SNAPSHOT", help="The snapshot (older form).")
@door.as_json
def delete(snapshot_id: str | None, named: str | None, json: bool) -> None:
    """Hide a snapshot, in every clone that gets to know of it."""
    gone = door.call("snapshot.delete", door.project(), snapshot_id or named)
    if json:
        door.document(as_dict(gone))
    else:
        door.say(f"Deleted snapshot {gone.id}")


@verb("snapshot.undelete", named="snapshot_id")
@snapshot.command()
@click.argument("snapshot_id", metavar="SNAPSHOT", required=False)
@click.option("--id", "named", metavar="SNAPSHOT", help="The snapshot (older form).")
@door.as_json
def undelete(snapshot_id: str | None, named: str | None, json: bool) -> None:
    """Bring a deleted snapshot back, in every clone that gets to know of it.

    `git datmo snapshot ls --deleted` lists them. Says which of its files were freed meanwhile.
    """
    back = door.call("snapshot.undelete", door.project(), snapshot_id or named)
    door.note(back.notices)
    if json:
        door.document({**(as_dict(back) or {}), "notices": list(back.notices)})
    else:
        door.say(f"Restored snapshot {back.id}")
