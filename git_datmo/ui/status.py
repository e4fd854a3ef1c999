"""Where the project stands: what `git datmo status` prints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from git_datmo.ui.escape import safe
from git_datmo.ui.rows import local_time
from git_datmo.ui.snapshot import SHORT, line
from git_datmo.ui.style import paint

LISTED = 10


def render(status: Mapping[str, object], *, color: bool = False) -> Iterator[str]:
    """Yield the project, its current snapshot, what is unsaved, the latest snapshots, warnings.

    Keys: `initialized`, `project` (name, description), `session`, `current`, `latest_user` and
    `latest_automatic` (snapshots or None), `unsaved` (component to paths), `running` (runs with
    id, command_text, started), `hidden` (kind to count), `warnings`. All may be absent.
    """
    if status.get("initialized") is False:
        yield "no project here yet: run 'git datmo init'"
        yield from _warnings(status, color)
        return

    yield from _project(status, color)
    yield ""
    yield from _state(status, color)
    yield ""
    yield from _latest(status, color)
    yield from _running(status, color)
    yield from _warnings(status, color)


def _project(status: Mapping[str, object], color: bool) -> Iterator[str]:
    project = _mapping(status.get("project"))
    name = paint(safe(str(project.get("name") or "")), "bold", color=color)
    description = safe(str(project.get("description") or ""))
    yield f"project {name}: {description}" if description else f"project {name}"
    if status.get("session") is not None:
        yield f"session {safe(str(status['session']))}"


def _state(status: Mapping[str, object], color: bool) -> Iterator[str]:
    current = status.get("current")
    unsaved = {
        str(part): paths
        for part, paths in _mapping(status.get("unsaved")).items()
        if isinstance(paths, Sequence) and paths
    }
    if isinstance(current, Mapping):
        yield f"on {line(current, color=color)}"
    if not unsaved:
        if isinstance(current, Mapping):
            yield "all changes have been saved"
        else:
            yield "nothing to save"
        return

    since = " since this snapshot" if isinstance(current, Mapping) else ""
    yield f"unsaved changes{since}:"
    for part, paths in unsaved.items():
        verb = "have" if part == "files" else "has"
        yield paint(f"  {safe(part)} {verb} been changed ({len(paths)}):", "red", color=color)
        yield from (f"    {safe(str(path))}" for path in paths[:LISTED])
        if len(paths) > LISTED:
            yield f"    … and {len(paths) - LISTED} more"


def _latest(status: Mapping[str, object], color: bool) -> Iterator[str]:
    found = False
    for name, title in (("latest_user", "latest by a person"), ("latest_automatic", "automatic")):
        snapshot = status.get(name)
        if isinstance(snapshot, Mapping):
            found = True
            yield f"{title + ':':<20}{line(snapshot, color=color)}"
    if not found:
        yield "no snapshots created yet"

    hidden = [
        f"{count} {safe(str(kind))}"
        for kind, count in _mapping(status.get("hidden")).items()
        if count
    ]
    if hidden:
        yield f"hidden: {', '.join(hidden)} ('git datmo snapshot ls --all' shows them)"


def _running(status: Mapping[str, object], color: bool) -> Iterator[str]:
    runs = status.get("running")
    if not isinstance(runs, Sequence) or not runs:
        return

    yield ""
    yield "running:"
    for run in runs:
        started = run.get("started")
        parts = [paint(safe(str(run["id"])[:SHORT]), "yellow", color=color)]
        if isinstance(started, int):
            parts.append(local_time(started))
        parts.append(safe(str(run.get("command_text") or "")))
        yield "  " + "  ".join(parts)


def _warnings(status: Mapping[str, object], color: bool) -> Iterator[str]:
    warnings = status.get("warnings")
    if isinstance(warnings, Sequence):
        for number, warning in enumerate(warnings):
            if number == 0:
                yield ""
            yield f"{paint('warning:', 'magenta', color=color)} {safe(str(warning))}"


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}
