"""What the files of a Python installation say about it, without starting it.

Knows the layouts of venv, virtualenv, uv, conda, pyenv, python.org, Homebrew, Debian and Fedora
on Linux and macOS. Where the files do not say which version it is (a distribution's Python
without its headers), `ask` starts the program.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple


class Interpreter(NamedTuple):
    """A Python of this machine: where it lies, the folders it imports packages from in their
    order, its full version and the name of its implementation. Never stored: it is host facts."""

    prefix: str
    site_packages: tuple[str, ...]
    version: str
    implementation: str


_PROGRAM = re.compile(r"(python|pypy)(3\.\d+t?)")
_PY_VERSION = re.compile(r'^#\s*define\s+PY_VERSION\s+"([^"+]+)\+?"', re.MULTILINE)
_CFG_VERSION = re.compile(r"(\d+\.\d+\.\d+)(?:\.?(alpha|beta|candidate|final|a|b|rc)\.?(\d+))?")
LEVELS = {"alpha": "a", "beta": "b", "candidate": "rc", "final": ""}
_FACTS = (
    "import sys; i = sys.version_info; sys.stdout.write('\\0'.join(["
    "'.'.join(map(str, i[:3])) + '.' + i[3] + '.' + str(i[4]),"
    "sys.implementation.name, sys.prefix] + sys.path))"
)
ASK_SECONDS = 20


def read(prefix: Path, environ: Mapping[str, str]) -> Interpreter | None:
    """The installation at `prefix`, None where its files do not tell. `environ` is the user's."""
    config = _venv_config(prefix)
    program = _program(prefix, config)
    if program is None:
        return None

    base = Path(config["home"]).parent if "home" in config else prefix
    version = _version_of_headers(base, program) or _version_of(config)
    if version is None:
        return None

    folders = list(_site_folders(prefix, program))
    if not config:
        folders = [*_user_folders(program, environ), *folders]
    elif config.get("include-system-site-packages") == "true":
        folders += [*_user_folders(program, environ), *_site_folders(base, program)]
    implementation = "pypy" if program.startswith("pypy") else "cpython"
    return Interpreter(str(prefix), tuple(with_links(folders)), version, implementation)


def ask(program: Path, environ: Mapping[str, str], cwd: Path) -> Interpreter | None:
    """What a Python says about itself when started, None if it cannot be.

    Only for programs the user's own environment names, never for one a project brings along:
    looking at a project must not run it. `cwd` matters to the shims of version managers.
    """
    import subprocess

    try:
        done = subprocess.run(
            [program, "-c", _FACTS],
            cwd=cwd,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=ASK_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None

    facts = os.fsdecode(done.stdout).split("\0")
    if len(facts) < 3 or (version := normal_version(facts[0])) is None:
        return None
    return Interpreter(facts[2], package_folders(facts[3:]), version, facts[1])


def package_folders(paths: Iterable[str]) -> tuple[str, ...]:
    """Of a `sys.path`, what can hold installed packages: not the standard library."""

    def is_standard(path: str) -> bool:
        name = os.path.basename(path)
        return name == "lib-dynload" or _PROGRAM.fullmatch(name) is not None

    folders = (path for path in paths if os.path.isabs(path) and os.path.isdir(path))
    return tuple(path for path in folders if not is_standard(path))


def normal_version(text: str) -> str | None:
    """`3.13.0rc2` for that or `3.13.0.candidate.2`; None without a third number."""
    match = _CFG_VERSION.fullmatch(text)
    if match is None:
        return None
    number, level, serial = match.groups()
    short = LEVELS.get(level, level) if level else ""
    return f"{number}{short}{serial}" if short else number


def with_links(folders: Iterable[str]) -> Iterator[str]:
    """Each folder once, followed by the folders that its `.pth` files add."""
    seen: set[str] = set()
    for folder in folders:
        for path in (folder, *_linked(folder)):
            real = os.path.realpath(path)
            if real not in seen and os.path.isdir(real):
                seen.add(real)
                yield path


def _linked(folder: str) -> Iterator[str]:
    try:
        names = sorted(name for name in os.listdir(folder) if name.endswith(".pth"))
    except OSError:
        return
    for name in names:
        for line in text(Path(folder, name)).splitlines():
            if line.strip() and not line.startswith(("#", "import ", "import\t")):
                yield os.path.join(folder, line.rstrip())


def _venv_config(prefix: Path) -> dict[str, str]:
    pairs = (line.partition("=") for line in text(prefix / "pyvenv.cfg").splitlines())
    return {key.strip().lower(): value.strip() for key, equals, value in pairs if equals}


def _program(prefix: Path, config: Mapping[str, str]) -> str | None:
    """The installation's name in paths, `python3.11`: that of its program, else of its library."""
    names = [os.path.basename(os.path.realpath(prefix / "bin" / n)) for n in ("python3", "python")]
    if found := next((name for name in names if _PROGRAM.fullmatch(name)), None):
        return found

    libraries = {path.name for path in prefix.glob("lib/p*3.*") if _PROGRAM.fullmatch(path.name)}
    version = _version_of(config)
    if version is not None:
        minor = version.rsplit(".", 1)[0]
        libraries = {name for name in libraries if name.rstrip("t").endswith(minor)}
    return libraries.pop() if len(libraries) == 1 else None


def _version_of(config: Mapping[str, str]) -> str | None:
    return normal_version(config.get("version_info") or config.get("version") or "")


def _version_of_headers(base: Path, program: str) -> str | None:
    """More to be trusted than pyvenv.cfg, which keeps its number when the base is upgraded."""
    match = _PY_VERSION.search(text(base / "include" / program / "patchlevel.h"))
    return normal_version(match[1]) if match else None


def _site_folders(prefix: Path, program: str) -> Iterator[str]:
    if prefix == Path("/usr"):
        yield f"/usr/local/lib/{program}/dist-packages"
        yield "/usr/lib/python3/dist-packages"
        yield f"/usr/local/lib64/{program}/site-packages"
        yield f"/usr/local/lib/{program}/site-packages"
    yield str(prefix / "lib64" / program / "site-packages")
    yield str(prefix / "lib" / program / "site-packages")


def _user_folders(program: str, environ: Mapping[str, str]) -> Iterator[str]:
    home = environ.get("HOME")
    if environ.get("PYTHONNOUSERSITE") or not home:
        return
    base = environ.get("PYTHONUSERBASE") or os.path.join(home, ".local")
    yield os.path.join(base, "lib", program, "site-packages")
    version = program.removeprefix("python")
    yield os.path.join(home, "Library", "Python", version, "lib", "python", "site-packages")


def text(path: Path) -> str:
    try:
        return path.read_text("utf-8", errors="replace")
    except OSError:
        return ""
