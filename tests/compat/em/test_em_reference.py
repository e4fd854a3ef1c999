"""The reference of git_datmo.em names what there is, all of it, and the arguments that it takes."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from git_datmo import em
from git_datmo.compat.em import alias, keras, lightning

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "em.md"
TEXT = PAGE.read_text()
CALL = re.compile(r"`(\w+)\(([^`…]*)\)`")


def section(title: str) -> str:
    """The text below a heading."""
    return re.split(r"^## ", TEXT.split(f"\n## {title}\n")[1], maxsplit=1, flags=re.MULTILINE)[0]


def public(kind: type) -> set[str]:
    return {name for name in vars(kind) if not name.startswith("_")}


def words(text: str) -> set[str]:
    return {
        word for quoted in re.findall(r"`([^`]+)`", text) for word in re.findall(r"\w+", quoted)
    }


def names_of(parameters: str) -> list[str]:
    """The names and defaults in a call as it is written there."""
    return [part.strip().replace('"', "'") for part in parameters.split(", ") if part.strip()]


def asked(function: object) -> list[str]:
    """The same of what is there."""
    found = inspect.signature(function).parameters.values()  # type: ignore[arg-type]
    return [
        one.name if one.default is one.empty else f"{one.name}={one.default!r}"
        for one in found
        if one.name != "self"
    ]


def test_every_function_is_there():
    functions = {name for name in em.__all__ if name[0].islower()} | {"install_as"}
    listed = re.findall(r"^\| `(\w+)\(", section("Functions"), re.MULTILINE)
    assert set(listed) == functions
    for title in ("Run", "Params", "Artifact"):
        assert title in em.__all__


@pytest.mark.parametrize("title", ["Run", "Params", "Artifact"])
def test_every_attribute_is_there(title: str):
    inner = {"clear", "flush", "seal"}  # what every mapping has, and what runs call themselves
    assert public(getattr(em, title)) - inner <= words(section(title))


def test_calls_are_written_as_they_are_taken():
    seen = 0
    for title, where in (("Functions", em), ("Run", em.Run), ("Artifact", em.Artifact)):
        for name, parameters in CALL.findall(section(title)):
            real = getattr(where, name, None)
            if real is None or not parameters:
                continue
            known = asked(real)
            assert names_of(parameters) == known[: len(names_of(parameters))], name
            seen += 1
    assert seen > 10
    assert asked(alias.install_as) == ["name='t9k.em'"]


def test_every_callback_is_there():
    known = {*keras.__all__, *lightning.__all__}
    assert set(re.findall(r"EM\w+", section("Callbacks"))) == known
