"""What a runner is told to do to make an environment."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

import pytest

from git_datmo.environments.detect import definition_from_paths
from git_datmo.environments.interpreter import KIND
from git_datmo.environments.recipe import Plan, Target, recipe
from git_datmo.model.environment import Definition

ID = "ab" * 20


def plan(
    files: Mapping[str, str], target: Target = "docker", bases: Mapping[str, str] | None = None
) -> Plan:
    definition = definition_from_paths((name, text.encode()) for name, text in files.items())
    return recipe(ID, definition, target=target, bases=bases)


def dockerfile(found: Plan) -> list[str]:
    return dict(found.context)["Dockerfile"].decode().splitlines()


def words(line: str) -> list[str]:
    found = json.loads(line.removeprefix("RUN "))
    assert isinstance(found, list)
    return found


def runs(found: Plan) -> list[list[str]]:
    return [words(line) for line in dockerfile(found) if line.startswith("RUN [")]


def base(found: Plan) -> str:
    return next(line.removeprefix("FROM ") for line in dockerfile(found) if "FROM" in line)


def test_a_given_dockerfile_is_built_as_it_is_with_the_other_files():
    files = {"Dockerfile": "FROM x\nCOPY requirements.txt /\n", "requirements.txt": "numpy\n"}
    found = plan(files)
    assert found.context == tuple((name, text.encode()) for name, text in files.items())
    assert (found.environment_id, found.kind, found.notes) == (ID, "docker", ())


@pytest.mark.parametrize(
    "name", ["Containerfile", "images/Dockerfile", "train.Dockerfile", "Dockerfile.gpu"]
)
def test_dockerfiles_of_other_names(name: str):
    assert dockerfile(plan({name: "FROM x\n"})) == ["FROM x"]


def test_of_two_dockerfiles_the_one_at_the_top():
    assert base(plan({"a/Dockerfile": "FROM a", "Dockerfile": "FROM top"})) == "top"


def test_requirements_are_installed_by_pip():
    found = plan({"requirements.txt": "numpy==2.3\n"})
    assert base(found) == "python:3.13-slim"
    place = "/opt/environment/requirements.txt"
    assert runs(found) == [["python3", "-m", "pip", "install", "-r", place]]
    assert dict(found.context)["environment/requirements.txt"] == b"numpy==2.3\n"
    assert "COPY environment /opt/environment" in dockerfile(found)


def test_no_instruction_needs_a_newer_builder():
    for files in EVERY_KIND:
        assert not [line for line in dockerfile(plan(files)) if "--mount" in line or "<<" in line]


EVERY_KIND: list[dict[str, str]] = [
    {"requirements.txt": "numpy\n"},
    {"pyproject.toml": '[project]\ndependencies = ["numpy"]\n'},
    {"setup.py": "setup(install_requires=['numpy'])"},
    {"setup.cfg": "[options]\ninstall_requires = numpy\n"},
    {"Pipfile": "[packages]\nnumpy = '*'\n"},
    {"Pipfile.lock": '{"default": {"numpy": {"version": "==2.3"}}}'},
    {"pyproject.toml": "[project]\nname = 'x'\n", "uv.lock": "version = 1\n"},
    {"pyproject.toml": "[tool.poetry]\nname = 'x'\n", "poetry.lock": ""},
    {"pyproject.toml": "[project]\nname = 'x'\n", "pdm.lock": ""},
    {"pyproject.toml": "[tool.poetry.dependencies]\nnumpy = '*'\n"},
    {"pylock.toml": "lock-version = '1.0'\n"},
    {"environment.yml": "dependencies:\n- numpy\n"},
    {"conda-lock.yml": "version: 1\n"},
    {"conda-linux-64.lock": "@EXPLICIT\n"},
    {"pixi.toml": "", "pixi.lock": ""},
    {"renv.lock": '{"R": {"Version": "4.4.1"}}'},
    {"install.R": "install.packages('x')"},
    {"DESCRIPTION": "Package: x\nImports: y\n"},
    {"Project.toml": "[deps]\nx = '1'\n", "Manifest.toml": 'julia_version = "1.11.2"\n'},
]


@pytest.mark.parametrize("files", EVERY_KIND, ids=lambda files: "+".join(files))
def test_every_kind_can_be_made_in_a_container(files: dict[str, str]):
    found = plan(files)
    lines = dockerfile(found)
    assert lines[1].startswith("FROM ")
    assert any(line.startswith("RUN ") for line in lines)
    kept = {name: data for name, data in found.context if name != "Dockerfile"}
    assert {f"environment/{name}": text.encode() for name, text in files.items()}.items() <= (
        kept.items()
    )
    assert found == plan(dict(reversed(files.items())))


@pytest.mark.parametrize("files", EVERY_KIND, ids=lambda files: "+".join(files))
def test_on_the_machine_what_is_pythons_and_a_sentence_for_the_rest(files: dict[str, str]):
    found = plan(files, "local")
    if found.kind == "python":
        assert found.install
        assert all("{python}" in step for step in found.install)
        assert {name for name, _ in found.context} >= files.keys()
    else:
        assert found.install == ()
        assert f"not those of {found.kind}" in found.notes[-1]


def test_a_dockerfile_cannot_be_made_on_the_machine_but_its_packages_can():
    assert plan({"Dockerfile": "FROM x"}, "local").install == ()
    assert "--runner docker" in plan({"Dockerfile": "FROM x"}, "local").notes[-1]
    found = plan({"Dockerfile": "FROM x", "requirements.txt": "numpy"}, "local")
    assert len(found.install) == 1
    assert "leaves the Dockerfile" in found.notes[0]


@pytest.mark.parametrize("target", ["docker", "local"])
def test_what_no_tool_makes_is_said(target: Target):
    found = plan({"flake.nix": "{}"}, target)
    assert not [path for path, _ in found.context if path == "Dockerfile"]
    assert (found.install, found.notes) == (
        (),
        ("no way is known to make an environment of flake.nix",),
    )


@pytest.mark.parametrize(
    ("files", "installed", "noted"),
    [
        ({"requirements.txt": "a", "requirements-dev.txt": "x"}, "requirements.txt", "-dev.txt"),
        ({"requirements/base.txt": "a", "requirements/dev.txt": "-r base.txt"}, "dev.txt", None),
        ({"requirements.in": "a", "requirements.txt": "a==1"}, "requirements.txt", None),
        (
            {"requirements-gpu.txt": "a", "requirements-test.txt": "b"},
            "requirements-gpu.txt",
            "test",
        ),
        ({"requirements-dev.txt": "a"}, "requirements-dev.txt", None),
    ],
)
def test_which_of_several_requirements_files(
    files: dict[str, str], installed: str, noted: str | None
):
    found = plan(files, "local")
    text = " ".join(word for step in found.install for word in step)
    assert installed in text
    left = " ".join(note for note in found.notes if note.startswith("not installed"))
    assert noted in left if noted else left == ""


def test_constraints_apply():
    (step,) = plan({"requirements.txt": "a", "constraints.txt": "a<2"}, "local").install
    assert step[-2:] == ("-c", "{context}/constraints.txt")
    (step,) = plan(
        {"requirements.txt": "a\n-c constraints.txt", "constraints.txt": "a<2"}, "local"
    ).install
    assert "-c" not in step


def test_the_project_itself_is_left_out_and_that_is_said():
    found = plan({"requirements.txt": "-e .\nnumpy\n"})
    assert dict(found.context)["environment/requirements.txt"] == b"# -e .\nnumpy\n"
    assert found.notes == ("'.' in requirements.txt is not part of the environment: left out",)


def test_packages_from_version_control_need_an_image_with_git():
    assert base(plan({"requirements.txt": "own @ git+https://example.com/own"})) == "python:3.13"
    assert base(plan({"requirements.txt": "git-lfs==1\n"})) == "python:3.13-slim"


def captured(text: str, version: str = "3.11.7", implementation: str = "cpython") -> Definition:
    facts = {"python": {"implementation": implementation, "version": version}}
    return Definition((("requirements.txt", text.encode()),), KIND, facts)


def test_a_captured_interpreter_is_made_as_it_was():
    found = recipe(ID, captured("numpy==2.3\ngit-datmo==0.1\n"), target="docker")
    assert base(found) == "python:3.11.7-slim"
    first, second = runs(found)
    assert "--no-deps" in first
    assert dict(found.context)["environment/requirements.txt"] == b"numpy==2.3\n"
    assert second[:2] == ["sh", "-c"]
    assert second[-1] == "git-datmo==0.1"


def test_on_the_machine_a_patch_release_does_not_matter():
    assert recipe(ID, captured("numpy==2.3\n"), target="local").python == "3.11"


def test_pypy_and_no_packages_at_all():
    found = recipe(ID, captured("", "3.10.14", "pypy"), target="docker")
    assert base(found) == "pypy:3.10-slim"
    assert runs(found) == [["python3", "-c", "pass"]]
    assert recipe(ID, captured(""), target="local").install == (("{python}", "-c", "pass"),)


@pytest.mark.parametrize(
    ("lock", "tool"), [("uv.lock", "uv"), ("poetry.lock", "poetry"), ("pdm.lock", "pdm")]
)
def test_a_lock_is_read_by_its_own_tool_in_a_virtual_environment(lock: str, tool: str):
    project = "[project]\nname = 'x'\n[tool.poetry]\nname = 'x'\n"
    found = plan({"pyproject.toml": project, lock: "", "requirements.txt": "x"})
    create, fetch, install = runs(found)
    assert create[-1] == "/opt/venv"
    assert fetch[-1].startswith(tool)
    assert "--target" in fetch
    assert tool in install
    assert install[3] == "/opt/venv/bin/python"
    assert dockerfile(found)[-1] == "ENV VIRTUAL_ENV=/opt/venv PATH=/opt/venv/bin:$PATH"
    assert found.notes == (f"not installed: requirements.txt, since {lock} says what is needed",)
    alone = plan({lock: ""})
    assert alone.context == ()
    assert alone.notes[0] == f"{lock} needs the pyproject.toml beside it"


def test_conda_chooses_the_lock_of_the_machine():
    files = {"environment.yml": "dependencies:\n- numpy\n", "conda-linux-64.lock": "@EXPLICIT"}
    (line,) = [line for line in dockerfile(plan(files)) if line.startswith("RUN")]
    assert "uname -m" in line
    assert "conda-linux-64.lock" in line
    assert base(plan(files)).startswith("mambaorg/micromamba:")
    named = plan({"my env's.yml": "dependencies:\n- numpy\n"})
    assert any("'my env'\"'\"'s.yml'" in line for line in dockerfile(named))


def test_what_pip_would_install_beside_condas_files_is_said():
    files = {"environment.yml": "dependencies:\n- numpy\n", "requirements.txt": "x\n"}
    assert "requirements.txt" in plan(files).notes[0]
    files["environment.yml"] += "- pip:\n  - -r requirements.txt\n"
    assert plan(files).notes == ()


def test_versions_of_r_and_julia():
    assert base(plan({"renv.lock": '{"R": {"Version": "4.4.1"}}'})) == "rocker/r-ver:4.4.1"
    julia = {"Manifest.toml": 'julia_version = "1.11.2"\n', "Project.toml": "[deps]\nx = '1'\n"}
    assert base(plan(julia)) == "julia:1.11.2"


def test_other_images_to_start_from():
    bases = {"python": "mirror.example.com/python:{version}"}
    files = {"requirements.txt": "", "pyproject.toml": 'project.requires-python = "==3.12.*"'}
    assert base(plan(files, bases=bases)) == "mirror.example.com/python:3.12"


def test_nothing_in_a_plan_names_this_machine():
    for files in EVERY_KIND:
        found = plan(files)
        text = b"\n".join(data for _, data in found.context).decode()
        assert not re.search(r"/home/|/tmp/(?!julia)|/work", text)
