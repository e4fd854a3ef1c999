"""Packages installed from the user's work tree: a task imports its own copy of them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.task import after, ran, typed
from tests.kit.git import Repo
from tests.kit.program import datmo

VERSION = f"python{sys.version_info.major}.{sys.version_info.minor}"
# What setuptools writes for a package that does not lie in a folder of its own.
FINDER = """\
import sys
from importlib.util import spec_from_file_location
MAPPING = {{"pkg": {package!r}}}
class Finder:
    @classmethod
    def find_spec(cls, fullname, path=None, target=None):
        if fullname in MAPPING:
            return spec_from_file_location(fullname, MAPPING[fullname] + "/__init__.py")
def install():
    sys.meta_path.append(Finder)
"""


@pytest.fixture
def packaged(project: Repo) -> Repo:
    """A project with a package below src, a script that uses it, and an environment."""
    project.git("config", "datmo.runner", "local")
    project.write("src/pkg/__init__.py", "VALUE = 1\n")
    project.write("scripts/train.py", "import pkg\nprint('value:', pkg.VALUE, pkg.__file__)\n")
    project.write(".gitignore", "env/\n")
    project.commit()
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", "env"], check=True)
    return project


def install(repo: Repo, how: str) -> None:
    """What `pip install -e .` leaves behind."""
    site = repo.path / "env" / "lib" / VERSION / "site-packages"
    match how:
        case "path":
            (site / "__editable__.pkg-1.0.pth").write_text(f"{repo.path}/src\n")
        case "finder":
            package = str(repo.path / "src" / "pkg")
            (site / "__editable___pkg_1_0_finder.py").write_text(FINDER.format(package=package))
            line = "import __editable___pkg_1_0_finder as f; f.install()\n"
            (site / "__editable__.pkg-1.0.pth").write_text(line)


@pytest.mark.parametrize("how", ["path", "finder", "variable"])
def test_a_task_imports_what_was_recorded(
    packaged: Repo, monkeypatch: pytest.MonkeyPatch, how: str
):
    install(packaged, how)
    if how == "variable":
        monkeypatch.setenv("PYTHONPATH", f"{packaged.path}/src")
    monkeypatch.setenv("PATH", f"{packaged.path}/env/bin{os.pathsep}{os.environ['PATH']}")
    outside = subprocess.run(
        ["python", "scripts/train.py"], capture_output=True, text=True, check=True
    )
    assert outside.stdout == f"value: 1 {packaged.path}/src/pkg/__init__.py\n"
    row = ran(packaged, "--", "python", "scripts/train.py")
    said = datmo("logs").stdout
    assert said.startswith("value: 1 ")
    assert "/datmo/pool/" in said
    # A repeated run must not see today's code.
    packaged.write("src/pkg/__init__.py", "VALUE = 22\n")  # Python sees another size
    typed(packaged, "rerun", "--check", "--ignore", "value", row["id"])
    assert datmo("logs").stdout.startswith("value: 1 ")
    assert datmo("run", "-q", "--", "python", "scripts/train.py").stdout.startswith("value: 22 ")
    inside = datmo("run", "-q", "--in-place", "--", "python", "scripts/train.py").stdout
    assert inside == f"value: 22 {packaged.path}/src/pkg/__init__.py\n"


def test_other_customizations_are_run_too(packaged: Repo, monkeypatch: pytest.MonkeyPatch):
    site = packaged.path / "env" / "lib" / VERSION / "site-packages"
    (site / "sitecustomize.py").write_text("import builtins\nbuiltins.CUSTOM = 7\n")
    monkeypatch.setenv("PATH", f"{packaged.path}/env/bin{os.pathsep}{os.environ['PATH']}")
    shown = datmo("run", "-q", "--", "python", "-c", "print(CUSTOM)").stdout
    assert shown == "7\n"
    program = "import sys; print(any('git_datmo' in path for path in sys.path))"
    assert datmo("run", "-q", "--", "python", "-c", program).stdout == "False\n"


def test_what_is_outside_stays(packaged: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    other = tmp_path / "other"
    other.mkdir()
    (other / "elsewhere.py").write_text("print(__file__)\n")
    row = ran(
        packaged, "-e", f"PYTHONPATH={other}", "--",
        sys.executable, "-c", "import elsewhere; open('a', 'w').write(elsewhere.__file__)",
    )  # fmt: skip
    assert row["variables"] == {"PYTHONPATH": str(other)}
    assert after(packaged, row, "a") == str(other / "elsewhere.py").encode()


@pytest.mark.parametrize(
    "words", [["env/bin/python", "scripts/train.py"], ["env/bin/python scripts/train.py | cat"]]
)
def test_an_environment_in_the_project_is_found_where_it_lies(packaged: Repo, words: list[str]):
    install(packaged, "path")
    row = ran(packaged, "--", *words)
    assert "/datmo/pool/" in datmo("logs").stdout
    # It is part of the machine, not of what the task left.
    assert [path for path in row["outputs"] if path.startswith("env")] == []
    packaged.write("src/pkg/__init__.py", "VALUE = 2\n")
    typed(packaged, "rerun", "--check", "--ignore", "value", row["id"])
    assert (packaged.path / "env" / "pyvenv.cfg").exists()
