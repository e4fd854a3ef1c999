"""What a project's files import: read, never run."""

from __future__ import annotations

import json

import pytest

from git_datmo.environments.imports import scan


def tops(source: str | bytes, path: str = "a.py", **others: str) -> set[str]:
    data = source.encode() if isinstance(source, str) else source
    files = [(path, data), *((name.replace("__", "/"), t.encode()) for name, t in others.items())]
    return {item.top for item in scan(files).imports}


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import numpy", {"numpy"}),
        ("import numpy as np, pandas", {"numpy", "pandas"}),
        ("import matplotlib.pyplot as plt", {"matplotlib"}),
        ("from sklearn.svm import SVC", {"sklearn"}),
        ("from torch import *", {"torch"}),
        ("def f():\n    import yaml\n", {"yaml"}),
        ("class A:\n  if x:\n    from docker import api\n", {"docker"}),
        ("async def f():\n  async with x:\n    import aiohttp\n", {"aiohttp"}),
        ("match x:\n  case 1:\n    import attr\n", {"attr"}),
        ("__import__('toml')", {"toml"}),
        ("import importlib\nimportlib.import_module('rich.table')", {"rich"}),
        ("from importlib import import_module\nimport_module('rich')", {"rich"}),
        ("import_module('.near', __package__)", set()),
        ("import_module(name)", set()),
        ("import os, sys, json, tomllib, __future__", set()),
        ("from . import x\nfrom .y import z\nfrom .. import w", set()),
        ("import __main__", set()),
        ("# import numpy\n'import pandas'\n", set()),
        ("", set()),
        ("\ufeffimport numpy", {"numpy"}),
        ("x = '\\d'  # an odd escape\nimport numpy", {"numpy"}),
    ],
)
def test_imports(source: str, found: set[str]):
    assert tops(source) == found


@pytest.mark.parametrize("test", ["TYPE_CHECKING", "typing.TYPE_CHECKING"])
def test_what_is_for_type_checkers_is_left_out_but_not_its_else(test: str):
    source = f"import typing\nif {test}:\n    import numpy\nelse:\n    import pandas\n"
    assert tops(source) == {"pandas"}


@pytest.mark.parametrize(
    ("handler", "optional"),
    [
        ("except ImportError:", True),
        ("except (OSError, ModuleNotFoundError):", True),
        ("except Exception as e:", True),
        ("except:", True),
        ("except ValueError:", False),
        ("finally:", False),
    ],
)
def test_an_import_that_may_fail_is_optional(handler: str, optional: bool):
    source = f"try:\n    import numpy\n{handler}\n    pass\n".encode()
    (found,) = scan([("a.py", source)]).imports
    assert found.optional is optional


def test_the_file_that_imports_is_named_and_other_files_are_not_read():
    files = [("b.txt", b"import numpy"), ("a/b.py", b"import yaml.x"), ("Makefile", b"import os")]
    (found,) = scan(files).imports
    assert (found.name, found.top, found.path) == ("yaml.x", "yaml", "a/b.py")


@pytest.mark.parametrize(
    ("path", "own"),
    [
        ("a.py", "model.py"),
        ("a.py", "model/__init__.py"),
        ("scripts/a.py", "scripts/model.py"),
        ("scripts/deep/a.py", "scripts/model.py"),
        ("scripts/a.py", "model.py"),
        ("a.py", "src/model/__init__.py"),
    ],
)
def test_the_projects_own_modules_are_none(path: str, own: str):
    found = scan([(path, b"import model\nimport numpy"), (own, b"")])
    assert [item.top for item in found.imports] == ["numpy"]
    assert found.folders == frozenset()


def test_a_module_that_lies_elsewhere_in_the_project_is_not_its_own():
    found = scan([("a.py", b"import numpy"), ("vendored/numpy.py", b"")])
    assert [item.top for item in found.imports] == ["numpy"]


def test_a_folder_without_init_may_be_either():
    found = scan([("a.py", b"import docker"), ("docker/build.py", b"")])
    assert [item.top for item in found.imports] == ["docker"]
    assert found.folders == {"docker"}


def notebook(*cells: object) -> bytes:
    listed = [{"cell_type": "code", "source": source} for source in cells]
    markdown = {"cell_type": "markdown", "source": "import markdown"}
    return json.dumps({"cells": [markdown, *listed], "nbformat": 4}).encode()


def test_notebooks_are_read_without_what_is_ipythons():
    data = notebook(
        [
            "%matplotlib inline\n",
            "!pip install x\n",
            "import numpy\n",
            "for i in x:\n",
            "  %time y\n",
        ],
        "%%bash\nimport shell_thing",
        "%%time\nimport pandas",
        "import yaml\nyaml?",
    )
    assert tops(data, "a.ipynb") == {"numpy", "pandas", "yaml"}
    assert scan([("a.ipynb", data)]).unread == ()


@pytest.mark.parametrize(
    "data",
    [b"", b"{}", b"[]", b"null", b'{"cells": 3}', b'{"cells": [3]}', b"\xff\xfe", b"[" * 100_000],
)
def test_a_damaged_notebook_is_said_and_nothing_more(data: bytes):
    found = scan([("a.ipynb", data), ("b.py", b"import numpy")])
    assert found.unread == ("a.ipynb",)
    assert [item.top for item in found.imports] == ["numpy"]


@pytest.mark.parametrize(
    ("source", "found"),
    [
        (
            b"print 'x'\nimport numpy, pandas as pd\nfrom yaml.nodes import Node\n",
            "numpy pandas yaml",
        ),
        (b"import numpy\n" + b"(" * 10_000, "numpy"),
        (b"import numpy\nx = " + b"-" * 100_000 + b"1", "numpy"),
        (b"import numpy\nx" + b".a" * 100_000, "numpy"),
        (b"import numpy\nx = \0\n", "numpy"),
        (b"# \xe9\nimport numpy\nprint 'x'\n", "numpy"),
    ],
)
def test_what_is_no_python_of_today_is_read_line_by_line(source: bytes, found: str):
    read = scan([("old.py", source)])
    assert read.unread == ("old.py",)
    assert {item.top for item in read.imports} == set(found.split())


def test_the_order_of_files_changes_nothing():
    files = [("b.py", b"import yaml"), ("a.py", b"import yaml\nimport click"), ("c.py", b"(")]
    assert scan(files) == scan(reversed(files))
