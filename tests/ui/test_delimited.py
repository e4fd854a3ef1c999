"""csv that any reader takes apart as it was put together."""

from __future__ import annotations

import csv
import io

import orjson
from hypothesis import given
from hypothesis import strategies as st

from git_datmo.ui.delimited import CHUNK, to_csv

CELLS = st.text()


def read(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline=""), strict=True))


@given(
    st.integers(1, 4).flatmap(
        lambda n: st.tuples(
            st.lists(CELLS, min_size=n, max_size=n),
            st.lists(st.lists(CELLS, min_size=n, max_size=n), max_size=5),
        )
    )
)
def test_text_comes_back(table: tuple[list[str], list[list[str]]]) -> None:
    names, rows = table

    assert read("".join(to_csv(names, rows))) == [names, *rows]


def test_values_are_exact() -> None:
    row = [None, 0, False, 0.1 + 0.2, float("nan"), {"k": 'a, "b"'}, [1, 2.5], ""]
    written = read("".join(to_csv(list("abcdefgh"), [row])))[1]

    assert written[:5] == ["", "0", "false", "0.30000000000000004", "nan"]
    assert orjson.loads(written[5]) == {"k": 'a, "b"'}
    assert written[6:] == ["[1,2.5]", ""]


def test_records_end_as_the_standard_says_and_fields_are_quoted() -> None:
    assert "".join(to_csv(["a", "b"], [["x,y", 'q"\n']])) == 'a,b\r\n"x,y","q""\n"\r\n'


def test_undecodable_names_can_be_written_and_a_terminal_is_safe() -> None:
    rows = [["\udcff", "\x1b[2J\n"]]

    "".join(to_csv(["a", "b"], rows)).encode()
    assert "".join(to_csv(["a", "b"], rows, escaped=True)) == "a,b\r\n\\xff,\\x1b[2J\\n\r\n"


def test_rows_pass_while_more_arrive() -> None:
    pieces = list(to_csv(["n"], ([n] for n in range(CHUNK * 2 + 1))))

    assert len(pieces) == 3
    assert len(read("".join(pieces))) == CHUNK * 2 + 2
