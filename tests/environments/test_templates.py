"""The ready environments: data, choices, and the table of the docs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from git_datmo.environments import templates
from git_datmo.environments.recipe import recipe
from git_datmo.errors import ValidationFailed
from git_datmo.model.environment import Template

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "environments.md"
# What datmo offered; every one of its choices is still one.
CPU = [
    *("data-analytics", "kaggle", "keras-tensorflow", "mxnet"),
    *("pytorch", "caffe2", "python-base", "r-base"),
]
GPU = [name for name in CPU if name not in ("kaggle", "r-base")]

over_all = pytest.mark.parametrize("template", templates.every(), ids=lambda found: found.name)


@pytest.mark.parametrize(("kind", "names"), [("cpu", CPU), ("gpu", GPU)])
def test_every_choice_of_datmo_is_there(kind: str, names: list[str]):
    found = [item for item in templates.every() if item.type == kind]
    assert set(templates.values(found, "framework")) == set(names)


@over_all
def test_it_is_chosen_by_what_it_is(template: Template):
    chosen = templates.choose(template.type, template.framework, template.language)
    assert chosen == template


@over_all
def test_it_makes_a_dockerfile_of_plain_instructions(template: Template):
    definition = templates.definition(template)
    ((path, data),) = definition.files
    first, *others = data.decode().splitlines()
    assert (path, definition.kind, first) == ("Dockerfile", "docker", f"FROM {template.image}")
    assert all(re.match(r"(RUN|ENV|ENTRYPOINT) ", line) for line in others)
    assert "{" not in data.decode()
    assert recipe("a" * 40, definition, target="docker").context == definition.files


@over_all
def test_its_image_has_a_tag_and_the_language_it_says(template: Template):
    assert re.fullmatch(r"[a-z0-9.-]+(/[a-z0-9_.-]+)*:[\w.-]+", template.image)
    if template.language is not None:
        assert re.fullmatch(r"py3\d+", template.language)


@over_all
def test_the_page_lists_it(template: Template):
    language = f" {template.language} |" if template.language else "  |"
    row = f"| {template.framework} | {template.type} |{language} `{template.image}` |"
    assert row in PAGE.read_text("utf-8").splitlines()


def test_the_page_lists_no_other():
    rows = re.findall(r"^\| [\w-]+ \| [cg]pu \|.*$", PAGE.read_text("utf-8"), re.MULTILINE)
    assert len(rows) == len(templates.every())


def test_names_are_unique_and_the_usual_choice_is_plain_python():
    names = [item.name for item in templates.every()]
    assert len(names) == len(set(names))
    usual = templates.choose(None, None, None)
    assert (usual.type, usual.framework) == ("cpu", "python-base")
    assert templates.choose("gpu", None, None).framework == "python-base"


@pytest.mark.parametrize(
    ("choice", "said", "instead"),
    [
        (("tpu", None, None), "type 'tpu'", "cpu, gpu"),
        ((None, "theano", None), "framework 'theano' for cpu", "python-base, "),
        (("gpu", "kaggle", None), "framework 'kaggle' for gpu", "pytorch"),
        ((None, None, "py27"), "language 'py27'", "py313"),
        ((None, "r-base", "py313"), "language 'py313'", "leave the language out"),
    ],
)
def test_what_there_is_not(choice: tuple[str | None, ...], said: str, instead: str):
    with pytest.raises(ValidationFailed) as caught:
        templates.choose(*choice)
    assert said in caught.value.message
    assert instead in str(caught.value.hint)


@pytest.mark.parametrize("framework", ["caffe2", "mxnet"])
def test_what_is_no_longer_made_says_so(framework: str):
    assert templates.choose(None, framework, None).note
