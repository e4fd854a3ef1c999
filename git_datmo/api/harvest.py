"""What a run read and made, for its record: declared outputs become versions of artifacts, and what
the task said in `artifacts.jsonl` becomes records of resources."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from git_datmo.api import artifact_lookup, artifact_making
from git_datmo.api.mentions import Mentions
from git_datmo.api.supply import CONTAINER_HOME, described
from git_datmo.api.underway import Underway
from git_datmo.errors import DatmoError, InvalidArgumentType, UnsafePath, ValidationFailed
from git_datmo.model.frozen import frozen
from git_datmo.model.run import SUCCESS
from git_datmo.records import chain
from git_datmo.records.kinds import ARTIFACT
from git_datmo.records.pointers import pointer_at
from git_datmo.records.project import Project
from git_datmo.storage import gathering, links
from git_datmo.storage.gathering import Gathered
from git_datmo.storage.objects import EMPTY_TREE, GITLINK, LINK, TREE
from git_datmo.storage.treediff import Leaf, find, walk

CONTAINER_TASK = "/task"
TASK = "task"


@frozen
class Output:
    """A path of the tree after that becomes the next version of an artifact."""

    collection: str
    name: str
    path: str

    @property
    def plain(self) -> list[str]:
        """For the facts of a run under way."""
        return [self.collection, self.name, self.path]


@dataclass
class Harvest:
    """Everything that is to be recorded: resources as they are, outputs with their content, and
    what could not be had."""

    used: list[dict[str, Any]] = field(default_factory=list)
    generated: list[dict[str, Any]] = field(default_factory=list)
    outputs: list[tuple[Output, Gathered]] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)


def outputs_of(given: Sequence[str] | Mapping[str, str], folder: str) -> tuple[Output, ...]:
    """`name=path` or `collection/name=path`, or paths by name; paths from `folder` on, where the
    command starts. Raises ValidationFailed, InvalidArgumentType."""
    found: dict[Output, None] = {}
    listed = [given] if isinstance(given, str) else given
    pairs = listed.items() if isinstance(listed, Mapping) else map(_split, listed)
    for title, path in pairs:
        if not isinstance(path, str) or not isinstance(title, str):
            raise InvalidArgumentType("an output is a name and a path, both text")
        collection, name = artifact_making.checked(None, title)
        place = posixpath.normpath(posixpath.join(folder, path)) if path else ""
        if not path or "\0" in path or place.startswith(("/", "../")) or place == "..":
            raise ValidationFailed(
                f"the output {title} cannot be taken from {path!r}",
                hint="its path lies in the project: --output NAME=PATH",
            )
        found[Output(collection, name, place)] = None
    return tuple(found)


def again(generated: Iterable[Mapping[str, Any]]) -> tuple[Output, ...]:
    """The outputs that a run's record has, for one that repeats it. Raises ValidationFailed for
    names that are none: somebody else may have written them."""
    found = {
        Output(*artifact_making.checked(each["collection"], each["name"]), str(each["path"])): None
        for each in generated
        if each.get("declared") and all(each.get(k) for k in ("collection", "name", "path"))
    }
    return tuple(found)


def reap(
    project: Project, run: Underway, said: Sequence[Mapping[str, Any]], before: str, after: str
) -> Harvest:
    """See what a run that ended used and made; `said` are the lines of `artifacts.jsonl`, `before`
    and `after` the trees. What cannot be had is noticed, and nothing is raised for it."""
    found = Harvest()
    used, generated = Mentions(run.facts.get("used") or ()), Mentions()
    known = [Output(*map(str, each)) for each in run.live.get("outputs") or ()]
    ended_well = run.facts.get("status") == SUCCESS
    for output in known:
        _take(project, run, found, output, after, None if ended_well else before)
    for line in said:
        role = used if line["role"] == "used" else generated
        if line["role"] == "generated" and "id" not in line and "path" in line and "name" in line:
            try:
                named = artifact_making.checked(line.get("collection"), line["name"])
            except DatmoError as error:
                found.notices.append(f"no artifact was made of {line['path']}: {error.message}")
                continue
            path = str(line["path"])
            if path.startswith("/"):
                # Where it lay while it ran means nothing later.
                path = next(_candidates(run, path), path)
            output = Output(*named, path)
            if output not in known:
                known.append(output)
                _take(project, run, found, output, after, None)
            continue
        try:
            resource = _resource(project, line)
        except DatmoError as error:
            found.notices.append(f"what the task {line['role']} was not found: {error.message}")
            continue
        role.add(resource)
    found.used, found.generated = used.all, generated.all
    return found


def record(
    project: Project, writer: chain.Writer, run: Underway, found: Harvest
) -> dict[str, list[dict[str, Any]]]:
    """Write the outputs as versions; the facts `used` and `generated` of the run."""
    declared = [list(each) for each in run.live.get("outputs") or ()]
    made = []
    for output, content in found.outputs:
        oid = artifact_making.add(
            project,
            writer,
            collection=output.collection,
            name=output.name,
            gathered=content,
            session=str(run.live["session"]),
        )
        resource: dict[str, Any] = {
            "kind": ARTIFACT,
            "id": oid,
            "collection": output.collection,
            "name": output.name,
            "version": writer.numbers[output.collection, output.name],
            "path": output.path,
        }
        if output.plain in declared:
            resource["declared"] = True
        made.append(resource)
    return {"used": found.used, "generated": [*made, *found.generated]}


def _split(text: object) -> tuple[object, object]:
    if not isinstance(text, str):
        raise InvalidArgumentType(f"an output is text, not {type(text).__name__}")
    name, equals, path = text.partition("=")
    if not equals:
        raise ValidationFailed(f"'{text}' says no path", hint="write --output NAME=PATH")
    return name, path


def _take(
    project: Project,
    run: Underway,
    found: Harvest,
    output: Output,
    after: str,
    unless_as_in: str | None,
) -> None:
    """Find the content of an output, or say why there is none. That of a run that failed must
    differ from the tree `unless_as_in`: it is what the run made, and not what was there."""
    what = f"no version of {output.collection}/{output.name} was made"
    try:
        if run.live.get("isolated"):
            leaf, name = _in_tree(project, run, after, output.path)
            content = None if leaf is None else _counted(project, leaf, name)
        else:
            place = _on_disk(run, output.path)
            content = None if place is None else _read(project, place)
        if content is None:
            found.notices.append(f"{what}: the run left no {output.path}")
        elif unless_as_in is None or (
            run.facts.get("started") and content.tree != _held(project, unless_as_in, output.path)
        ):
            found.outputs.append((output, content))
        else:
            found.notices.append(f"{what}: the run did not change {output.path}, and failed")
    except DatmoError as error:
        found.notices.append(f"{what} of {output.path}: {error.message}")


def _held(project: Project, tree: str, path: str) -> str | None:
    """The tree of the objects that an artifact of a path in a tree would have."""
    raw = b"" if path == "." else os.fsencode(path)
    objects = project.repository.objects
    leaf = find(objects.tree, tree, raw)
    if leaf is None:
        return None
    if leaf[0] == TREE:
        return leaf[1]
    return objects.patch_tree(EMPTY_TREE, {raw.rpartition(b"/")[2]: leaf})


def _candidates(run: Underway, path: str) -> Iterator[str]:
    """The places in the tree after that a path may mean, the likelier first."""
    tree = str(run.live.get("tree") or run.live["work_tree"])
    roots = [(os.fspath(run.flight.task), TASK), (tree, "")]
    if run.live.get("runner") != "local":
        roots += [(CONTAINER_TASK, TASK), (CONTAINER_HOME, "")]
    if path.startswith("/"):
        plain = posixpath.normpath(path)
        for root, name in roots:
            if plain == root or plain.startswith(root + "/"):
                yield posixpath.normpath(posixpath.join(name, posixpath.relpath(plain, root)))
        return
    folder = str(run.facts.get("folder") or "")
    for top in dict.fromkeys(("", folder, TASK)):
        place = posixpath.normpath(posixpath.join(top, path))
        if place != ".." and not place.startswith("../"):
            yield place


def _in_tree(project: Project, run: Underway, tree: str, path: str) -> tuple[Leaf | None, bytes]:
    read = project.repository.objects.tree
    for place in _candidates(run, path):
        raw = b"" if place == "." else os.fsencode(place)
        leaf = find(read, tree, raw)
        if leaf is not None:
            return leaf, raw.rpartition(b"/")[2]
    return None, b""


def _on_disk(run: Underway, path: str) -> Path | None:
    """Where it lies in the user's own work tree or in the task's directory."""
    for place in _candidates(run, path):
        inner = posixpath.relpath(place, TASK)
        roots = [Path(run.live["work_tree"], place)]
        if place == TASK or place.startswith(TASK + "/"):
            roots.insert(0, run.flight.task / inner)
        for root in roots:
            if root.exists():
                return root
    return None


def _counted(project: Project, leaf: Leaf, name: bytes) -> Gathered:
    """What lies in a tree, as the objects of an artifact: no byte is copied."""
    objects = project.repository.objects
    tree = leaf[1] if leaf[0] == TREE else objects.patch_tree(EMPTY_TREE, {name: leaf})
    files = size = 0
    targets: dict[bytes, bytes] = {}
    for path, mode, oid in walk(objects.tree, tree):
        if mode == TREE:
            continue
        if mode == GITLINK:
            raise UnsafePath(f"{os.fsdecode(path)} is another repository")
        if mode == LINK:
            targets[path] = objects.blob(oid)
        pointer = pointer_at(project, oid) if mode != LINK else None
        size += pointer.size if pointer is not None else objects.size(oid) or 0
        files += 1
    for path, target in targets.items():
        if links.leads_out(path, targets):
            raise UnsafePath(
                f"the link {os.fsdecode(path)} leads out of it, to {os.fsdecode(target)}"
            )
    return Gathered(tree, files, size)


def _read(project: Project, place: Path) -> Gathered:
    return gathering.gather(
        project.repository,
        project.store,
        [(os.fsencode(place), b"" if place.is_dir() else os.fsencode(place.name))],
        threshold=project.threshold,
        sync=project.durability == "full",
    )


def _resource(project: Project, line: Mapping[str, Any]) -> dict[str, Any]:
    """A line of the task as a record: what is known of an artifact here counts."""
    rest = {key: value for key, value in line.items() if key not in ("role", "artifact")}
    index = project.index
    named = line.get("artifact")
    item = index.get(str(line["id"])) if isinstance(line.get("id"), str) else None
    if item is None and isinstance(named, str):
        item = artifact_lookup.find(project, named)
    if item is not None and item.kind == ARTIFACT:
        return rest | described(artifact_lookup.value(project, item))
    return rest
