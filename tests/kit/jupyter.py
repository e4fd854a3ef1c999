"""Jupyter's servers as PyPI has them, installed once for all tests that want them."""

from __future__ import annotations

import fcntl
import subprocess
import sys
from pathlib import Path

import pytest

WHOLE = "whole"


@pytest.fixture(scope="session")
def jupyter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of programs: `jupyter-lab`, `jupyter-notebook`, and the Python they run in."""
    # The processes of one test session have their own folders below one of all.
    venv = tmp_path_factory.getbasetemp().parent / "jupyter"
    with open(f"{venv}.lock", "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (venv / WHOLE).exists():
            bare = ["-m", "venv", "--clear", "--without-pip", str(venv)]
            subprocess.run([sys.executable, *bare], check=True)
            # Most of these modules are never imported, so none is compiled beforehand.
            into = ["-m", "pip", "--python", str(venv / "bin" / "python"), "install", "--quiet"]
            packages = ["--no-compile", "jupyterlab", "notebook"]
            subprocess.run([sys.executable, *into, *packages], check=True)
            (venv / WHOLE).touch()
    return venv / "bin"
