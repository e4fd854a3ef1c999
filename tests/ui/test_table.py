"""Tables fit the terminal, and show everything where there is none."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from git_datmo.ui.escape import width as columns_of
from git_datmo.ui.table import SAMPLE, Column, render

VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(st.characters(codec=None), max_size=30),
    st.dictionaries(st.text(max_size=4), st.integers(), max_size=3),
)


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[Column], list[list[object]]]:
    columns = draw(
        st.lists(
            st.builds(
                Column,
                st.text(max_size=10),
                st.sampled_from(["left", "right"]),
                st.integers(0, 12),
                st.booleans(),
                st.sampled_from(["", "red", "bold cyan"]),
            ),
            min_size=1,
            max_size=6,
        )
    )
    row = st.tuples(*[VALUES] * len(columns)).map(list)
    return columns, draw(st.lists(row, max_size=5))


def plain(line: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", line)


@given(tables(), st.integers(0, 120))
def test_no_line_is_wider_than_the_terminal(
    table: tuple[list[Column], list[list[object]]], width: int
) -> None:
    columns, rows = table

    lines = list(render(columns, rows, width=width, color=False))

    assert len(lines) == len(rows) + 1
    assert all(columns_of(line) <= width for line in lines)


@given(tables(), st.integers(1, 80) | st.none())
def test_colours_change_no_letter(
    table: tuple[list[Column], list[list[object]]], width: int | None
) -> None:
    columns, rows = table

    coloured = render(columns, rows, width=width, color=True)

    assert [plain(line) for line in coloured] == list(
        render(columns, rows, width=width, color=False)
    )


@given(tables())
def test_a_wide_terminal_shows_what_a_pipe_gets(
    table: tuple[list[Column], list[list[object]]],
) -> None:
    columns, rows = table

    piped = list(render(columns, rows, width=None, color=False))

    assert list(render(columns, rows, width=10**6, color=False)) == piped


def test_none_is_blank_and_nothing_else_is() -> None:
    columns = [Column("a"), Column("n", "right"), Column("f"), Column("d"), Column("e")]
    rows: list[list[object]] = [
        [None, 0, False, {"k": 0.5, "m": None}, "end"],
        ["x", 12, True, {}, ""],
    ]

    assert list(render(columns, rows, width=None, color=False)) == [
        "a   n  f      d                e",
        "    0  false  k: 0.5, m: null  end",
        "x  12  true",
    ]


def test_only_flexible_columns_give_way() -> None:
    columns = [Column("id"), Column("message", flexible=True), Column("note", flexible=True)]
    rows = [["0123456789ab", "a message that goes on and on", "and a note"]]

    assert list(render(columns, rows, width=36, color=False)) == [
        "id            message     note",
        "0123456789ab  a message…  and a note",
    ]
    assert list(render(columns, rows, width=24, color=False)) == [
        "id            message  …",
        "0123456789ab  a messa… …",
    ]


def test_escapes_in_cells_and_names_are_shown() -> None:
    lines = list(render([Column("a\x1b")], [["\x1b[2J\n\u202e"]], width=None, color=False))

    assert lines == [r"a\x1b", r"\x1b[2J\n\u202e"]


def test_piped_rows_pass_while_more_arrive() -> None:
    taken = 0

    def rows() -> Iterator[list[object]]:
        nonlocal taken
        for number in range(10 * SAMPLE):
            taken += 1
            yield [number, "x"]

    lines = render([Column("n", "right"), Column("x")], rows(), width=None, color=False)
    assert next(lines).split() == ["n", "x"]
    assert taken == SAMPLE

    rest = list(lines)
    assert rest[0] == "  0  x"
    assert rest[-1] == f"{10 * SAMPLE - 1}  x"


def test_a_listing_imports_nothing_heavy() -> None:
    probe = (
        "import sys; import git_datmo.ui.table, git_datmo.ui.snapshot, git_datmo.ui.status;"
        "print([m for m in ('rich', 'pygit2', 'click', 'unicodedata', 'json', 'csv', 'orjson')"
        " if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
