"""Ready environments to choose from: type, framework, language. The choices are data."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from functools import cache
from importlib.resources import files

from git_datmo.environments.detect import definition_from_paths
from git_datmo.errors import ValidationFailed
from git_datmo.model.environment import Definition, Template

DATA = "templates.toml"
TYPE, FRAMEWORK = "cpu", "python-base"


@cache
def every() -> tuple[Template, ...]:
    """Every choice there is, in the order of the data, the usual language first."""
    found: list[Template] = []
    data = tomllib.loads(files(__package__).joinpath(DATA).read_text("utf-8"))
    for table in data["template"]:
        lines = table.get("lines", ())
        for language in table.get("languages", (None,)):
            version = _version(language) if language else ""
            found.append(
                Template(
                    type=table["type"],
                    framework=table["framework"],
                    language=language,
                    image=table["image"].replace("{python}", version),
                    lines=tuple(line.replace("{python}", version) for line in lines),
                    about=table["about"],
                    note=table.get("note"),
                )
            )
    return tuple(found)


def choose(type: str | None, framework: str | None, language: str | None) -> Template:
    """The template for these choices; what is None gets the usual one.

    Raises ValidationFailed for a choice that there is not.
    """
    kept = every()
    for name, value in (
        ("type", type or TYPE),
        ("framework", framework or FRAMEWORK),
        ("language", language),
    ):
        there = values(kept, name)
        if value is None:
            continue
        if value not in there:
            raise ValidationFailed(_absent(name, value, kept), hint=_instead(name, there))
        kept = tuple(item for item in kept if getattr(item, name) == value)
    return kept[0]


def values(templates: Iterable[Template], name: str) -> tuple[str, ...]:
    """The values that templates have for `type`, `framework` or `language`, each once."""
    found = (getattr(item, name) for item in templates)
    return tuple(dict.fromkeys(value for value in found if value is not None))


def definition(template: Template) -> Definition:
    """The environment that a template makes: one Dockerfile."""
    text = "\n".join([f"FROM {template.image}", *template.lines]) + "\n"
    return definition_from_paths([("Dockerfile", text.encode())])


def _version(language: str) -> str:
    """`py312` is 3.12."""
    digits = language.removeprefix("py")
    return f"{digits[0]}.{digits[1:]}"


def _absent(name: str, value: str, kept: tuple[Template, ...]) -> str:
    if name == "type":
        return f"there is no type '{value}'"
    if name == "framework":
        return f"there is no framework '{value}' for {kept[0].type}"
    return f"there is no {kept[0].framework} for {kept[0].type} in the language '{value}'"


def _instead(name: str, there: tuple[str, ...]) -> str:
    if not there:
        return f"leave the {name} out: the image brings its own"
    return f"choose one of: {', '.join(there)}"
