"""Options of a command: found however they are written, and changed without touching the rest."""

from __future__ import annotations

import shlex
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from git_datmo.api import flags
from git_datmo.errors import ValidationFailed

WORDS = [
    ("t --lr 0.1 -x", "lr", "0.2", "t --lr 0.2 -x", "0.1"),
    ("t --lr=0.1", "lr", "", "t --lr=", "0.1"),
    ("t -lr 0.1", "lr", "0.2", "t -lr 0.2", "0.1"),
    ("t --learning-rate 1", "learning_rate", "2", "t --learning-rate 2", "1"),
    ("t --learning_rate=1", "learning-rate", "2", "t --learning_rate=2", "1"),
    ("t opt.lr=1 +a=2 ++b=3", "a", "9", "t opt.lr=1 +a=9 ++b=3", "2"),
    ("t opt.lr=1", "opt.lr", "x=y", "t opt.lr=x=y", "1"),
    ("t --opt.lr 1", "opt.lr", "2", "t --opt.lr 2", "1"),
    ("t --bias -0.5", "bias", "-1e-3", "t --bias -1e-3", "-0.5"),
    ("t --out - --n 1", "out", "f", "t --out f --n 1", "-"),
    ("uv run -- t --n 1", "n", "2", "uv run -- t --n 2", "1"),
    ("t --shuffle", "shuffle", "true", "t --shuffle", "true"),
    ("t --rate 0.1", "rate", "false", "t --rate false", "0.1"),
    ("t --name x", "name", "no", "t --name no", "x"),
    ("t --shuffle true data", "shuffle", "false", "t --shuffle false data", "true"),
    ("t --shuffle --n 1", "shuffle", "no", "t --n 1", "true"),
    ("t --no-shuffle", "shuffle", "true", "t --shuffle", "false"),
    ("t --no-shuffle", "shuffle", "false", "t --no-shuffle", "false"),
    ("t --n 5", "n", "1", "t --n 1", "5"),
    ("docker run -e LR=1 x", "LR", "2", "docker run -e LR=2 x", "1"),
    ("make train LR=0.1", "LR", "0.2", "make train LR=0.2", "0.1"),
]


@pytest.mark.parametrize(("command", "key", "value", "after", "before"), WORDS)
def test_words(command: str, key: str, value: str, after: str, before: str):
    assert flags.put(command.split(" "), key, value) == (tuple(after.split(" ")), before)


TEXTS = [
    ("cd x && python t.py --lr '0.1' >out", "lr", "a b", "cd x && python t.py --lr 'a b' >out"),
    ("LR=1 ./t", "LR", "2", "LR=2 ./t"),
    ('t --m "$(date --lr 3)" --lr 1', "lr", "2", 't --m "$(date --lr 3)" --lr 2'),
    ("t --lr 1 # --lr 5", "lr", "2", "t --lr 2 # --lr 5"),
    ("t --lr=\"1\"';2'|tee o", "lr", "3", "t --lr=3|tee o"),
    ("t --v --w 1", "v", "false", "t --w 1"),
    ("t --v; u", "v", "true", "t --v; u"),
    ("a `b --n 1` --n 2", "n", "3", "a `b --n 1` --n 3"),
    ("a ${X:-b --n} --n 2", "n", "3", "a ${X:-b --n} --n 3"),
    ("t --n $N", "n", "$(rm x)", "t --n '$(rm x)'"),
    ("t --n 1 \\\n  --m 2", "m", "3", "t --n 1 \\\n  --m 3"),
    ("t --é ü --lr 1", "lr", "2", "t --é ü --lr 2"),
]


@pytest.mark.parametrize(("text", "key", "value", "after"), TEXTS)
def test_a_shells_text(text: str, key: str, value: str, after: str):
    found = flags.put(("sh", "-c", text), key, value)
    assert found is not None
    assert found[0] == ("sh", "-c", after)


def test_a_shell_inside_a_command():
    command = ("env", "A=1", "/bin/bash", "-lc", "t --n 1", "name")
    assert flags.put(command, "n", "2") == (
        ("env", "A=1", "/bin/bash", "-lc", "t --n 2", "name"), "1",
    )  # fmt: skip
    assert flags.put(command, "A", "3") == (
        ("env", "A=3", "/bin/bash", "-lc", "t --n 1", "name"), "1",
    )  # fmt: skip
    assert flags.names(command) == ["A", "--n"]


@pytest.mark.parametrize(
    "command",
    [
        ("t",),
        ("lr=1",),
        ("t", "lr"),
        ("t", "--lrr", "1"),
        ("sh", "-c", "t 'unclosed --lr 3"),
        ("sh", "-c", "python <<E\nlr=1\nE"),
    ],
)
def test_what_is_not_there_is_not_found(command: tuple[str, ...]):
    assert flags.put(command, "lr", "1") is None


@pytest.mark.parametrize("command", ["t --lr 1 --lr 2", "t --lr 1 lr=2"])
def test_an_option_given_twice_is_refused(command: str):
    with pytest.raises(ValidationFailed, match="stands 2 times"):
        flags.put(command.split(), "lr", "3")
    with pytest.raises(ValidationFailed, match="stands 2 times"):
        flags.put(("sh", "-c", command), "lr", "3")


def test_a_switch_takes_no_value():
    with pytest.raises(ValidationFailed, match="--fast has no value"):
        flags.put(("t", "--fast", "--n", "1"), "fast", "7")


@pytest.mark.parametrize("value", ["true", "False"])
def test_what_may_be_a_switch_or_not_is_refused(value: str):
    with pytest.raises(ValidationFailed, match="cannot be told"):
        flags.put(("t", "--shuffle", "data.csv"), "shuffle", value)


ANYTHING = st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=8)


@settings(max_examples=50)
@given(st.lists(ANYTHING, max_size=5), ANYTHING)
def test_the_shell_gives_the_program_what_was_set(others: list[str], value: str):
    words = [word for word in others if not word.startswith("-") and "=" not in word]
    text = shlex.join(["printf", r"%s\0", *words, "--lr", "0.1", "end"])
    found = flags.put(("sh", "-c", text), "lr", value)
    assert found is not None
    said = subprocess.run(found[0], capture_output=True, check=True).stdout.decode()
    assert said.split("\0")[:-1] == [*words, "--lr", value, "end"]
