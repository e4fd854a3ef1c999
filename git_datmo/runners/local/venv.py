"""A virtual environment made from a recipe, once, and kept under the environment's id.

It is made where it will stay, for its programs hold its path; a file written last says that it
is whole. One builder at a time has its lock; who comes later finds it made.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from git_datmo.errors import EngineError
from git_datmo.runners.base import Prepared, Recipe, Report
from git_datmo.runners.local import interpreters
from git_datmo.runners.local.steps import PIP, Steps, uv_form
from git_datmo.storage.dirfd import writing

WHOLE = "git-datmo.json"
CONTEXT = "context"
INDEX_VARIABLES = ("UV_INDEX_URL", "UV_DEFAULT_INDEX", "UV_CONFIG_FILE")


def prepare(venvs: Path, recipe: Recipe, environ: Mapping[str, str], report: Report) -> Prepared:
    """The virtual environment of a recipe, made if it is not there.

    Raises EngineError naming the step that failed, or what is missing to begin.
    """
    folder = venvs / recipe.environment_id
    facts = _facts(folder)
    if facts is None:
        _check_names(recipe)
        with _lock(folder, recipe, report):
            facts = _facts(folder)
            if facts is None:
                facts = _Maker(folder, recipe, environ, report).make()
    interpreter = str(folder / "bin" / "python")
    return Prepared({**facts, "interpreter": interpreter}, {"prefix": str(folder)})


def _facts(folder: Path) -> Mapping[str, Any] | None:
    """What is known of one that is whole and whose interpreter is still there."""
    try:
        facts = json.loads((folder / WHOLE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    usable = isinstance(facts, dict) and os.access(folder / "bin" / "python", os.X_OK)
    return facts if usable else None


def _check_names(recipe: Recipe) -> None:
    for path, _ in recipe.context:
        pure = PurePosixPath(path)
        if pure.is_absolute() or ".." in pure.parts or not pure.parts:
            raise EngineError(f"the environment's definition has a file called {path!r}")


@contextmanager
def _lock(folder: Path, recipe: Recipe, report: Report) -> Iterator[None]:
    place = folder.with_name(f"{folder.name}.lock")
    with writing(os.fsencode(place)):
        place.parent.mkdir(parents=True, exist_ok=True)
        fd = os.open(place, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            report(f"waiting for another run that makes environment {recipe.environment_id[:12]}")
            fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


class _Maker:
    def __init__(
        self, folder: Path, recipe: Recipe, environ: Mapping[str, str], report: Report
    ) -> None:
        self._folder = folder
        self._recipe = recipe
        self._environ = environ
        self._report = report
        self._log = folder.with_name(f"{folder.name}.log")

    def make(self) -> Mapping[str, Any]:
        recipe = self._recipe
        self._report(f"making a virtual environment for {recipe.environment_id[:12]}")
        uv = self._uv()
        base = self._base(uv)
        with writing(os.fsencode(self._folder)):
            if self._folder.exists():
                shutil.rmtree(self._folder)
        self._log.unlink(missing_ok=True)
        steps = Steps(recipe.environment_id, self._log, self._report, self._variables())
        parent = self._folder.parent
        if uv is None:
            # Putting pip in takes seconds.
            pip = any(step[1:4] == PIP for step in recipe.install)
            options = [] if pip else ["--without-pip"]
            steps.run([base, "-m", "venv", *options, str(self._folder)], parent)
        else:
            quiet = ["--no-project", "--no-config", "--quiet"]
            steps.run([uv, "venv", *quiet, "--python", base, str(self._folder)], parent)
        python = str(self._folder / "bin" / "python")
        context = self._write_context()
        for step in recipe.install:
            words = [w.replace("{python}", python).replace("{context}", str(context)) for w in step]
            steps.run((uv and uv_form(uv, python, words)) or words, context)
        facts = {
            "python": interpreters.version(python, self._environ),
            "tool": "pip" if uv is None else "uv",
        }
        with writing(os.fsencode(self._folder)):
            beside = self._folder / f"{WHOLE}.new"
            beside.write_text(json.dumps(facts), encoding="utf-8")
            os.replace(beside, self._folder / WHOLE)
        return facts

    def _uv(self) -> str | None:
        """uv, where it is here and takes every step; pip does what it does not."""
        uv = shutil.which("uv", path=self._environ.get("PATH", os.defpath))
        needed = [step for step in self._recipe.install if step[0] == "uv"]
        if uv is None and needed:
            raise EngineError(
                f"environment {self._recipe.environment_id[:12]} needs uv "
                f"(`{' '.join(needed[0])}`), which is not on PATH",
                hint="install uv, or use --runner docker",
            )
        if uv is None or needed:
            return uv
        if pip_is_set_up(self._environ):
            return None
        every = all(uv_form(uv, "python", list(step)) for step in self._recipe.install)
        return uv if every else None

    def _base(self, uv: str | None) -> str:
        """The interpreter to begin with, or for uv the version it shall find or fetch."""
        wanted = self._recipe.python
        if wanted is None:
            program = interpreters.on_path(self._environ)
            if program is None and uv is None:
                raise EngineError("there is no python3 on PATH", hint="install one, or uv")
            return program or "3"
        if not interpreters.NUMBERS.fullmatch(wanted):
            raise EngineError(f"{wanted!r} is no version of Python")
        found = interpreters.find(wanted, self._environ)
        if found is not None and (f"{found[1]}.".startswith(f"{wanted}.") or uv is None):
            if not f"{found[1]}.".startswith(f"{wanted}."):
                self._report(f"Python {wanted} is not here: using {found[1]}")
            return found[0]
        if uv is None:
            raise EngineError(
                f"the environment asks for Python {wanted}, which is not on this machine",
                hint="install it, or install uv, which fetches it, or use --runner docker",
            )
        return wanted

    def _write_context(self) -> Path:
        context = self._folder / CONTEXT
        with writing(os.fsencode(context)):
            context.mkdir()
            for path, data in self._recipe.context:
                file = context / path
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(data)
        return context

    def _variables(self) -> dict[str, str]:
        """What the tools are started with: as if it were activated, and asking nothing."""
        kept = {k: v for k, v in self._environ.items() if k not in ("PYTHONHOME", "PYTHONPATH")}
        rest = kept.get("PATH", os.defpath)
        found = {
            **kept,
            "PATH": f"{self._folder / 'bin'}{os.pathsep}{rest}",
            "VIRTUAL_ENV": str(self._folder),
            "UV_PROJECT_ENVIRONMENT": str(self._folder),
            "UV_NO_PROGRESS": "1",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PIP_NO_INPUT": "1",
            "PIP_REQUIRE_VIRTUALENV": "1",
            "PYTHONUNBUFFERED": "1",
        }
        # uv reads none of pip's settings: these two decide where packages come from.
        for pip, uv in (("PIP_INDEX_URL", "UV_DEFAULT_INDEX"), ("PIP_EXTRA_INDEX_URL", "UV_INDEX")):
            if kept.get(pip):
                found.setdefault(uv, kept[pip])
        return found


def pip_is_set_up(environ: Mapping[str, str]) -> bool:
    """Whether the user has told pip, and not uv, where packages come from, in a file."""
    if any(environ.get(name) for name in INDEX_VARIABLES):
        return False
    home = environ.get("HOME", "")
    settings = environ.get("XDG_CONFIG_HOME") or os.path.join(home, ".config")
    if os.path.exists(os.path.join(settings, "uv", "uv.toml")):
        return False
    places = [
        environ.get("PIP_CONFIG_FILE", ""),
        os.path.join(settings, "pip", "pip.conf"),
        os.path.join(home, ".pip", "pip.conf"),
        "/etc/pip.conf",
    ]
    return any(place and place != os.devnull and os.path.isfile(place) for place in places)
