"""The user's Python is found, and what is recorded of it holds nothing of the machine."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time
from pathlib import Path

import pytest

from git_datmo.environments.interpreter import capture, find_interpreter, python_facts, signature
from git_datmo.environments.layout import Interpreter
from tests.environments.conftest import Put, make_asking, make_base, make_program


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "project").mkdir()
    return tmp_path / "project"


def make_venv(place: Path, *options: str) -> Path:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", *options, place], check=True)
    return place


def prefix(environ: dict[str, str], project: Path) -> str | None:
    found = find_interpreter(environ, project)
    return None if found is None else found.prefix


def test_a_real_virtual_environment(tmp_path: Path, project: Path, put: Put):
    venv = make_venv(tmp_path / "venv")
    site = next(venv.glob("lib/python3*/site-packages"))
    put(site, "numpy", "2.1.0")

    found = find_interpreter({"VIRTUAL_ENV": str(venv)}, project)

    assert found is not None
    assert python_facts(found) == {
        "implementation": sys.implementation.name,
        "version": platform.python_version(),
    }
    assert capture(found).packages == ("numpy==2.1.0",)


def test_one_that_sees_the_system_has_its_packages_too(tmp_path: Path, project: Path):
    venv = make_venv(tmp_path / "venv", "--system-site-packages")
    asked = subprocess.run(
        [venv / "bin" / "python", "-c", "import sys; print('\\n'.join(sys.path))"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\n")

    found = find_interpreter({"VIRTUAL_ENV": str(venv)}, project)

    assert found is not None
    real = [os.path.realpath(folder) for folder in found.site_packages]
    assert real == [os.path.realpath(f) for f in asked if f.endswith("-packages")]


def test_the_order_of_choice(tmp_path: Path, project: Path):
    places = {name: make_base(tmp_path / name) for name in ("active", "conda", "path")}
    own = make_venv(project / ".venv")
    everything = {
        "VIRTUAL_ENV": str(places["active"]),
        "CONDA_PREFIX": str(places["conda"]),
        "PATH": str(places["path"] / "bin"),
    }
    based = {**everything, "CONDA_DEFAULT_ENV": "base"}

    assert prefix(everything, project) == str(places["active"])
    del everything["VIRTUAL_ENV"], based["VIRTUAL_ENV"]
    assert prefix(everything, project) == str(places["conda"])
    assert prefix(based, project) == str(own)
    assert prefix(based, tmp_path) == str(places["conda"])
    assert prefix({"PATH": everything["PATH"]}, project) == str(own)
    assert prefix({"PATH": everything["PATH"]}, tmp_path) == str(places["path"])


def test_what_is_gone_or_relative_is_passed_over(tmp_path: Path, project: Path, base: Path):
    environ = {
        "VIRTUAL_ENV": str(tmp_path / "deleted"),
        "CONDA_PREFIX": "relative",
        "PATH": f":bin:{tmp_path}/none:{base}/bin",
    }
    assert prefix(environ, project) == str(base)
    assert prefix({}, project) is None
    assert prefix({"PATH": str(project)}, project) is None


def test_a_python_the_project_brings_along_is_never_started(project: Path, tmp_path: Path):
    program = make_program(project / ".venv" / "bin" / "python", f"touch {tmp_path}/started")
    (project / ".venv" / "pyvenv.cfg").write_text("home = /nowhere\n")

    assert prefix({"PATH": ""}, project) is None
    assert program.exists()
    assert not (tmp_path / "started").exists()


def test_a_python_of_unknown_layout_is_asked(project: Path, tmp_path: Path):
    make_asking(tmp_path / "odd" / "bin" / "python3")

    found = find_interpreter({"PATH": str(tmp_path / "odd" / "bin")}, project)

    assert found is not None
    assert found.version == platform.python_version()
    assert "pytest" in [line.partition("==")[0] for line in capture(found).packages]


def test_one_that_cannot_answer_is_passed_over(project: Path, tmp_path: Path, base: Path):
    make_program(tmp_path / "bad" / "python3", "exit 3")
    make_program(tmp_path / "mute" / "python3", "true")
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain" / "python3").touch()

    folders = [tmp_path / "bad", tmp_path / "mute", tmp_path / "plain", base / "bin"]
    assert prefix({"PATH": ":".join(map(str, folders))}, project) == str(base)


def test_pyenv_shims_stand_for_a_version(tmp_path: Path, project: Path):
    root = tmp_path / "pyenv"
    for version in ("3.11.9", "3.12.4"):
        make_base(root / "versions" / version, version, f"python{version[:4]}")
    make_asking(root / "shims" / "python3")
    (root / "version").write_text("3.11.9\n")
    make_base(tmp_path / "elsewhere")
    path = {"PATH": str(root / "shims")}

    assert prefix(path, project) == str(root / "versions" / "3.11.9")
    (tmp_path / ".python-version").write_text("3.12.4\n")
    assert prefix(path, project) == str(root / "versions" / "3.12.4")
    assert prefix({**path, "PYENV_VERSION": "3.11.9:3.12.4"}, project) == str(
        root / "versions" / "3.11.9"
    )
    assert prefix({**path, "PYENV_VERSION": "../../elsewhere"}, project) == sys.prefix


def test_the_running_interpreter(project: Path):
    found = find_interpreter({}, project, running=True)

    assert found is not None
    assert found.prefix == sys.prefix
    assert found.version == platform.python_version()
    assert "pytest" in [line.partition("==")[0] for line in capture(found).packages]


def test_folders_of_the_project_are_code(tmp_path: Path, project: Path, base: Path, put: Put):
    put(project / "src", "mine", "1.0")
    put(tmp_path / "shared", "theirs", "2.0")
    put(tmp_path / "linked", "by-pth", "3.0")
    site = base / "lib" / "python3.12" / "site-packages"
    (site / "x.pth").write_text(f"import os\n# no\n{tmp_path}/linked\n{project}/src\n../gone\n")
    environ = {
        "PATH": str(base / "bin"),
        "PYTHONPATH": f"{project}/src:{tmp_path}/shared:relative",
    }

    found = find_interpreter(environ, project)

    assert found is not None
    assert capture(found).packages == ("by-pth==3.0", "theirs==2.0")


def test_two_machines_record_the_same(tmp_path: Path, project: Path, put: Put):
    definitions = []
    for machine in ("ada", "grace"):
        base = make_base(tmp_path / machine)
        site = base / "lib" / "python3.12" / "site-packages"
        put(site, "local", "1.0", {"url": f"file:///home/{machine}/local", "dir_info": {}})
        put(site, "pip", f"2{len(machine)}.0")
        found = find_interpreter({"PATH": str(base / "bin")}, project)
        assert found is not None
        definitions.append(capture(found, project_dir=project).identity_files)

    assert definitions[0] == definitions[1]
    assert definitions[0] == (
        ("requirements.txt", b"local==1.0\n"),
        (
            "environment.json",
            b'{"files":["requirements.txt"],"format":1,"kind":"python",'
            b'"python":{"implementation":"cpython","version":"3.12.4"}}\n',
        ),
    )


@pytest.mark.parametrize(
    ("version", "left"), [("3.11.7", ("x==1",)), ("3.12.0", ("setuptools==1", "wheel==1", "x==1"))]
)
def test_what_a_new_environment_is_born_with(
    tmp_path: Path, put: Put, version: str, left: tuple[str, ...]
):
    for name in ("pip", "setuptools", "wheel", "x"):
        put(tmp_path, name, "1")
    found = Interpreter(str(tmp_path), (str(tmp_path),), version, "cpython")
    assert capture(found).packages == left


def test_the_signature_follows_what_is_installed(tmp_path: Path, put: Put):
    first = put(tmp_path, "x", "1.0")
    found = Interpreter(str(tmp_path), (str(tmp_path), "/missing"), "3.12.4", "cpython")
    assert signature(found) is None, "too fresh to be trusted"

    def settle(seconds: int) -> str | None:
        then = time.time() - seconds
        os.utime(tmp_path, (then, then))
        return signature(found)

    before = settle(100)
    assert before is not None
    assert before == signature(found)
    assert signature(found._replace(version="3.12.5")) != before
    first.rename(tmp_path / "x-1.1.dist-info")
    assert signature(found) is None
    assert settle(50) != before
