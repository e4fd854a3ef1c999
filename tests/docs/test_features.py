"""The page of features: whatever it names is there, and no line of it goes without a test."""

from __future__ import annotations

import importlib
import inspect
import re
from functools import cache
from typing import NamedTuple

import click
import pytest

import git_datmo
from git_datmo.cli.main import cli
from git_datmo.compat import em
from git_datmo.compat.squirrel import GitArtifactManager
from git_datmo.model import run, snapshot
from git_datmo.sdk import POSITIONS
from tests.docs.named import ROOT, missing

PAGE = (ROOT / "docs" / "reference" / "features.md").read_text()
TABLES, _, LAST = PAGE.partition("\n## What falls short\n")
SPAN = re.compile(r"`([^`]+)`")
SHORT = re.compile(r"\[(\d+)\]\(#what-falls-short\)")
CALL = re.compile(r"([\w.]+)(?:\((.*)\))?")
# What the package's verbs take besides their own keywords: see git_datmo.sdk.
OLDER = {"home", "env"}
DOORS = {"datmo": git_datmo, "em": em, "GitArtifactManager": GitArtifactManager}
STORED: dict[object, set[str]] = {
    git_datmo.Snapshot: set(snapshot.Facts.__dataclass_fields__),
    git_datmo.Run: set(run.Facts.__dataclass_fields__),
}
GIT = ("git push", "git fetch", "git commit", "git log")


class Line(NamedTuple):
    """One line of a table."""

    what: str
    how: list[str]
    shown: list[str]


def lines() -> list[Line]:
    cells = [row.strip("| ").split(" | ") for row in TABLES.splitlines() if row.startswith("| ")]
    return [
        Line(what, SPAN.findall(how), SPAN.findall(shown))
        for what, how, shown in cells
        if what != "what"
    ]


@cache
def source() -> str:
    return "".join(file.read_text() for file in sorted((ROOT / "git_datmo").rglob("*.py")))


def command(span: str) -> None:
    """A command as one types it: the words lead to it, and it has each option."""
    found: click.Command = cli
    for word in span.split()[2:]:
        if word.startswith("-"):
            known = {
                text
                for one in found.params
                for text in (*one.opts, *one.secondary_opts)
                if isinstance(one, click.Option)
            }
            if found.name == "snapshot" and isinstance(found, click.Group):
                # `git datmo snapshot -m` is short for its `create`.
                known = {text for one in found.commands["create"].params for text in one.opts}
            assert word in known, f"{span}: there is no {word}"
        else:
            assert isinstance(found, click.Group), span
            inner = found.get_command(click.Context(found), word)
            assert inner is not None, f"{span}: there is no {word}"
            found = inner


def call(span: str) -> None:
    """A name of the package, and the arguments that it takes."""
    match = CALL.fullmatch(span)
    assert match is not None, span
    path, given = match[1], match[2]
    door, *names = path.removeprefix("git_datmo.").split(".")
    found: object = DOORS.get(door) or importlib.import_module(f"git_datmo.{door}")
    for name in names:
        if isinstance(found, type) and name in STORED.get(found, ()):
            found = None
        elif inspect.ismodule(found) and name in getattr(found, "__all__", ()):
            found = getattr(found, name, None) if name not in LATE else None
        elif inspect.ismodule(found) and not hasattr(found, name):
            found = importlib.import_module(f"{found.__name__}.{name}")
        else:
            found = getattr(found, name)
    if given:
        taken = set(inspect.signature(found).parameters)  # type: ignore[arg-type]
        title = ".".join(names)
        if door == "datmo" and title in POSITIONS:
            taken |= OLDER | set(POSITIONS[title])
        assert {name.strip().rstrip("=") for name in given.split(",")} <= taken, span


# Made when they are asked for, of a package that need not be installed.
LATE = {"EMFitCallback", "EMEvalCallback", "EMCallback"}


def test_the_page_was_read():
    assert len(lines()) > 150
    assert {line.what.count("|") for line in lines()} == {0}


def test_what_it_tells_to_use_is_there():
    settings = (ROOT / "docs" / "reference" / "config.md").read_text()
    for how in sorted({span for line in lines() for span in line.how}):
        if how.startswith("git datmo"):
            command(how)
        elif re.fullmatch(r"datmo\.[a-z]+[A-Z]\w*", how):
            assert f"| `{how}`" in settings
        elif re.match(r"(datmo|em|git_datmo)\.|GitArtifactManager", how):
            call(how)
        elif not how.startswith(GIT):
            assert (ROOT / how).exists() or f'"{how}' in source(), how


def test_every_line_says_how_and_has_a_test_that_is_there():
    every = lines()
    assert [line.what for line in every if not line.how or not line.shown] == []
    assert missing(" ".join(f"tests/{test}" for line in every for test in line.shown)) == []


def test_what_falls_short_is_listed_and_pointed_to():
    pointed = {int(number) for number in SHORT.findall(TABLES)}
    listed = [int(number) for number in re.findall(r"^(\d+)\. \*\*", LAST, re.MULTILINE)]
    assert listed == list(range(1, len(listed) + 1))
    assert pointed == set(listed)


@pytest.mark.parametrize(
    "wrong",
    ["git datmo snapshoot", "git datmo snapshot ls --nothing", "git datmo init extra"],
)
def test_a_command_that_is_not_there_is_seen(wrong: str):
    with pytest.raises(AssertionError):
        command(wrong)


@pytest.mark.parametrize(
    "wrong", ["datmo.snapshot.make", "em.Run.nothing", "em.Run.log(type, nothing=)"]
)
def test_a_call_that_is_not_there_is_seen(wrong: str):
    with pytest.raises((AssertionError, AttributeError)):
        call(wrong)
