"""The API of `t9k.em`, kept in git: change one import line, and a script goes on as it was.

Importing this reads nothing, writes nothing and loads nothing else.

Who calls whom:

- `place.project()` is the project that everything here is recorded in (one for each thread; None
  in a task that cannot reach one), `place.required()` the same or an error. `place.runs()` and
  `place.artifacts()` are the folders of local directories; `place.sheltered(folder)` makes one
  that git passes over. Inside a task `place.task()` is its task directory.
- `layout` has the names (`check_name`, `alternative_name`), `new_folder` (made exclusively),
  `labels_of`, `now` and the YAML files of a local directory; `git_datmo.model.yamltext` reads
  any YAML safely, old Python tags included. `console.info/warning/error` say `EM INFO: …`.
- `Run` and `Artifact` both have `.alternative_name`, `.local` (a path), `._project()` (the
  project), `._metadata` (the dict of `to_dict()` without `kind`), `._save()` (writes
  metadata.yaml) and `.remote` (the list in `_metadata`, so an upload appends and calls `_save`).
- `Run` has besides: `.run_id` (the id in git-datmo), `._task` (its task directory, with
  `metrics.jsonl` and `artifacts.jsonl`; None for a run that was only loaded), `._record()` (the
  value `git_datmo.model.run.Run` of an ended run, recorded first where it was not yet) and
  `._marks` (a list of `Mark(role, resource)`: what was marked, as it was given).
- `Artifact.seal(project)` gives the `git_datmo.model.artifact.Artifact` that it is now: the same
  version as long as nothing changed. `Run.finish` seals its outputs once more.
- `resources.describe(resource, project) -> (association, record)` is what `Run.mark_input` and
  `mark_output` write: the dict of `associations`, and a line of `artifacts.jsonl` (without
  `role`). A later line with the same role and alternative name takes the place of an earlier one.
- `uploading.upload_run(run, folder=, make_folder=, conflict_strategy=)` and
  `uploading.upload_artifact` are behind `Run.upload` and `Artifact.upload`. With auto_upload a run
  makes `live.AutoUpload(run, folder=, make_folder=, conflict_strategy=)`, calls `start()` once,
  and `finish()` when it has been recorded, whatever its end. `finish` raises nothing.
- `api.elsewhere.record(project, name=, alternative_name=, status=, points=, log=, …)` records the
  run of a local directory that never was (of another machine, or of t9k's own layout), once:
  whoever asks again, or whose run died here, gets what is recorded.
- No module here may be called `upload`: it would hide the function.
- `session` knows the user and the remote that was chosen by `login`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from git_datmo.compat.em.artifact import Artifact, create_artifact
    from git_datmo.compat.em.loading import load_artifact
    from git_datmo.compat.em.run import Run, create_run, load_run
    from git_datmo.compat.em.session import login, logout
    from git_datmo.compat.em.uploading import upload
    from git_datmo.tracking.params import Params

__all__ = [
    "Artifact",
    "Params",
    "Run",
    "create_artifact",
    "create_run",
    "load_artifact",
    "load_run",
    "login",
    "logout",
    "upload",
]

_HERE = "git_datmo.compat.em"
_PLACES = {
    "Artifact": f"{_HERE}.artifact",
    "create_artifact": f"{_HERE}.artifact",
    "load_artifact": f"{_HERE}.loading",
    "Params": "git_datmo.tracking.params",
    "Run": f"{_HERE}.run",
    "create_run": f"{_HERE}.run",
    "load_run": f"{_HERE}.run",
    "login": f"{_HERE}.session",
    "logout": f"{_HERE}.session",
    "upload": f"{_HERE}.uploading",
    "install_as": f"{_HERE}.alias",
}
_MODULES = frozenset({"keras", "lightning"})


def __getattr__(name: str) -> Any:
    import importlib

    if name in _MODULES:
        value: Any = importlib.import_module(f"{_HERE}.{name}")
    elif name in _PLACES:
        value = getattr(importlib.import_module(_PLACES[name]), name)
    else:
        raise AttributeError(f"module '{_HERE}' has no attribute '{name}'")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
