"""Which Python a definition asks for, and the image that brings it."""

from __future__ import annotations

import pytest

from git_datmo.environments import versions
from git_datmo.environments.detect import definition_from_paths
from git_datmo.environments.interpreter import KIND
from git_datmo.model.environment import Definition


def declared(**files: str) -> Definition:
    """A definition; `__` in a name stands for a dot."""
    named = {name.replace("__", "."): text.encode() for name, text in files.items()}
    if "python_version" in named:
        named[".python-version"] = named.pop("python_version")
    return definition_from_paths(named.items())


@pytest.mark.parametrize(
    ("definition", "pinned", "image"),
    [
        (declared(requirements__txt=""), None, None),
        (declared(python_version="3.11\n", requirements__txt=""), "3.11", "3.11"),
        (declared(python_version="# ours\n3.12.4\n3.11\n", requirements__txt=""), "3.12.4", None),
        (declared(python_version="pypy3.10\n", requirements__txt=""), None, None),
        (declared(pyproject__toml='project.requires-python = ">=3.10"'), None, "3.13"),
        (declared(pyproject__toml='project.requires-python = ">=3.10,<3.12"'), None, "3.11"),
        (declared(pyproject__toml='project.requires-python = "==3.9.*"'), "3.9", "3.9"),
        (declared(pyproject__toml='project.requires-python = ">=3.99"'), None, None),
        (declared(pyproject__toml='tool.poetry.dependencies.python = "^3.9"'), None, "3.13"),
        (declared(pyproject__toml='tool.poetry.dependencies.python = "~3.10"'), None, "3.10"),
        (declared(uv__lock='requires-python = "==3.12.*"'), "3.12", "3.12"),
        (declared(pylock__toml='requires-python = ">=3.8,!=3.13.*"'), None, "3.12"),
        (declared(poetry__lock='metadata.python-versions = ">=3.8,<3.11 || 3.14"'), None, "3.14"),
        (declared(pdm__lock='metadata.requires_python = "<3.9"'), None, "3.8"),
        (declared(Pipfile='requires.python_version = "3.11"'), "3.11", "3.11"),
        (
            declared(Pipfile__lock='{"_meta": {"requires": {"python_version": "3.10"}}}'),
            "3.10",
            None,
        ),
        (declared(pyproject__toml="project.requires-python = 3", Pipfile__lock="["), None, None),
    ],
)
def test_the_version(definition: Definition, pinned: str | None, image: str | None):
    assert versions.pinned(definition) == pinned
    assert versions.for_image(definition) == (image or pinned)


def test_a_captured_interpreter_is_named_whole():
    facts = {"python": {"implementation": "cpython", "version": "3.11.7"}}
    found = Definition((("requirements.txt", b""),), KIND, facts)
    assert versions.pinned(found) == "3.11.7"


@pytest.mark.parametrize(
    ("text", "yes", "no"),
    [
        (">=3.10", "3.10 3.14", "3.9"),
        (">3.10", "3.11", "3.10"),
        (">3.10.2", "3.10", "3.9"),
        ("<3.12", "3.11", "3.12 3.13"),
        ("<=3.12", "3.12", "3.13"),
        ("==3.12.*", "3.12", "3.1 3.13"),
        ("==3.12.4", "3.12", "3.11"),
        ("!=3.12.*", "3.11", "3.12"),
        ("!=3.12.4", "3.12", "none"),
        ("~=3.10", "3.10 3.13", "3.9 4.0"),
        ("~=3.10.1", "3.10", "3.11"),
        ("^3.9", "3.9 3.14", "3.8 4.0"),
        ("~3.9", "3.9", "3.10"),
        ("3.9 || ^3.12", "3.9 3.12 3.14", "3.10"),
        (">=3.8,<4,!=3.9.*", "3.8 3.10", "3.9 4.0"),
        ("*", "3.8 3.14", "none"),
        ("", "3.8", "none"),
    ],
)
def test_ranges(text: str, yes: str, no: str):
    assert [v for v in yes.split() if not versions.allows(text, v)] == []
    assert [v for v in no.split() if v != "none" and versions.allows(text, v)] == []


def test_images_and_their_replacements():
    assert versions.image("python", "3.12", {}) == "python:3.12-slim"
    assert versions.image("python-vcs", "3.12", {}) == "python:3.12"
    assert versions.image("conda", None, {}).startswith("mambaorg/micromamba:")
    mine = {"python": "mirror.example.com/py:{version}-mine"}
    assert versions.image("python", "3.12", mine) == "mirror.example.com/py:3.12-mine"
    assert versions.image("python-vcs", "3.12", mine) == "mirror.example.com/py:3.12-mine"
    assert versions.image("r", "4.4.1", mine) == "rocker/r-ver:4.4.1"


def test_every_image_has_its_usual_version():
    data = versions.data()
    assert {name.partition("-")[0] for name in data["images"]} == set(data["versions"])
    assert data["versions"]["python"] == data["python"]["prefer"][0]
