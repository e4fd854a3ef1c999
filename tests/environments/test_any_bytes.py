"""Files come from strangers: whatever they hold, reading them raises nothing."""

from __future__ import annotations

import sys

from hypothesis import given, settings
from hypothesis import strategies as st

from git_datmo.environments import imports
from git_datmo.environments.detect import definition_from_paths, detect
from git_datmo.environments.recipe import recipe

NAMES = (
    *("requirements.txt", "requirements-dev.in", "constraints.txt", "pyproject.toml", "setup.py"),
    *("setup.cfg", "Pipfile", "Pipfile.lock", "uv.lock", "poetry.lock", "pdm.lock", "pylock.toml"),
    *("environment.yml", "conda-lock.yml", "pixi.toml", "renv.lock", "DESCRIPTION", "install.R"),
    *("Project.toml", "Manifest.toml", ".python-version", "flake.nix"),
)
FRAGMENTS = (
    *(b"[project]\n", b"dependencies = ", b"[packages]\n", b"[tool.poetry.dependencies]\n", b"3"),
    *(
        b"requires-python = ",
        b"'>=3.10'",
        b"a = {",
        b"}",
        b"[",
        b"]",
        b"]]",
        b'{"default": ',
        b"null",
    ),
    *(
        b"install_requires",
        b"=",
        b"setup(install_requires=",
        b")",
        b"-r ",
        b"-e ",
        b"\\\n",
        b"\n",
        b" ",
    ),
    *(
        b"a==1+cu128",
        b"git+https://x/y",
        b"file:",
        b"\xff\xfe",
        b"\0",
        b"{x",
        b"%(y",
        b"#",
        b'"R": {',
    ),
    *(
        b"import ",
        b"from ",
        b".x",
        b"(",
        b"try:\n ",
        b'{"cells": [',
        b'"source"',
        b"'",
        b'"',
        b",",
        b":",
    ),
)
contents = st.one_of(st.binary(max_size=60), st.lists(st.sampled_from(FRAGMENTS)).map(b"".join))
definitions = st.dictionaries(st.sampled_from(NAMES), contents, min_size=1, max_size=4)


@settings(max_examples=400)
@given(definitions)
def test_a_plan_is_made_or_says_why_not(files: dict[str, bytes]):
    definition = definition_from_paths(files.items())
    for target in ("docker", "local"):
        plan = recipe("ab" * 20, definition, target=target)
        made = plan.context if target == "docker" else plan.install
        assert made or plan.notes
        assert plan == recipe("ab" * 20, definition, target=target)


@settings(max_examples=200)
@given(definitions)
def test_detection_is_of_the_files_alone(files: dict[str, bytes]):
    found = detect(files, files.__getitem__)
    assert found == detect(list(reversed(files)), files.__getitem__)
    assert found is None or set(found.files) <= set(files.items())


@settings(max_examples=300)
@given(st.dictionaries(st.sampled_from(("a.py", "b/c.py", "n.ipynb", "x")), contents))
def test_imports_are_names_and_never_pythons_own(files: dict[str, bytes]):
    for item in imports.scan(files.items()).imports:
        assert item.path in files
        assert item.top
        assert item.top not in sys.stdlib_module_names
