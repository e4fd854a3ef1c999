"""One verb behind two doors: every command is a function of the API, helped and documented.

A command names its verb in `verb` ("snapshot.create" is `git_datmo.api.snapshot.create`; one of
another system's commands lies in `git_datmo.compat`, that of the pages in `git_datmo.ui.web`, and
they say so), and in `renames` the options whose keyword has another name, as
{option's name: keyword}.
"""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import click
import pytest

from git_datmo.cli.main import cli
from tests.architecture.source import ROOT

# How a result is shown is the command line's own business: a verb knows nothing of it.
PRESENTATION = {
    *("json", "jsonl", "format", "download", "download_path", "columns", "details"),
    *("yes", "quiet", "verbose", "check", "no_pager", "no_browser", "help", "version"),
    *("html", "png", "svg", "log_x", "log_y", "color_by", "md", "pictures"),
}


def every_command() -> Iterator[tuple[str, click.Command, bool]]:
    """("git datmo snapshot ls", command, hidden) for all; what is in a hidden group is hidden."""

    def walk(
        command: click.Command, words: tuple[str, ...], hidden: bool
    ) -> Iterator[tuple[str, click.Command, bool]]:
        hidden = hidden or command.hidden
        yield " ".join(words), command, hidden
        if isinstance(command, click.Group):
            context = click.Context(command)
            for name in command.list_commands(context):
                found = command.get_command(context, name)
                assert found is not None, f"{words} lists {name} and does not know it"
                yield from walk(found, (*words, name), hidden)

    yield from walk(cli, ("git", "datmo"), False)


EVERY = list(every_command())
COMMANDS = [(title, command) for title, command, _ in EVERY]
SHOWN = [title for title, _, hidden in EVERY if not hidden]
VERBS = [(title, command) for title, command in COMMANDS if not isinstance(command, click.Group)]
over_commands = pytest.mark.parametrize(
    ("title", "command"), COMMANDS, ids=[title for title, _ in COMMANDS]
)
over_verbs = pytest.mark.parametrize(("title", "command"), VERBS, ids=[title for title, _ in VERBS])


def verb_of(command: click.Command) -> Callable[..., Any]:
    module, _, function = command.verb.rpartition(".")  # type: ignore[attr-defined]
    room = "git_datmo" if module.startswith(("compat.", "ui.web.")) else "git_datmo.api"
    found: Callable[..., Any] = getattr(importlib.import_module(f"{room}.{module}"), function)
    return found


@cache
def reference() -> str:
    return (ROOT / "docs" / "reference" / "commands.md").read_text()


def test_there_are_commands():
    assert len(VERBS) > 5


@over_commands
def test_help_says_what_it_does(title: str, command: click.Command):
    assert command.help, f"{title} has no help text"
    unexplained = {
        parameter.name
        for parameter in command.params
        if isinstance(parameter, click.Option) and not parameter.hidden and not parameter.help
    }
    assert unexplained == set()


@pytest.mark.parametrize("title", SHOWN)
def test_it_has_its_section_in_the_docs(title: str):
    assert f"\n## {title}\n" in reference()


def documents() -> set[str]:
    """The commands of docs/reference/json.md: a word alone goes with the noun before it."""
    found: set[str] = set()
    text = (ROOT / "docs" / "reference" / "json.md").read_text()
    for line in text.partition("\n## ")[0].splitlines():
        noun = ""
        for name in re.findall(r"`([^`]+)`", line.split("|")[1]) if line.startswith("| `") else ():
            words = name.split()
            found.add(f"git datmo {noun}{name}" if len(words) == 1 else f"git datmo {name}")
            noun = f"{words[0]} " if len(words) > 1 else noun
    return found


def test_every_json_document_is_described():
    described = documents()
    assert described <= {title for title, _ in COMMANDS}, "there are no others"
    verbs = {verb_of(command) for title, command in VERBS if title in described}
    verbs |= {verb_of(command) for title, command in COMMANDS if title == "git datmo run"}
    for title, command in VERBS:
        if any("--json" in option.opts for option in command.params):
            assert verb_of(command) in verbs, title


@over_verbs
def test_its_verb_is_a_documented_function_that_takes_the_project_first(
    title: str, command: click.Command
):
    verb = verb_of(command)
    assert verb.__doc__, f"{title}: {verb.__qualname__} has no docstring"
    first, *others = inspect.signature(verb).parameters.values()
    assert first.name == "project"
    assert all(other.kind is not inspect.Parameter.VAR_KEYWORD for other in others)


@over_verbs
def test_options_are_keywords(title: str, command: click.Command):
    renames: dict[str, str] = getattr(command, "renames", {})
    options = {str(parameter.name) for parameter in command.params if parameter.expose_value}
    keywords = {renames.get(name, name) for name in options - PRESENTATION}
    assert keywords <= inspect.signature(verb_of(command)).parameters.keys()
    assert renames.keys() <= options, "a rename of an option that is not there"


@over_verbs
def test_flags_are_spelled_as_they_are_named(title: str, command: click.Command):
    """`--large-file` is `large_file`; `--no-apply` alone may be `apply`."""
    odd = {}
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            spelled = {
                flag.lstrip("-").replace("-", "_")
                for flag in (*parameter.opts, *parameter.secondary_opts)
            }
            name = str(parameter.name)
            renamed = name in getattr(command, "renames", {})
            if not renamed and not spelled & {name, f"no_{name}"}:
                odd[name] = sorted(spelled)
    assert odd == {}
