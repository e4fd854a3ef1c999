"""Which Python the user works with, and its packages as a definition.

git-datmo usually lives in a virtual environment of its own, so the Python that runs this code
is not the one to record: the user's is the one they activated, the project's, or that on PATH.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from git_datmo.environments import layout
from git_datmo.environments.installed import Package, installed, requirements
from git_datmo.environments.layout import Interpreter
from git_datmo.model.environment import Definition

KIND = "python"
REQUIREMENTS = "requirements.txt"
PROJECT_VENVS = (".venv", "venv")
SITE_FOLDERS = frozenset({"dist-packages", "site-packages"})
# What a virtual environment is born with and `pip freeze` leaves out too.
LEFT_OUT = frozenset({"pip"})
LEFT_OUT_BEFORE_312 = frozenset({"distribute", "pip", "setuptools", "wheel"})
# Two changes of a folder within this time can carry one time stamp (2 s on the coarsest disks).
SETTLED_NS = 2_000_000_000


def find_interpreter(
    environ: Mapping[str, str], project_dir: Path, *, running: bool = False
) -> Interpreter | None:
    """The Python of the user, None where there is none.

    With `running`, this process is the user's (the SDK in a script or notebook). Else the first
    of: the active virtual environment, the active conda environment, the project's `.venv` or
    `venv`, conda's base environment, `python3` or `python` on PATH.

    Folders of the project that are not an environment's own are left out of `site_packages`:
    what lies there is the project's code.
    """
    found = current() if running else next(_candidates(environ, project_dir), None)
    if found is None:
        return None

    extra = () if running else environ.get("PYTHONPATH", "").split(os.pathsep)
    folders = dict.fromkeys([*filter(os.path.isabs, extra), *found.site_packages])
    project = os.path.realpath(project_dir)
    kept = tuple(folder for folder in folders if not _is_code(folder, project))
    return found._replace(site_packages=kept)


def current() -> Interpreter:
    """The interpreter of this process."""
    major, minor, micro, level, serial = sys.version_info
    version = f"{major}.{minor}.{micro}"
    if level != "final":
        version += f"{layout.LEVELS[level]}{serial}"
    return Interpreter(
        sys.prefix, layout.package_folders(sys.path), version, sys.implementation.name
    )


def python_facts(interpreter: Interpreter) -> dict[str, str]:
    """What of an interpreter belongs to the identity of its environment."""
    return {"implementation": interpreter.implementation, "version": interpreter.version}


def capture(interpreter: Interpreter, *, project_dir: Path | None = None) -> Definition:
    """The packages of an interpreter as a definition that any machine can name the same way.

    An editable install of the project itself is not part of it, nor is pip.
    """
    numbers = tuple(int(part) for part in interpreter.version.split(".")[:2])
    left_out = LEFT_OUT if numbers >= (3, 12) else LEFT_OUT_BEFORE_312
    found = installed(interpreter.site_packages, project_dir=project_dir)
    packages: list[Package] = [package for package in found if package.name not in left_out]
    return Definition(
        ((REQUIREMENTS, requirements(packages)),), KIND, {"python": python_facts(interpreter)}
    )


def signature(interpreter: Interpreter) -> str | None:
    """A text that stays the same as long as `capture` would give the same; costs a few stats.

    Take it before capturing. None: a folder changed so recently that another change could go
    unseen, so keep nothing. Blind to one thing: a source folder with a legacy `.egg-info` that
    is rewritten in place.
    """
    now = time.time_ns()
    parts = [interpreter.implementation, interpreter.version]
    for folder in interpreter.site_packages:
        try:
            stat = os.stat(folder)
        except OSError:
            parts.append(f"{folder} absent")
            continue
        if now - stat.st_mtime_ns < SETTLED_NS:
            return None
        parts.append(f"{folder} {stat.st_ino} {stat.st_mtime_ns} {stat.st_ctime_ns}")
    return "\n".join(parts)


def _candidates(environ: Mapping[str, str], project_dir: Path) -> Iterator[Interpreter]:
    conda = environ.get("CONDA_PREFIX")
    # Many shells activate conda's base for good, so it says less than a project's own folder.
    is_base = environ.get("CONDA_DEFAULT_ENV") in ("base", "root")

    active = [environ.get("VIRTUAL_ENV"), None if is_base else conda]
    yield from _activated(active, environ, project_dir)
    for name in PROJECT_VENVS:
        if os.path.isfile(project_dir / name / "pyvenv.cfg"):
            # Read but never started: a clone may bring this folder along.
            yield from _known(layout.read(project_dir / name, environ))
    yield from _activated([conda if is_base else None], environ, project_dir)
    yield from _on_path(environ, project_dir)


def _activated(
    prefixes: list[str | None], environ: Mapping[str, str], project_dir: Path
) -> Iterator[Interpreter]:
    for prefix in filter(None, prefixes):
        if os.path.isabs(prefix):
            read = layout.read(Path(prefix), environ)
            program = Path(prefix, "bin", "python")
            yield from _known(read or layout.ask(program, environ, project_dir))


def _on_path(environ: Mapping[str, str], project_dir: Path) -> Iterator[Interpreter]:
    folders = [Path(f) for f in environ.get("PATH", "").split(os.pathsep) if os.path.isabs(f)]
    for name in ("python3", "python"):
        for folder in folders:
            program = folder / name
            if not os.path.isfile(program) or not os.access(program, os.X_OK):
                continue

            prefix = _shimmed(folder, environ, project_dir) or _prefix_of(program)
            read = layout.read(prefix, environ)
            yield from _known(read or layout.ask(program, environ, project_dir))


def _prefix_of(program: Path) -> Path:
    """As Python itself finds it: a virtual environment beside the name, else behind the links."""
    beside = program.parent.parent
    if os.path.isfile(beside / "pyvenv.cfg"):
        return beside
    return Path(os.path.realpath(program)).parent.parent


def _shimmed(folder: Path, environ: Mapping[str, str], project_dir: Path) -> Path | None:
    """The installation a pyenv shim stands for, where that is plain; starting it takes 100 ms."""
    root = folder.parent
    if folder.name != "shims" or not os.path.isdir(root / "versions"):
        return None

    places = [*(parent / ".python-version" for parent in (project_dir, *project_dir.parents))]
    chosen = next((place for place in (*places, root / "version") if os.path.isfile(place)), None)
    text = environ.get("PYENV_VERSION") or (layout.text(chosen) if chosen else "")
    words = text.replace(":", " ").split()
    prefix = root / "versions" / words[0] if words else root
    return prefix if os.path.isdir(prefix) and prefix.parent == root / "versions" else None


def _known(found: Interpreter | None) -> Iterator[Interpreter]:
    if found is not None:
        yield found


def _is_code(folder: str, project: str) -> bool:
    inside = f"{os.path.realpath(folder)}{os.sep}".startswith(project + os.sep)
    return inside and os.path.basename(folder) not in SITE_FOLDERS
