"""Finding Pythons: which version one is, and where one of a version is."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from git_datmo.runners.local import interpreters
from tests.contracts.place import Place

VERSION = ".".join(map(str, sys.version_info[:3]))


def test_which_version_a_python_is(tmp_path: Path):
    assert interpreters.version(sys.executable, os.environ) == VERSION
    other = tmp_path / "bin" / "python"
    other.parent.mkdir()
    other.symlink_to("/no/such")
    assert interpreters.version(str(other), os.environ) is None
    (tmp_path / "pyvenv.cfg").write_text("home = /x\nversion_info = 3.9.1.final.0\n")
    assert interpreters.version(str(other), os.environ) == "3.9.1"
    liar = tmp_path / "liar"
    liar.write_text("#!/bin/sh\necho what\n")
    liar.chmod(0o755)
    assert interpreters.version(str(liar), os.environ) is None
    asked = tmp_path / "asked"
    asked.write_text("#!/bin/sh\necho 3.8.2\n")
    asked.chmod(0o755)
    assert interpreters.version(str(asked), os.environ) == "3.8.2"


def test_which_python_is_taken(tmp_path: Path):
    def python(folder: str, name: str, version: str) -> str:
        program = tmp_path / folder / name
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text(f"#!/bin/sh\necho {version}\n")
        program.chmod(0o755)
        return str(program)

    first = python("one", "python3", "3.9.1")
    newer = python("two", "python3.9", "3.9.7")
    python("root/shims", "python3.9", "3.9.9")
    other = python("root/versions/3.8.5/bin", "python3", "3.8.5")
    environ = {
        "PATH": f"{tmp_path / 'root/shims'}:{tmp_path / 'one'}:{tmp_path / 'two'}:/usr/bin:/bin",
        "PYENV_ROOT": str(tmp_path / "root"),
    }
    assert interpreters.find("3.9.1", environ) == (first, "3.9.1")
    assert interpreters.find("3.9.7", environ) == (newer, "3.9.7")
    assert interpreters.find("3.9.4", environ) == (newer, "3.9.7"), "the newest of its kind"
    assert interpreters.find("3.8", environ) == (other, "3.8.5")
    assert interpreters.find("3.1", environ) is None


def test_without_a_recipe_the_users_own_is_recorded(local: Place):
    facts = local.runner.prepare(None, local.job("true"), print).facts
    assert facts == {"python": VERSION, "interpreter": shutil.which("python3")}
    nothing = local.job("true", environ={"PATH": "/no/such"})
    assert local.runner.prepare(None, nothing, print).facts == {"python": None, "interpreter": None}
