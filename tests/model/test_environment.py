"""A definition is the same bytes on every machine, and nothing else passes for one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from git_datmo.errors import (
    FileAlreadyExistsError,
    InvalidDestinationName,
    InvalidDocument,
    NewerFormat,
    ValidationFailed,
)
from git_datmo.model.environment import FACTS_FILE, Definition, is_plain_path, read_definition

PYTHON = {"python": {"implementation": "cpython", "version": "3.11.7"}}
TWO = (("requirements.txt", b"numpy\r\n"), ("Dockerfile", b"FROM python:3.12\n"))
names = st.text(min_size=1).filter(is_plain_path).filter(lambda name: "/" not in name)


def test_the_facts_are_these_bytes():
    assert Definition(TWO, "docker").facts == (
        b'{"files":["Dockerfile","requirements.txt"],"format":1,"kind":"docker"}\n'
    )
    assert Definition((("requirements.txt", b""),), "python", PYTHON).facts == (
        b'{"files":["requirements.txt"],"format":1,"kind":"python",'
        b'"python":{"implementation":"cpython","version":"3.11.7"}}\n'
    )


def test_bytes_are_bytes():
    assert dict(Definition(TWO, "docker").identity_files)["requirements.txt"] == b"numpy\r\n"


@given(st.dictionaries(names, st.binary(), min_size=1), st.randoms())
def test_the_order_of_files_does_not_matter(files, random):
    listed = list(files.items())
    shuffled = random.sample(listed, len(listed))

    one, two = Definition(tuple(listed), "files"), Definition(tuple(shuffled), "files")

    assert one == two
    assert one.identity_files == two.identity_files
    assert [name.encode() for name in one.paths] == sorted(name.encode() for name in files)


@given(st.dictionaries(names, st.binary(), min_size=1), st.sampled_from([{}, PYTHON]))
def test_what_was_written_is_read_back(files, summary):
    definition = Definition(tuple(files.items()), "python", summary)
    assert read_definition(definition.identity_files) == definition


@pytest.mark.parametrize(
    "name",
    [
        *(
            "",
            "/etc/passwd",
            "../up",
            "a/../b",
            "a//b",
            "a/",
            "./a",
            ".git/hooks/pre-push",
            "a/.GIT",
        ),
        *(FACTS_FILE, f"{FACTS_FILE}/x", "Environment.json", "nul\0", "\udcff"),
    ],
)
def test_a_name_that_is_not_plain_is_refused(name: str):
    with pytest.raises(InvalidDestinationName):
        Definition(((name, b""),), "files")


@pytest.mark.parametrize("names", [("a", "a"), ("a", "a/b"), ("a/b/c", "a/b")])
def test_two_claims_to_one_place_are_refused(names: tuple[str, str]):
    with pytest.raises(FileAlreadyExistsError):
        Definition(tuple((name, b"") for name in names), "files")


def test_nothing_is_no_definition():
    with pytest.raises(ValidationFailed):
        Definition((), "files")


def test_packages_are_those_of_a_captured_interpreter():
    lines = (("requirements.txt", b"numpy==2.1.0\nscipy==1.14\n"),)
    assert Definition(lines, "python", PYTHON).packages == ("numpy==2.1.0", "scipy==1.14")
    assert Definition(lines, "python").packages == ()


def test_a_newer_format_is_named_and_not_guessed():
    facts = b'{"files":["a"],"format":2,"kind":["something","new"]}\n'
    with pytest.raises(NewerFormat, match="format 2"):
        read_definition([("a", b""), (FACTS_FILE, facts)])


@pytest.mark.parametrize(
    "facts",
    [
        b"",
        b"[]",
        b"[" * 100_000,
        b'{"files":["a"],"format":1,"kind":"files"}',
        b'{"files":["a"],"format":true,"kind":"files"}\n',
        b'{"files":["a"],"format":0,"kind":"files"}\n',
        b'{"files":["a"],"format":1,"kind":7}\n',
        b'{"files":["b"],"format":1,"kind":"files"}\n',
        b'{"files":["a"],"format":1,"host":"ada","kind":"files"}\n',
        b'{"files":["a"],"format":1,"kind":"files","python":{"version":3}}\n',
        b'{"files":["a"],"format":1,"kind":"files","python":"3.11"}\n',
        b'{"format":1,"files":["a"],"kind":"files"}\n',
    ],
)
def test_facts_we_would_not_write_are_refused(facts: bytes):
    with pytest.raises(InvalidDocument):
        read_definition([("a", b""), (FACTS_FILE, facts)])


@pytest.mark.parametrize("files", [[], [("a", b"")], [(FACTS_FILE, b'{"format":1,"kind":"x"}')]])
def test_a_tree_that_is_no_environment_is_refused(files: list[tuple[str, bytes]]):
    with pytest.raises(InvalidDocument):
        read_definition(files)
