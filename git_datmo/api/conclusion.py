"""The end of a run: what it left becomes the snapshot after, and the run is recorded.

Nothing is removed before the record is on disk, and doing it again after a crash gives the same
record: the flight, its streams and its tree are all there still.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from git_datmo.api import lookup, protocol, recording, settings
from git_datmo.api.recording import Words
from git_datmo.api.state import State
from git_datmo.api.supervision import Outcome
from git_datmo.api.surroundings import Surroundings
from git_datmo.api.underway import Underway
from git_datmo.errors import DatmoError
from git_datmo.model import document
from git_datmo.model.run import command_text
from git_datmo.model.workspace import WORKSPACES
from git_datmo.records import catalogue, chain, flights, runs
from git_datmo.records.kinds import RUN
from git_datmo.records.parts import stored
from git_datmo.records.project import Project
from git_datmo.storage import refs, worktree
from git_datmo.storage.objects import TREE
from git_datmo.storage.treediff import Leaf, diff, find
from git_datmo.storage.worktree import Options

MAX_OUTPUTS = 1000


def conclude(
    project: Project,
    run: Underway,
    outcome: Outcome,
    *,
    left: Left | None = None,
    progress: Callable[[int], None] | None = None,
) -> tuple[str, tuple[str, ...]]:
    """Record an ended run. Returns the id of its commit and what should be known of it.

    `left` reads what the task left in an isolated tree; None: the user's own work tree is it.
    """
    done = recorded(project, run.id)
    if done is not None:
        return done, ()
    ended = run.facts.get("ended") or time.time_ns() // 1_000_000
    started = run.facts.get("started")
    run.facts |= {
        "status": outcome.status,
        "exit_code": outcome.exit_code,
        "signal": outcome.signal,
        "reason": outcome.reason,
        "ended": ended,
        "duration": None if started is None else round((ended - started) / 1000, 3),
    }
    run.live["phase"] = "ended"
    run.save()
    # What people see in a terminal while they work is no result.
    printed = None if run.facts.get("type") in WORKSPACES else run.flight.path / "stdout"
    said = protocol.read(run.flight.task, printed)
    before = str(run.facts["before_id"])
    found = left(run) if left is not None else in_work_tree(project, run, progress)
    base = project.repository.objects.commit(before).tree
    changes = found.changes if found.changes is not None else _changes(project, base, found.tree)
    around = Surroundings(*_environment(run.live["environment"]))
    config, stats = _values(project, run, found.tree, changes, said)
    words = Words(
        session=str(run.live["session"]),
        message=run.live.get("message") or None,
        usual=f"after run {run.id[:12]}: {_title(run)}",
        label=run.live.get("label"),
        visible=bool(run.live.get("message") or run.live.get("label")),
        config=config,
        stats=stats,
    )
    state = State(found.tree, found.files, around, parent=before)
    run.facts |= {
        "config": config,
        "stats": stats,
        "results": {**said.results, **said.stats},
        "metrics": said.metrics,
        "outputs": [os.fsdecode(path) for path in sorted(changes)[:MAX_OUTPUTS]],
        "skipped": [f"{os.fsdecode(path)}: {why}" for path, why in found.skipped],
        **{key: value for key, value in said.about.items() if not run.facts.get(key)},
    }
    parts = _parts(project, run, said)
    reaped = None
    if said.resources or run.facts.get("used") or run.live.get("outputs"):
        from git_datmo.api import harvest

        reaped = harvest.reap(project, run, said.resources, base, found.tree)
    with chain.writing(project) as writer:
        again = recorded(project, run.id)
        if again is not None:
            return again, ()
        after, _, _ = recording.put(project, writer, state, words)
        run.facts["after_id"] = after
        if reaped is not None:
            run.facts |= harvest.record(project, writer, run, reaped)
        parents = list(dict.fromkeys((before, after)))
        oid = runs.write(project, run.facts, parts, parents)
        writer.mention(oid)
        writer.ref(runs.ref(run.id), oid)
        note: dict[str, Any] = {"session": run.live["session"]}
        note |= {key: run.live[key] for key in ("message", "label") if run.live.get(key)}
        note |= {key: run.facts[key] for key in ("labels", "description") if run.facts.get(key)}
        writer.note(oid, set=note)
        _retire(project, writer)
    made = reaped.notices if reaped is not None else ()
    return oid, (*found.notices, *said.notices, *made)


class Found:
    """What a task left: the tree after, the paths that count as files, and what was left out.

    `changes` against the tree before are None where nobody has looked yet.
    """

    def __init__(
        self,
        tree: str,
        files: set[bytes],
        *,
        changes: Mapping[bytes, Leaf | None] | None = None,
        skipped: tuple[tuple[bytes, str], ...] = (),
        notices: tuple[str, ...] = (),
    ) -> None:
        self.tree, self.files, self.changes = tree, files, changes
        self.skipped, self.notices = skipped, notices


Left = Callable[[Underway], Found]


def recorded(project: Project, run_id: str) -> str | None:
    """The commit of a run, if it has been recorded."""
    found = catalogue.refresh(project).find_text(("run_id",), run_id, RUN)
    return found[0] if found else None


def in_work_tree(
    project: Project, run: Underway, progress: Callable[[int], None] | None = None
) -> Found:
    """The user's work tree as it is now, and what the task put into its protocol directory."""
    from git_datmo.api import state

    task = os.fsencode(run.flight.task)
    listed = []
    for folder, folders, names in os.walk(task):
        folders.sort()
        for name in names:
            inner = os.path.relpath(os.path.join(folder, name), task)
            if os.fsdecode(inner) not in flights.PROTOCOL:
                listed.append((os.path.join(folder, name), b"task/" + inner))
    captured = worktree.capture(
        project.repository,
        project.store,
        Options(
            threshold=project.threshold,
            include_secrets=bool(run.live.get("include_secrets")),
            named=tuple(sorted(listed)),
            sync=project.durability == "full",
            count_ignored=False,
            advance=progress,
        ),
    )
    return Found(captured.tree, captured.files, notices=state.notices(captured))


def _environment(said: Mapping[str, Any]) -> tuple[str, str | None, tuple[bytes, ...]]:
    listed = tuple(os.fsencode(str(path)) for path in said.get("definitions") or ())
    return str(said["id"]), said.get("commit"), listed


def _changes(project: Project, before: str, after: str) -> dict[bytes, Leaf | None]:
    read = project.repository.objects.tree
    return {path: new for path, _, new in diff(read, before, after)}


def _title(run: Underway) -> str:
    return command_text(tuple(run.facts.get("command") or ())) or str(run.facts.get("type"))


def _values(
    project: Project,
    run: Underway,
    tree: str,
    changes: Mapping[bytes, Leaf | None],
    said: protocol.Said,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Config and stats of the snapshot after, later ones over earlier ones:

    config: the project's config file, what was given with the run, what the task wrote;
    stats: printed results, last values of metrics, the project's stats file if the task wrote
    it, what the task wrote into its own directory.
    """
    config = stated(project, tree, "config", None, said)
    config |= document.decode(run.live.get("config") or {})
    config |= said.config
    stats: dict[str, Any] = dict(said.results)
    stats |= said.last
    stats |= stated(project, tree, "stats", changes, said)
    stats |= said.stats
    return config, stats


def stated(
    project: Project,
    tree: str,
    kind: str,
    changes: Mapping[bytes, Leaf | None] | None,
    said: protocol.Said,
) -> dict[str, Any]:
    """What the project's own file of `config` or `stats` says in a tree; with `changes` only if
    it is among them. What is not understood goes to the notices of `said`."""
    objects = project.repository.objects
    for suffix in settings.SUFFIXES:
        name = (kind + suffix).encode()
        leaf = find(objects.tree, tree, name)
        if leaf is None or leaf[0] in (TREE, 0o120000):
            continue
        if changes is not None and name not in changes:
            continue  # It was there before: not what this run found out.
        try:
            found = settings.parse(Path(kind + suffix), objects.blob(leaf[1]))
            return settings.check(kind, found)
        except DatmoError as error:
            said.notices.append(f"{kind}{suffix} was not understood: {error.message}")
            return {}
    return {}


def _parts(project: Project, run: Underway, said: protocol.Said) -> dict[bytes, Leaf]:
    """The entries of the run's tree beside `run.json`; large ones as pointers."""
    parts: dict[bytes, Leaf] = {}
    for name in ("log", "system.jsonl"):
        path = run.flight.path / name
        if path.exists() and (path.stat().st_size or name == "log"):
            parts[name.encode()] = stored(project, path)
    for kind, data in said.lines.items():
        part = run.flight.path / f"metrics.{kind}.jsonl"
        part.write_bytes(data)
        parts[f"metrics/{kind}.jsonl".encode()] = stored(project, part)
    return parts


def _retire(project: Project, writer: chain.Writer) -> None:
    """Let go of the oldest unlabelled run refs; the chain carries what they held."""
    from git_datmo.records import layout

    limit = project.max_refs
    held = refs.read(project.repository.common_dir, layout.RUNS).found
    if len(held) < limit + max(5, limit // 4):
        return
    records = [(writer.index.get(oid), name) for name, oid in held.items()]
    kept = sorted(
        ((r.created, name) for r, name in records if r is not None and not r.label),
    )
    for _, name in kept[: max(0, len(held) + 1 - limit)]:
        writer.ref(name, None)


def visited(project: Project, run: Underway) -> None:
    """Note that the user's work tree is now what the run left."""
    after = run.facts.get("after_id")
    if isinstance(after, str):
        lookup.visit(project, after)
