"""Pythons on this machine: which version a program is, and where one of a version is."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

ASK = "import sys; print('.'.join(map(str, sys.version_info[:3])))"
ASK_SECONDS = 10.0
PATCHLEVEL = re.compile(rb'#define\s+PY_VERSION\s+"([0-9]+\.[0-9]+\.[0-9]+)')
CONFIG = re.compile(r"^version(?:_info)?\s*=\s*([0-9]+\.[0-9]+\.[0-9]+)", re.MULTILINE)
NUMBERS = re.compile(r"[0-9]+(\.[0-9]+){0,2}")


def on_path(environ: Mapping[str, str]) -> str | None:
    """The user's `python3` or `python`."""
    path = environ.get("PATH", os.defpath)
    return shutil.which("python3", path=path) or shutil.which("python", path=path)


def version(program: str, environ: Mapping[str, str]) -> str | None:
    """`major.minor.micro` of a Python, read from its files where they tell, else asked."""
    real = os.path.realpath(program)
    beside = Path(os.path.abspath(program)).parent.parent
    with suppress(OSError, ValueError):
        found = CONFIG.search((beside / "pyvenv.cfg").read_text(encoding="utf-8"))
        if found:
            return found[1]
    if real == os.path.realpath(sys.executable):
        return ".".join(map(str, sys.version_info[:3]))
    name = os.path.basename(real)
    with suppress(OSError):
        header = Path(real).parent.parent / "include" / name / "patchlevel.h"
        if match := PATCHLEVEL.search(header.read_bytes()):
            return match[1].decode()
    with suppress(OSError, subprocess.SubprocessError, ValueError):
        done = subprocess.run(
            [program, "-I", "-S", "-c", ASK],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=ASK_SECONDS,
            env=dict(environ),
            check=True,
        )
        if NUMBERS.fullmatch(done.stdout.strip()):
            return done.stdout.strip()
    return None


def find(wanted: str, environ: Mapping[str, str]) -> tuple[str, str] | None:
    """A Python of the version wanted (`3.11.7` or a part of it), and its version.

    The exact one if it is here, else the newest of the same minor version; None when there is
    neither. Looked for on PATH and among pyenv's.
    """
    same: list[tuple[tuple[int, ...], str, str]] = []
    short = ".".join(wanted.split(".")[:2])
    for program in _candidates(short, environ):
        found = version(program, environ)
        if found is None:
            continue
        if f"{found}.".startswith(f"{wanted}."):
            return program, found
        if f"{found}.".startswith(f"{short}."):
            same.append((tuple(map(int, found.split("."))), program, found))
    return max(same)[1:] if same else None


def _candidates(short: str, environ: Mapping[str, str]) -> Iterator[str]:
    """Programs that may be of version `short`, the user's own first."""
    seen = set()
    folders = environ.get("PATH", os.defpath).split(os.pathsep)
    # A shim of pyenv is slow to ask, and what it stands for comes below.
    direct = [f for f in folders if os.path.isabs(f) and os.path.basename(f) != "shims"]
    names = (f"python{short}", "python3", "python")
    places = [os.path.join(folder, name) for name in names for folder in direct]
    home = environ.get("HOME")
    root = environ.get("PYENV_ROOT") or (os.path.join(home, ".pyenv") if home else "")
    if root:
        versions = os.path.join(root, "versions")
        with suppress(OSError):
            inside = sorted(n for n in os.listdir(versions) if f"{n}.".startswith(f"{short}."))
            places += [os.path.join(versions, name, "bin", "python3") for name in inside]
    for place in places:
        if os.access(place, os.X_OK) and os.path.isfile(place):
            real = os.path.realpath(place)
            if real not in seen:
                seen.add(real)
                yield place
