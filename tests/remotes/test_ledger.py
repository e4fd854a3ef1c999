"""Lists in git refs: what is read of them, and that nobody's line gets lost."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from git_datmo.model.pointer import Pointer
from git_datmo.remotes.gitwire import Wire
from git_datmo.remotes.ledger import MAX_LINE, Ledger, Line, format_list, now, parse
from git_datmo.storage.git import Git
from tests.kit.git import Repo

ROOT = "refs/datmo-store"


def pointer(number: int) -> Pointer:
    return Pointer(f"{number:032x}", f"{number:064x}", number)


@pytest.fixture
def server(tmp_path: Path) -> Repo:
    made = Repo.bare(tmp_path / "server.git")
    made.git("config", "receive.fsckObjects", "true")
    made.git("config", "receive.denyNonFastForwards", "true")
    return made


@pytest.fixture
def git(tmp_path: Path) -> Git:
    repo = Repo.init(tmp_path / "clone")
    return Git(repo.git_dir, repo.path)


def ledger(git: Git, server: Repo, folder: Path) -> Ledger:
    return Ledger(Wire(git, str(server.path)), folder)


def test_lines_are_added_and_dropped(git: Git, server: Repo, tmp_path: Path) -> None:
    one, two = (ledger(git, server, tmp_path / name) for name in "ab")
    one.add([Line(pointer(1), 10, {"sha256": "x"}), Line(pointer(2), 11, {})])
    two.add([Line(pointer(1), 12, {"sha256": "y"})])
    assert one.lines() == two.lines()
    assert [line.rest for line in two.lines()[pointer(1)]] == [{"sha256": "y"}, {"sha256": "x"}]
    one.add([Line(pointer(2), 13, {"note": "newer"})])
    assert [line.at for line in one.lines()[pointer(2)]] == [13]
    two.drop([pointer(2)])
    assert pointer(2) in two.lines()
    one.drop([pointer(1), pointer(2)])
    assert len(server.refs(ROOT)) == 1
    assert [line.rest for line in one.lines()[pointer(1)]] == [{"sha256": "y"}]
    server.git("fsck", "--strict")


def test_one_list_is_one_commit_without_parents(git: Git, server: Repo, tmp_path: Path) -> None:
    mine = ledger(git, server, tmp_path / "a")
    for number in range(3):
        mine.add([Line(pointer(number), number, {})])
    [ref] = server.refs(ROOT)
    assert server.git("rev-list", "--count", ref) == "1"
    assert server.git("ls-tree", "--name-only", ref) == "list"
    text = server.git("cat-file", "blob", f"{ref}:list")
    assert [json.loads(line)["size"] for line in text.splitlines()] == [0, 1, 2]


def test_nothing_new_pushes_nothing(git: Git, server: Repo, tmp_path: Path) -> None:
    mine = ledger(git, server, tmp_path / "a")
    mine.add([Line(pointer(1), 5, {})])
    before = server.refs(ROOT)
    mine.add([Line(pointer(1), 5, {})])
    mine.drop([pointer(9)])
    assert server.refs(ROOT) == before


@pytest.mark.parametrize("shared", [True, False])
def test_writers_at_once_lose_nothing(git: Git, server: Repo, tmp_path: Path, shared: bool) -> None:
    """As threads of one clone, and as clones of their own."""
    folders = [tmp_path / ("same" if shared else str(n)) for n in range(4)]

    def work(n: int) -> None:
        for step in range(3):
            ledger(git, server, folders[n]).add([Line(pointer(n * 10 + step), now(), {})])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    found = ledger(git, server, tmp_path / "reader").lines()
    assert set(found) == {pointer(n * 10 + step) for n in range(4) for step in range(3)}
    assert len(server.refs(ROOT)) == (1 if shared else 4)


def test_an_unchanged_list_is_not_fetched_again(git: Git, server: Repo, tmp_path: Path) -> None:
    mine = ledger(git, server, tmp_path / "a")
    mine.add([Line(pointer(1), 5, {})])
    assert mine.lines()
    trace = tmp_path / "trace"
    git.env["GIT_TRACE"] = str(trace)
    assert mine.lines()
    assert "ls-remote" in trace.read_text()
    assert "fetch" not in trace.read_text()


@given(st.binary(max_size=400))
def test_any_bytes_are_read_without_harm(data: bytes) -> None:
    assert isinstance(parse(data), dict)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=8,
)


@given(
    st.dictionaries(
        st.integers(0, 50), st.tuples(st.integers(0, 2**53), st.dictionaries(st.text(), VALUES))
    )
)
def test_what_is_written_is_what_is_read(lines: dict[int, tuple[int, dict[str, Any]]]) -> None:
    named = {"key", "blake3", "size", "at"}
    made = {
        pointer(n): Line(pointer(n), at, {k: v for k, v in rest.items() if k not in named})
        for n, (at, rest) in lines.items()
    }
    assert parse(format_list(made)) == made


GOOD = {"key": "0" * 32, "blake3": "0" * 64, "size": 0, "at": 5}


@pytest.mark.parametrize(
    "change",
    [
        {"key": "0" * 31},
        {"key": "A" * 32},
        {"key": None},
        {"key": ["0" * 32]},
        {"blake3": "../" + "0" * 61},
        {"blake3": 5},
        {"size": -1},
        {"size": 2**63},
        {"size": True},
        {"size": 1.0},
        {"size": "1"},
        {"at": -1},
        {"at": 2**53 + 1},
        {"at": True},
        {"at": None},
    ],
)
def test_a_line_that_breaks_the_grammar_is_passed_over(change: dict[str, Any]) -> None:
    good = {**GOOD, "key": "1" * 32}
    text = b"\n".join(json.dumps(line).encode() for line in ({**GOOD, **change}, good))
    assert [line.pointer.key for line in parse(text).values()] == ["1" * 32]


def test_a_line_of_endless_length_is_passed_over() -> None:
    assert parse(json.dumps({**GOOD, "x": "x" * MAX_LINE}).encode()) == {}
    assert parse(b"[" * 100_000) == {}
    assert parse(b'{"a":' * 50_000) == {}
