"""artifact create, ls, inspect, get, diff, update, delete, undelete."""

from __future__ import annotations

from typing import Any, ClassVar

import click

from git_datmo.cli import door
from git_datmo.cli.artifact_table import as_dict, table_of
from git_datmo.cli.door import Group, verb
from git_datmo.cli.table import for_programs, listing_options, show
from git_datmo.model.quantity import counted

STYLES = {"artifact": "cyan", "id": "yellow", "label": "cyan"}
WHICH = "ARTIFACT"


class Artifacts(Group):
    aliases: ClassVar = {"list": "ls", "show": "inspect", "rm": "delete", "log": "ls"}


@click.group(cls=Artifacts)
def artifact() -> None:
    """Keep named sets of files, such as models and datasets, in versions that are counted.

    ARTIFACT is [COLLECTION/]NAME, then :vN for one version or nothing for the newest; or an id
    or a unique part of its beginning, or a label. Without a collection it is `default`.
    """


@verb("artifact.create", reference="references")
@artifact.command()
@click.argument("name")
@click.argument("paths", nargs=-1, metavar="[SRC[>DEST]]...")
@click.option("--collection", metavar="NAME", help="Where it is put; the same as COLLECTION/NAME.")
@click.option(
    "--reference",
    multiple=True,
    metavar="[PATH=]URI",
    help="An object that lies elsewhere: only its address is kept.",
)
@click.option("--message", "-m", help="What this version is.")
@click.option("--label", "-l", help="A short name for this version.")
@click.option("--metadata", multiple=True, metavar="KEY:VALUE", help="A fact about it.")
@click.option("--alternative-name", metavar="NAME", help="Another name, which other systems gave.")
@click.option("--session-id", metavar="SESSION", help="The session it belongs to.")
@door.as_json
def create(
    name: str,
    paths: tuple[str, ...],
    reference: tuple[str, ...],
    metadata: tuple[str, ...],
    json: bool,
    **given: Any,
) -> None:
    """Record the next version of an artifact, of files, folders and references.

    A folder gives its contents, a file keeps its name; `SRC>DEST` puts either somewhere else. A
    link that leads out of its folder is refused. The first version is v0.
    """
    found = door.project()
    from git_datmo.api.settings import parse_items
    from git_datmo.ui.artifact import counts
    from git_datmo.ui.progress import progress

    with progress("reading files", unit="B") as bar:
        made = door.call(
            "artifact.create",
            found,
            name=name,
            paths=paths,
            references=reference,
            metadata=parse_items("metadata", metadata) if metadata else None,
            **given,
            user=door.user(),
            progress=bar.advance,
        )
    door.note(made.notices)
    if json:
        door.document({**as_dict(made), "notices": list(made.notices)})
    else:
        door.say(f"Created artifact {_named(made)} with id: {made.id}, {counts(made)}")


@verb("artifact.ls")
@artifact.command()
@click.argument("name", required=False, metavar="[NAME]")
@click.option("--collection", metavar="NAME", help="Only those of this collection.")
@click.option("--all", "-a", is_flag=True, help="Every version, not only the newest of each.")
@click.option("--deleted", is_flag=True, help="Those that are deleted, and can be brought back.")
@click.option("--details", is_flag=True, help="The whole id, the author and the other name too.")
@click.option("--filter", metavar="TEXT", help="Only those whose message or label holds TEXT.")
@click.option("--where", metavar="EXPR", help="Only those for which EXPR holds: 'version > 3'.")
@click.option("--sort", metavar="KEYS", help="Order by keys, -KEY for descending: -size.")
@click.option("--limit", "-n", type=int, metavar="N", help="At most N.")
@click.option("--columns", metavar="NAMES", help="The columns to show: reference,size,metadata.f1.")
@listing_options
def ls(
    name: str | None,
    collection: str | None,
    all: bool,
    deleted: bool,
    details: bool,
    filter: str | None,
    where: str | None,
    sort: str | None,
    limit: int | None,
    columns: str | None,
    **shown: Any,
) -> None:
    """List the artifacts, each by its newest version; with NAME and --all the versions of one.

    EXPR compares keys such as collection, name, version, size, files, metadata.KEY, label,
    message, created with ==, !=, <, <=, >, >=, in, contains, `is null`, joined by and, or, not.
    """
    found = door.call(
        "artifact.ls",
        door.project(),
        name=name,
        collection=collection,
        all=all,
        deleted=deleted,
        filter=filter,
        where=where,
        sort=sort,
        limit=limit,
    )
    if for_programs(shown, columns):
        show("artifact", [], [as_dict(item) for item in found], **shown)
        return
    names, rows = table_of(found, columns, details, exact=shown["format"] == "csv")
    show("artifact", names, rows, styles=STYLES, **shown)


@verb("artifact.inspect")
@artifact.command()
@click.argument("artifact", metavar=WHICH)
@door.as_json
def inspect(artifact: str, json: bool) -> None:
    """Show everything about one version: its objects, who made it and who used it."""
    from git_datmo.ui import artifact as ui

    found = door.call("artifact.inspect", door.project(), artifact=artifact)
    door.note(found.notices)
    if json:
        shown = as_dict(found)
        shown.setdefault("entries", [])
        door.document(shown)
    else:
        door.say(ui.block(found, color=door.color()))


@verb("artifact.get")
@artifact.command()
@click.argument("artifact", metavar=WHICH)
@click.option("--into", type=click.Path(), metavar="DIR", help="Write its files there.")
@click.option("--path", metavar="PATH", help="Only this file or folder of it.")
@click.option("--force", "-f", is_flag=True, help="Overwrite files there that differ.")
@door.as_json
def get(artifact: str, into: str | None, path: str | None, force: bool, json: bool) -> None:
    """Put the files of an artifact into a folder, beside what lies there.

    Without --into they are in a place of git-datmo's own, whose path is printed and which nobody
    may write to. Content that is not here is fetched.
    """
    from git_datmo.ui.progress import progress

    with progress("fetching content", unit="B") as bar:
        done = door.call(
            "artifact.get",
            door.project(),
            artifact=artifact,
            into=into,
            path=path,
            force=force,
            user=door.user(),
            progress=bar.advance,
            expect=bar.expect,
        )
    door.note(done.notices)
    if json:
        document = {"artifact": as_dict(done.artifact), "path": done.path, "written": done.written}
        door.document({**document, "notices": list(done.notices)})
    elif into is None:
        door.say(done.path)
    else:
        from git_datmo.ui.escape import safe

        files = counted(done.written, "file")
        door.say(safe(f"Wrote {files} of {done.artifact.reference} into {done.path}"))


@verb("artifact.diff", quiet="exit_code")
@artifact.command()
@click.argument("before", metavar="BEFORE")
@click.argument("after", metavar="[AFTER]", required=False)
@click.option("--exit-code", "quiet", is_flag=True, help="Exit with 1 if they differ.")
@door.as_json
def diff(before: str, after: str | None, quiet: bool, json: bool) -> int:
    """Show what differs between two versions, of one artifact or of two.

    Without AFTER it is the newest version of the artifact that BEFORE names.
    """
    from git_datmo.ui import artifact as ui

    found = door.call("artifact.diff", door.project(), before=before, after=after)
    if json:
        door.document(ui.to_dict(found))
    else:
        door.page(ui.comparison(found, color=door.color(), width=door.width()))
    return 1 if quiet and not found.empty else 0


@verb("artifact.update")
@artifact.command()
@click.argument("artifact", metavar=WHICH)
@click.option("--message", "-m", help="The new message.")
@click.option("--label", "-l", help="The new label; empty takes it away.")
@door.as_json
def update(artifact: str, message: str | None, label: str | None, json: bool) -> None:
    """Change the message or the label of a version. Its files never change."""
    changed = door.call(
        "artifact.update", door.project(), artifact=artifact, message=message, label=label
    )
    if json:
        door.document(as_dict(changed))
    else:
        door.say(f"Updated artifact {_named(changed)}")


@verb("artifact.delete")
@artifact.command()
@click.argument("artifact", metavar=WHICH)
@door.as_json
def delete(artifact: str, json: bool) -> None:
    """Hide a version (the newest, unless one is named), in every clone that gets to know of it.

    Its number is never given again.
    """
    gone = door.call("artifact.delete", door.project(), artifact=artifact)
    if json:
        door.document(as_dict(gone))
    else:
        door.say(f"Deleted artifact {_named(gone)}")


@verb("artifact.undelete")
@artifact.command()
@click.argument("artifact", metavar=WHICH)
@door.as_json
def undelete(artifact: str, json: bool) -> None:
    """Bring a deleted version back, in every clone that gets to know of it.

    `git datmo artifact ls --deleted` lists them. Without a version it is the newest deleted one.
    Says which of its files were freed meanwhile.
    """
    back = door.call("artifact.undelete", door.project(), artifact=artifact)
    door.note(back.notices)
    if json:
        door.document({**as_dict(back), "notices": list(back.notices)})
    else:
        door.say(f"Restored artifact {_named(back)}")


def _named(item: Any) -> str:
    from git_datmo.ui.escape import safe

    return safe(item.reference)
