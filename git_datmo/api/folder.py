"""Folders of runs and artifacts on a remote: put something there, find it, list what there is."""

from __future__ import annotations

from git_datmo.api import pushing, run_lookup, settling
from git_datmo.api.nodes import TITLES, Known, name_of
from git_datmo.api.placing import Wish, place, target
from git_datmo.errors import EntityNotFound, IdentityMissing, PathDoesNotExist, ValidationFailed
from git_datmo.model import folder as model
from git_datmo.model.folder import Node, Placed, check_strategy, path_of, text_of
from git_datmo.records import catalogue, layout
from git_datmo.records.project import Project
from git_datmo.remotes import folders, places
from git_datmo.remotes.folders import SELF
from git_datmo.remotes.gitwire import Change
from git_datmo.storage.index import Record


def remote_of(project: Project, remote: str | None = None) -> str:
    """The remote whose folders are meant: `remote`, else `datmo.remote`, `origin`, or the
    repository itself."""
    chosen = remote or project.repository.config.get("datmo.remote")
    if chosen:
        return chosen
    return "origin" if "origin" in places.remotes(project) else SELF


def host_of(project: Project, remote: str | None = None) -> str:
    """The address of a remote's folders, without passwords. Raises RemoteError."""
    url = folders.address(project, remote_of(project, remote))
    return str(project.repository.common_dir) if url == SELF else folders.shown(url)


def shown(url: str) -> str:
    """An address without its password or token."""
    return folders.shown(url)


def owner_of(project: Project) -> str:
    """Whose folders a path without a leading slash lies in: `datmo.user`, else what stands before
    the @ of `user.email`. Raises IdentityMissing."""
    named = project.repository.config.get("datmo.user")
    if named:
        return named
    email = project.identity[0].rpartition("<")[2].rstrip(">")
    local = email.partition("@")[0].replace("/", "-")
    if not local or local in (".", ".."):
        raise IdentityMissing(
            "git knows no email to name your folders after",
            hint="git config datmo.user <a name>",
        )
    return local


def put(
    project: Project,
    *,
    id: str,
    folder: str = model.DEFAULT,
    name: str | None = None,
    alternative_name: str | None = None,
    remote: str | None = None,
    make_folder: bool = False,
    conflict_strategy: str = model.NEW,
    owner: str | None = None,
    at: str | None = None,
) -> Placed | None:
    """Share a recorded run or an artifact and put it into a folder of the remote.

    `id` is the run's or the version's; `name` is what it is to be called there and
    `alternative_name` what it is known by: one that lies there already gives way to it. `at` is
    the path where it was put before. A name that something else has is decided by
    `conflict_strategy`: `skip` puts nothing and returns None, `error` raises, `new` takes the
    alternative name, `replace` takes the place; what lay there keeps its id. Two that want one
    place at once never both get it.
    Raises ValidationFailed, PathDoesNotExist (no such folder, and not `make_folder`),
    FileAlreadyExistsError, Conflict, EntityNotFound, RemoteError, and what a push raises.
    """
    strategy = check_strategy(conflict_strategy)
    project.require_initialized()
    owner = owner or owner_of(project)
    record = _record(project, id)
    known = record.doc.get("alternative_name")
    alternative_name = alternative_name or (known if isinstance(known, str) else record.id[:12])
    where = path_of(folder, owner)
    if not where:
        raise ValidationFailed("nothing can lie in the root of all folders", hint="name a folder")
    run_id = record.doc.get("run_id")
    wish = Wish(
        oid=record.id,
        kind=TITLES[record.kind],
        folder=where,
        name=_component(name or name_of(record) or alternative_name),
        alternative_name=_component(alternative_name),
        owner=owner,
        make_folder=make_folder,
        strategy=strategy,
        at=path_of(at, owner) if at else None,
        run_id=run_id if isinstance(run_id, str) else None,
    )
    chosen = remote_of(project, remote)
    url = folders.address(project, chosen)
    known_there = Known(project, chosen, url)
    # What will be refused is refused before anything goes out.
    if target(wish, folders.listing(project, url), known_there.owner) is None:
        return None
    notices: tuple[str, ...] = ()
    if chosen != SELF:
        notices = pushing.push(project, chosen).notices
    found = place(project, url, wish, known_there.owner)
    if found is None:
        return None
    if wish.run_id is not None:
        settling.forget(project, wish.run_id)
    path, created = found
    host = host_of(project, chosen)
    return Placed(text_of(path), record.id, chosen, host, created, notices)


def find(
    project: Project, *, path: str, remote: str | None = None, owner: str | None = None
) -> Node:
    """What lies at a path of the folders on a remote; its records come along.

    Raises PathDoesNotExist, ValidationFailed, RemoteError.
    """
    owner = owner or owner_of(project)
    wanted = path_of(path, owner)
    chosen = remote_of(project, remote)
    url = folders.address(project, chosen)
    if chosen == SELF:
        settling.settle(project, url)
    there = folders.listing(project, url)
    if wanted in there.nodes:
        return Known(project, chosen, url).nodes(there, {wanted: there.nodes[wanted]})[0]
    if not wanted or wanted == (owner, model.DEFAULT) or there.is_folder(wanted):
        return Node(text_of(wanted), model.FOLDER)
    raise PathDoesNotExist(f"there is nothing at '{text_of(wanted)}' on {host_of(project, chosen)}")


def ls(
    project: Project, *, path: str = "", remote: str | None = None, owner: str | None = None
) -> list[Node]:
    """What lies in a folder of a remote, by name, folders first; of a run or artifact, itself.

    Without a path your own folders; `/` is the root of all. Raises what `find` raises.
    """
    owner = owner or owner_of(project)
    wanted = path_of(path, owner)
    chosen = remote_of(project, remote)
    url = folders.address(project, chosen)
    if chosen == SELF:
        settling.settle(project, url)
    there = folders.listing(project, url)
    known = Known(project, chosen, url)
    if wanted in there.nodes:
        return known.nodes(there, {wanted: there.nodes[wanted]})
    own = wanted in ((), (owner,), (owner, model.DEFAULT))
    if not own and not there.is_folder(wanted):
        raise PathDoesNotExist(
            f"there is no folder '{text_of(wanted)}' on {host_of(project, chosen)}"
        )
    return known.nodes(there, there.below(wanted))


def make(
    project: Project, *, path: str, remote: str | None = None, owner: str | None = None
) -> Node:
    """Make an empty folder on a remote; one that is there stays as it is.

    Raises ValidationFailed, Conflict, RemoteError.
    """
    project.require_initialized()
    wanted = path_of(path, owner or owner_of(project))
    if not wanted:
        raise ValidationFailed("the root of all folders is there already")
    url = folders.address(project, remote_of(project, remote))
    there = folders.listing(project, url)
    blocked = there.blocked(wanted)
    if blocked is not None:
        raise PathDoesNotExist(f"'{text_of(blocked)}' is a run or an artifact, and no folder")
    if not there.is_folder(wanted):
        blob = project.repository.objects.write_blob(folders.EMPTY_BLOB)
        change = Change(folders.marker_of(wanted), None, blob)
        folders.move(project.repository.git, url, [change])
    return Node(text_of(wanted), model.FOLDER)


def _record(project: Project, name: str) -> Record:
    """A recorded run or an artifact by its id. Raises EntityNotFound, RunNotFound."""
    index = catalogue.refresh(project)
    record = index.get(name) if layout.is_oid(name) else None
    if record is None:
        commit = run_lookup.resolve(project, name).commit
        record = index.get(commit) if commit else None
    if record is None or record.kind not in TITLES:
        raise EntityNotFound(f"'{name}' is neither a recorded run nor an artifact")
    return record


def _component(text: str) -> str:
    """A name as one part of a path. Raises ValidationFailed."""
    parts = path_of("/" + text.replace("/", "-"), "")
    if len(parts) != 1:
        raise ValidationFailed(f"'{text}' is no name for something in a folder")
    return parts[0]
