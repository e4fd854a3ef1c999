"""Dockerfiles for definitions that have none. Plain instructions only: every builder knows them."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Mapping, Sequence

from git_datmo.environments import versions
from git_datmo.environments.python import Steps
from git_datmo.model.environment import Definition

FOLDER = "environment"
PLACE = "/opt/environment"
VENV = "/opt/venv"
NAMES = ("Dockerfile", "Containerfile")

_HEAD = "# Written by git-datmo from the environment's other files."
_PIP = (
    "ENV PIP_BREAK_SYSTEM_PACKAGES=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 "
    "PIP_ROOT_USER_ACTION=ignore"
)


def given(definition: Definition) -> str | None:
    """The path of the Dockerfile that a definition brings itself, None without one."""
    paths = definition.paths
    exact = [path for name in NAMES for path in paths if posixpath.basename(path) == name]
    if exact:
        return min(exact, key=lambda path: (path.count("/"), NAMES.index(posixpath.basename(path))))
    alike = [path for path in paths if _is_alike(posixpath.basename(path))]
    return alike[0] if len(alike) == 1 else None


def _is_alike(name: str) -> bool:
    return name.lower().endswith((".dockerfile", ".containerfile")) or name.startswith(
        ("Dockerfile.", "Containerfile.", "Dockerfile-", "Dockerfile_")
    )


def for_python(definition: Definition, steps: Steps, bases: Mapping[str, str]) -> str:
    """A Dockerfile that installs the Python packages of a definition."""
    captured = definition.summary.get("python")
    pypy = isinstance(captured, dict) and captured.get("implementation") == "pypy"
    kind = "pypy" if pypy else "python-vcs" if steps.vcs else "python"
    version = versions.for_image(definition)
    if pypy and version is not None:
        version = ".".join(version.split(".")[:2])  # PyPy's images are named by these alone
    python = "python3"
    lines = [f"FROM {versions.image(kind, version, bases)}", "USER root", _PIP]
    lines += [f"COPY {FOLDER} {PLACE}", f"WORKDIR {PLACE}"]
    if steps.uses_tool:
        # Debian's Python makes none with pip in it: the tools do without.
        lines.append(_run((python, "-m", "venv", "--without-pip", VENV)))
    for step in steps.run:
        program = f"{VENV}/bin/python" if step[0] == "sh" and steps.uses_tool else python
        lines.append(
            _run([word.replace("{python}", program).replace("{context}", PLACE) for word in step])
        )
    if steps.uses_tool:
        lines.append(f"ENV VIRTUAL_ENV={VENV} PATH={VENV}/bin:$PATH")
    return _text(lines)


def for_conda(definition: Definition, bases: Mapping[str, str]) -> str | None:
    """A Dockerfile for conda's files; None where none of them says what to install."""
    names = [path for path in definition.paths if path.endswith((".yml", ".yaml", ".lock"))]
    explicit = {path for path in names if re.search(r"(?:^|/)conda-[^/]*\.lock$", path)}
    by_machine = [f"conda-linux-{machine}.lock" for machine in ("64", "aarch64")]
    unified = [path for path in names if posixpath.basename(path).startswith("conda-lock.")]
    declared = [path for path in names if path not in explicit and path not in unified]
    choose = ""
    if unified:
        chosen = unified[0]
    elif set(by_machine) & explicit:
        chosen = "$lock"
        choose = 'case "$(uname -m)" in aarch64|arm64) lock=conda-linux-aarch64.lock;; '
        choose += "*) lock=conda-linux-64.lock;; esac; "
    elif explicit or declared:
        chosen = (sorted(explicit) or sorted(declared, key=lambda path: path.count("/")))[0]
    else:
        return None
    file = '"$lock"' if choose else _quoted(chosen)
    install = f"micromamba install --yes --name base --file {file} && micromamba clean --all --yes"
    return _text(
        [
            f"FROM {versions.image('conda', None, bases)}",
            "USER root",
            f"COPY {FOLDER} {PLACE}",
            f"WORKDIR {PLACE}",
            f"RUN {choose}{install}",
            "ENV CONDA_PREFIX=/opt/conda PATH=/opt/conda/bin:$PATH",
            "ENTRYPOINT []",
        ]
    )


def for_pixi(definition: Definition, bases: Mapping[str, str]) -> str:
    """A Dockerfile for pixi: the default environment of its manifest."""
    locked = any(posixpath.basename(path) == "pixi.lock" for path in definition.paths)
    prefix = f"{PLACE}/.pixi/envs/default"
    return _text(
        [
            f"FROM {versions.image('pixi', None, bases)}",
            "USER root",
            f"COPY {FOLDER} {PLACE}",
            f"WORKDIR {PLACE}",
            _run(("pixi", "install", *(["--frozen"] if locked else []))),
            f"ENV CONDA_PREFIX={prefix} PATH={prefix}/bin:$PATH",
        ]
    )


def for_r(definition: Definition, bases: Mapping[str, str]) -> str:
    """A Dockerfile for R: renv's lock, else `install.R`, else the fields of DESCRIPTION."""
    files = {posixpath.basename(path): data for path, data in definition.files}
    version = None
    if "renv.lock" in files:
        found = re.search(
            rb'"R"\s*:\s*\{[^{}]*?"Version"\s*:\s*"(\d+\.\d+\.\d+)"', files["renv.lock"]
        )
        version = found[1].decode() if found else None
        code = [
            "install.packages('renv')",
            "renv::restore(lockfile = 'renv.lock', library = .libPaths()[1], prompt = FALSE)",
        ]
    elif "install.R" in files:
        code = ["source('install.R')"]
    else:
        code = ["install.packages('remotes')", "remotes::install_deps(dependencies = TRUE)"]
    return _text(
        [
            f"FROM {versions.image('r', version, bases)}",
            "USER root",
            f"COPY {FOLDER} {PLACE}",
            f"WORKDIR {PLACE}",
            "ENV RENV_CONFIG_CACHE_ENABLED=FALSE",
            *(_run(("Rscript", "-e", line)) for line in code),
        ]
    )


def for_julia(definition: Definition, bases: Mapping[str, str]) -> str:
    """A Dockerfile for Julia's project and manifest."""
    versions_named = [
        re.search(rb'^julia_version\s*=\s*"(\d+\.\d+\.\d+)"', data, re.MULTILINE)
        for _, data in definition.files
    ]
    found = next((match[1].decode() for match in versions_named if match), None)
    return _text(
        [
            f"FROM {versions.image('julia', found, bases)}",
            "USER root",
            f"ENV JULIA_DEPOT_PATH=/opt/julia JULIA_PROJECT={PLACE}",
            f"COPY {FOLDER} {PLACE}",
            f"WORKDIR {PLACE}",
            _run(("julia", "-e", "using Pkg; Pkg.instantiate(); Pkg.precompile()")),
            "RUN chmod -R a+rX /opt/julia",
            # A task cannot write there: what it compiles goes in front.
            "ENV JULIA_DEPOT_PATH=/tmp/julia:/opt/julia",
        ]
    )


def _run(words: Sequence[str]) -> str:
    return f"RUN {json.dumps(list(words))}"


def _quoted(word: str) -> str:
    import shlex

    return shlex.quote(word)


def _text(lines: Sequence[str]) -> str:
    return "\n".join([_HEAD, *lines]) + "\n"
