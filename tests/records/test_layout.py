"""Ref names and commit messages of the format."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from git_datmo.errors import DamagedObject, NewerFormat
from git_datmo.records import layout

# Text a user can commit, with what a forger would write mixed in.
FORGED = st.sampled_from(
    [
        "\n",
        "\n\n",
        "Datmo-Format: 9",
        "Datmo-Id: " + "0" * 32,
        "Datmo-Code: x",
        ": ",
        "\r",
        " ",
        "#",
    ]
)
TEXT = st.lists(st.one_of(FORGED, st.text(st.characters(exclude_categories=["Cs"])))).map("".join)
OURS = {"Datmo-Id": "1" * 32, "Datmo-Code": "2" * 40, "Datmo-Paths": None}


@given(TEXT)
def test_whatever_the_user_writes_forges_no_trailer(text: str) -> None:
    body, found = layout.trailers(layout.message(text, OURS))
    assert body == text.strip("\n")
    assert found == {"Datmo-Format": "1", "Datmo-Id": "1" * 32, "Datmo-Code": "2" * 40}


@given(TEXT)
def test_no_text_alone_passes_for_a_message_of_ours_unless_it_is_one(text: str) -> None:
    try:
        _, found = layout.trailers(text)
    except (DamagedObject, NewerFormat):
        return
    assert found["Datmo-Format"].isdigit()
    last = text.rstrip("\n").rpartition("\n\n")[2]
    assert all(line.startswith("Datmo-") for line in last.split("\n"))


def test_a_later_format_says_so() -> None:
    with pytest.raises(NewerFormat, match="format 2"):
        layout.trailers("text\n\nDatmo-Format: 2\nDatmo-New: x\n")


@pytest.mark.parametrize("number", ["", "x", "-1", "1.0", "²", "９"])
def test_a_format_that_is_no_number_is_damage(number: str) -> None:
    with pytest.raises(DamagedObject):
        layout.trailers(f"text\n\nDatmo-Format: {number}\n")


@given(st.lists(st.binary(min_size=1).filter(lambda b: b"\0" not in b), min_size=1))
def test_paths_are_bytes(paths: list[bytes]) -> None:
    text = layout.paths_trailer(paths)
    assert text is not None
    assert "\n" not in text
    assert layout.parse_paths(text.encode().decode()) == tuple(paths)


@pytest.mark.parametrize("text", ["", "{", "7", '{"a": 1}', "[1]", '"abc"', "[" * 100_000, "null"])
def test_damaged_paths(text: str) -> None:
    with pytest.raises(DamagedObject):
        layout.parse_paths(text)


def test_whose_chain_a_ref_is() -> None:
    clone = "0123456789abcdef"
    assert layout.clone_of(layout.notes_ref(clone)) == clone
    assert layout.clone_of(f"refs/datmo-remotes/a/b/notes/{clone}") == clone
    for other in ("refs/datmo-local/notes", f"refs/datmo/notes/{clone}/x", "refs/datmo/notes/XYZ"):
        assert layout.clone_of(other) is None


def test_the_constant_ids_are_what_git_says() -> None:
    assert layout.blob_id(layout.PROJECT_BLOB) == layout.PROJECT_ID
    assert layout.session_id(layout.DEFAULT_SESSION) == layout.DEFAULT_SESSION_ID
