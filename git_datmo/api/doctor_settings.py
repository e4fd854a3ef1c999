"""Settings that cannot work."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from git_datmo.api import definition, gc, lookup
from git_datmo.api.symptom import Patient, Symptom
from git_datmo.errors import DatmoError, UsageError
from git_datmo.model.span import parse_span
from git_datmo.records import layout
from git_datmo.records.project import Project
from git_datmo.remotes import places
from git_datmo.runners import registry
from git_datmo.storage.config import PROJECT_KEYS, Config
from git_datmo.storage.durability import MODES
from git_datmo.storage.git import failure

_Check = Callable[[Config, str], object]


def _number(config: Config, key: str) -> object:
    return config.number(key, 0)


def _boolean(config: Config, key: str) -> object:
    return config.boolean(key, False)


def _span(config: Config, key: str) -> object:
    return parse_span(config.get(key) or gc.DEFAULT_GRACE)


def _choice(*allowed: str) -> _Check:
    return lambda config, key: config.choice(key, allowed)


def _anything(config: Config, key: str) -> object:
    return config.get(key)


# Every setting there is; what it may be is asked of whoever reads it.
SETTINGS: dict[str, _Check] = {
    "datmo.largeFile": _number,
    "datmo.paths": _anything,
    "datmo.autoSnapshot": _boolean,
    "datmo.parent": _choice("head", "pushed", "none"),
    "datmo.durability": _choice(*MODES),
    "datmo.fetch": _boolean,
    "datmo.maxSlots": _number,
    "datmo.maxRefs": _number,
    "datmo.maxChains": _number,
    "datmo.absorbAfter": _number,
    "datmo.gitStoreLimit": _number,
    "datmo.allowSecrets": _boolean,
    "datmo.sign": _boolean,
    "datmo.remote": _anything,
    "datmo.user": _anything,
    "datmo.autoUpload": _number,
    "datmo.session": _anything,
    "datmo.environment": _anything,
    "datmo.runner": _choice("", *registry.NAMES),
    "datmo.network": _anything,
    "datmo.link": _anything,
    "datmo.docker.copy": _boolean,
    "datmo.docker.writable": _boolean,
    "datmo.gcGrace": _span,
}
_KNOWN = {key.lower(): key for key in SETTINGS}
_OF_A_REMOTE = ("store", "storeisours")


def readable(patient: Patient) -> Iterator[Symptom]:
    """Whether the settings can be read at all: everything else needs them."""
    repository = patient.project.repository
    for args, subject in (
        (("config", "--list", "--local"), str(repository.common_dir / "config")),
        (("config", "--list", "--no-includes", "--file", ".datmoconfig"), ".datmoconfig"),
    ):
        if subject == ".datmoconfig":
            root = repository.work_tree
            if root is None or not (root / subject).is_file():
                continue
        code, _, err = repository.git.attempt(*args)
        if code != 0:
            said = failure(args, code, err).message
            yield Symptom("settings", subject, said, advice=f"correct that line of {subject}")


def examine(patient: Patient) -> Iterator[Symptom]:
    """Values that nobody can use, names that nobody reads, and what is chosen and not there."""
    project = patient.project
    config = project.repository.config
    for key, check in SETTINGS.items():
        try:
            check(config, key)
        except UsageError as error:
            said = error.message if key in error.message else f"git config {key}: {error.message}"
            advice = f"git config {key} <value>, or: git config --unset {key}"
            yield Symptom("settings", key, said, advice=advice)
    yield from _unknown(config)
    yield from _of_remotes(project)
    if project.initialized:
        yield from _chosen(project)


def _unknown(config: Config) -> Iterator[Symptom]:
    for key in config.names("datmo"):
        middle = key.split(".")[1:-1]
        remote = bool(middle) and key.rpartition(".")[2] in _OF_A_REMOTE
        if key not in _KNOWN and not remote and middle != ["base"]:
            yield Symptom(
                "settings",
                key,
                f"git-datmo has no setting {key}",
                advice=f"git config --unset-all {key}",
                remark=True,
            )
    for key in config.project_names():
        if key.startswith("datmo.") and key not in PROJECT_KEYS:
            yield Symptom(
                "settings",
                f".datmoconfig {key}",
                f".datmoconfig sets {key}, which it may not",
                advice=f"set it in the repository: git config {_KNOWN.get(key, key)} <value>",
                remark=True,
            )


def _of_remotes(project: Project) -> Iterator[Symptom]:
    for remote in places.remotes(project):
        if places.setting(project, remote) is None:
            continue
        try:
            place = places.place_of(project, remote, "")
            if place is not None:
                place.close()
        except UsageError as error:
            yield Symptom(
                "settings",
                f"datmo.{remote}.store",
                error.message,
                advice=error.hint or f"git config --unset datmo.{remote}.store",
            )


def _chosen(project: Project) -> Iterator[Symptom]:
    """The session and the environment that are selected."""
    chosen = project.repository.config.get("datmo.session")
    if chosen and chosen != layout.DEFAULT_SESSION_ID:
        try:
            found = lookup.session(project, chosen) is not None or chosen == layout.DEFAULT_SESSION
        except DatmoError:
            found = False
        if not found:
            yield Symptom(
                "settings",
                "datmo.session",
                f"the selected session {chosen[:12]} is not there",
                advice="git datmo session select default",
            )
    named = project.repository.config.get(definition.SETTING)
    if named and definition.current(project) is None:
        yield Symptom(
            "settings",
            definition.SETTING,
            f"the selected environment '{named}' is not there",
            advice="git datmo environment select --none, or pull it from a remote that has it",
        )
