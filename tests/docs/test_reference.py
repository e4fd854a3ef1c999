"""The pages of the reference name what the code has, all of it and nothing else."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import git_datmo as datmo
from git_datmo import errors
from git_datmo.records import layout
from git_datmo.sdk import POSITIONS
from git_datmo.storage.config import PROJECT_KEYS

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"
KEY = re.compile(r"datmo(?:\.(?:<[a-z]+>|[a-z][A-Za-z]*))+")


def keys_in_code() -> set[str]:
    """What is asked of git's configuration below `datmo.`: literals given to a method of it."""
    found = set()
    for file in sorted((ROOT / "git_datmo").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            if node.func.attr in ("get", "all", "boolean", "number", "choice", "set", "add"):
                text = key_of(node.args[0]) if node.args else ""
                found |= {text} if KEY.fullmatch(text) else set()
    return found


def key_of(node: ast.expr) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(
            f"<{ast.unparse(p.value)}>" if isinstance(p, ast.FormattedValue) else key_of(p)
            for p in node.values
        )
    return str(node.value) if isinstance(node, ast.Constant) else ""


def rows(page: str) -> list[str]:
    """The first cells of every table row."""
    text = (REFERENCE / page).read_text()
    return [line.split("|")[1].strip() for line in text.splitlines() if line.startswith("| ")]


def test_every_setting_is_there_and_no_other():
    documented = {match[0] for cell in rows("config.md") if (match := KEY.search(cell))}
    assert {"datmo.largeFile", "datmo.<remote>.store"} <= keys_in_code()
    assert documented == keys_in_code()


def test_what_a_tracked_file_may_set_is_marked():
    marked = {match[0] for cell in rows("config.md") if "*" in cell and (match := KEY.search(cell))}
    assert {key.lower() for key in marked} == PROJECT_KEYS


def every_error(base: type[errors.DatmoError]) -> Iterator[type[errors.DatmoError]]:
    """The tree; a flavour that one room keeps to itself is to everybody else its parent."""
    yield base
    for kind in base.__subclasses__():
        if kind.__module__ == errors.__name__:
            yield from every_error(kind)


def test_every_error_is_there_with_its_code():
    text = (REFERENCE / "exit-codes.md").read_text()
    documented = dict(re.findall(r"`(\w+)` \| (\d+) \|", text))
    kinds = {kind.__name__: str(kind.exit_code) for kind in every_error(errors.DatmoError)}
    assert documented == kinds
    codes = {code for cell in rows("exit-codes.md") for code in re.findall(r"^\d+", cell)}
    assert set(kinds.values()) <= codes


def test_the_drawing_of_the_errors_shows_all_of_them():
    drawn = set(re.findall(r"[├└]── (\w+)", errors.__doc__ or ""))
    assert {kind.__name__ for kind in every_error(errors.DatmoError)} - drawn == {"DatmoError"}


@pytest.mark.parametrize("title", sorted(POSITIONS))
def test_every_verb_of_the_package_is_there(title: str):
    noun, _, verb = title.partition(".")
    cells = [
        line
        for line in (REFERENCE / "sdk.md").read_text().splitlines()
        if f"`datmo.{noun}`" in line
    ]
    assert any(f"`{verb}`" in line for line in cells)
    assert callable(getattr(getattr(datmo, noun), verb))


def test_the_format_page_has_every_trailer():
    source = (ROOT / "git_datmo" / "records").rglob("*.py")
    used = {name for file in source for name in re.findall(r"Datmo-[A-Z]\w+", file.read_text())}
    pages = ("snapshots", "runs", "artifacts")
    documented = {cell for page in pages for cell in rows(f"format/{page}.md")}
    assert used == {cell.strip("`") for cell in documented if "Datmo-" in cell}


def test_the_format_page_has_every_namespace_of_refs():
    text = (REFERENCE / "format" / "refs.md").read_text()
    shared = (layout.NOTES, layout.SNAPSHOTS, layout.RUNS, layout.ARTIFACTS, layout.ENVIRONMENTS)
    for name in (*shared, layout.REMOTES, layout.PLAIN):
        assert f"`{name}" in text
    assert f"`{layout.LOCAL_TIP}`" in text
