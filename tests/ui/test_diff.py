"""Comparisons: what falsy values, missing keys, NaN, renames and hostile patches look like."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from git_datmo.model.diff import MISSING, Change, FileChange, SnapshotDiff, compare_documents
from git_datmo.ui import patch
from git_datmo.ui.diff import render, to_dict
from tests.kit.git import Repo

NAN = float("nan")
A, B = "a" * 40, "b" * 40

DOCUMENTS = st.dictionaries(
    st.text(max_size=3),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
        ),
    ),
    max_size=4,
)


def shown(diff: SnapshotDiff, *, stat: bool = False, raw: bool = False) -> list[str]:
    return list(render(diff, color=False, width=None, stat=stat, raw=raw))


def test_leaves_are_compared_by_type_and_value() -> None:
    before = {"same": NAN, "lr": 0.1, "net": {"depth": 3, "gone": 0}, "b": True, "list": [1, NAN]}
    after = {"same": NAN, "lr": "0.1", "net": {"depth": 3}, "b": 1, "list": [1, NAN], "new": None}

    assert compare_documents(before, after) == (
        Change("lr", 0.1, "0.1", "changed"),
        Change("net.gone", 0, MISSING, "removed"),
        Change("b", True, 1, "changed"),
        Change("new", MISSING, None, "added"),
    )


def test_a_dot_in_a_key_is_not_a_level() -> None:
    changes = compare_documents({"a.b": 1}, {"a": {"b": 1}})

    assert [(change.key, change.kind) for change in changes] == [
        ('"a.b"', "removed"),
        ("a.b", "added"),
    ]


def test_a_dotted_key_that_misleads_nobody_is_not_quoted() -> None:
    assert compare_documents({"a.b": 1}, {})[0].key == "a.b"


def test_an_empty_dictionary_is_a_value() -> None:
    assert compare_documents({"a": {}}, {}) == (Change("a", {}, MISSING, "removed"),)


@given(DOCUMENTS, DOCUMENTS)
def test_comparing_back_mirrors(a: dict[str, object], b: dict[str, object]) -> None:
    assert compare_documents(a, a) == ()
    there, back = compare_documents(a, b), compare_documents(b, a)
    assert {(c.key, repr(c.before), repr(c.after)) for c in there} == {
        (c.key, repr(c.after), repr(c.before)) for c in back
    }


@pytest.mark.parametrize(
    ("before", "after", "delta"),
    [
        (1, 3, 2),
        (0.5, 0.25, -0.25),
        (True, 2, None),
        (1, "2", None),
        (NAN, 1.0, None),
        (float("inf"), float("inf"), None),
        (10**400, 0.5, None),
        (MISSING, 1, None),
    ],
)
def test_delta(before: object, after: object, delta: float | None) -> None:
    assert Change("k", before, after, "changed").delta == delta


def test_nothing_differs() -> None:
    diff = SnapshotDiff(A, B, environment_ids=("e" * 40, "e" * 40))

    assert diff.empty
    assert shown(diff) == ["no differences"]


def test_sections() -> None:
    diff = SnapshotDiff(
        A,
        B,
        environment=(FileChange("Dockerfile", "A", after_size=30),),
        environment_ids=(None, "e" * 40),
        files=(
            FileChange("data/x.bin", "M", 1024, 2048, "1", "2"),
            FileChange("y.bin", "M", 5, 5, "1", "2", 0o100644, 0o100755),
            FileChange("new\x1b.bin", "R", 5, 5, "1", "1", old_path="old.bin"),
        ),
        config=compare_documents({"zero": 0, "off": False}, {"zero": "", "lr": 0.1}),
        stats=compare_documents({"acc": 0.8, "n": 0}, {"acc": 0.9, "n": 4}),
        attributes=compare_documents({"label": "x"}, {"label": "y"}),
    )

    assert shown(diff) == [
        "Attributes",
        "  label  x -> y",
        "",
        "Environment",
        "  (none) -> eeeeeeeeeeee",
        "  A  Dockerfile  30 B",
        "",
        "Files",
        "  M  data/x.bin              1.0 KiB -> 2.0 KiB",
        "  M  y.bin                   5 B, other content  mode 100644 -> 100755",
        r"  R  old.bin -> new\x1b.bin  5 B",
        "",
        "Config",
        '  zero  0 -> ""',
        "  off   false -> (none)",
        "  lr    (none) -> 0.1",
        "",
        "Stats",
        "  acc  0.8 -> 0.9  (+0.1, +12.5%)",
        "  n    0 -> 4  (+4)",
    ]
    assert all(len(line) <= 20 for line in render(diff, color=False, width=20))


NAMES = ["kept.txt", "gone.txt", "tab\there é.txt", "\udcff.txt", "with space", "data.bin"]


@pytest.fixture
def edited(repo: Repo) -> str:
    """git's patch of edits and a deletion in files whose names git quotes."""
    before = ["one\n-- two\nthree\n", "x\n", "a\nb\n", "a\n", "a\n", "\0\1"]
    for name, text in zip(NAMES, before, strict=True):
        repo.write(name, text)
    repo.commit()
    after = ["one\n++ two\nthree\nfour", "", "a\n", "b\n", "b\n\x1b[31m\n", "\0\2"]
    for name, text in zip(NAMES, after, strict=True):
        repo.write(name, text)
    (repo.path / "gone.txt").unlink()
    return repo.git("diff", "--no-color", "HEAD") + "\n"


def test_lines_of_a_patch_are_counted_as_git_counts(repo: Repo, edited: str) -> None:
    numbers = {}
    for entry in repo.git("diff", "--numstat", "-z", "HEAD").split("\0")[:-1]:
        added, removed, name = entry.split("\t", 2)
        if added != "-":
            numbers[name] = (int(added), int(removed))

    counts = patch.count(edited)

    assert {name: (c.added, c.removed) for name, c in counts.items()} == numbers
    assert set(numbers) == set(NAMES) - {"data.bin"}


def test_a_patch_is_shown_as_git_wrote_it_but_for_controls(edited: str) -> None:
    diff = SnapshotDiff(A, B, code=(FileChange("kept.txt", "M"),), code_patch=edited)

    assert shown(diff, raw=True) == ["Code", *edited.removesuffix("\n").split("\n")]
    escaped = "\n".join(shown(diff))
    assert "\x1b" not in escaped
    assert r"+\x1b[31m" in escaped
    coloured = list(render(diff, color=True, width=None))
    assert "\x1b[31m--- two\x1b[0m" in coloured
    assert "\x1b[32m+++ two\x1b[0m" in coloured
    assert "\x1b[1m--- a/kept.txt\x1b[0m" in coloured


def test_stat_sums_up(edited: str) -> None:
    code = [FileChange(name, "M", 2, 2, "1", "2") for name in sorted(NAMES)]
    code.append(FileChange("run.sh", "M", 2, 2, "1", "1", 0o100644, 0o100755))
    diff = SnapshotDiff(A, B, code=tuple(code), code_patch=edited)

    assert shown(diff, stat=True) == [
        "Code",
        "  data.bin        | Bin 2 B, other content",
        "  gone.txt        |   1 -",
        "  kept.txt        |   3 ++-",
        r"  tab\there é.txt |   1 -",
        "  with space      |   3 ++-",
        r"  \xff.txt        |   2 +-",
        "  run.sh          |   0  mode 100644 -> 100755",
        "  7 files changed, 5(+), 5(-)",
    ]


def test_without_a_patch_code_is_listed() -> None:
    diff = SnapshotDiff(A, B, code=(FileChange("a.py", "A", after_size=3, after_digest="1"),))

    assert shown(diff)[0] == "Code"
    assert "a.py" in shown(diff)[1]


def test_bars_are_scaled() -> None:
    lines = "".join(f"+{number}\n" for number in range(1000))
    text = f"diff --git a/a b/a\n--- a/a\n+++ b/a\n@@ -0,0 +1,1000 @@\n{lines}"
    diff = SnapshotDiff(A, B, code=(FileChange("a", "M"),), code_patch=text)

    assert shown(diff, stat=True)[1] == f"  a | 1000 {'+' * 40}"


def test_to_dict_tells_absent_from_null() -> None:
    diff = SnapshotDiff(
        A,
        B,
        files=(FileChange("b", "R", 5, 6, "1", "2", 0o100644, 0o100755, "a"),),
        config=compare_documents({"gone": None}, {"lr": 1}),
        stats=compare_documents({"n": 1}, {"n": 3}),
    )
    whole = to_dict(diff)

    assert whole["config"] == [
        {"key": "gone", "kind": "removed", "before": None},
        {"key": "lr", "kind": "added", "after": 1},
    ]
    change = {"key": "n", "kind": "changed", "before": 1, "after": 3, "delta": 2, "percent": 200.0}
    assert whole["stats"] == [change]
    assert whole["files"] == [
        {
            "path": "b",
            "status": "R",
            "old_path": "a",
            "before": {"size": 5, "digest": "1", "mode": "100644"},
            "after": {"size": 6, "digest": "2", "mode": "100755"},
        }
    ]
    assert whole["empty"] is False
