"""A comparison of two runs as people and programs get it."""

from __future__ import annotations

import json
from dataclasses import replace

from git_datmo.model.comparison import Comparison, Content, compare
from git_datmo.model.run import Facts, Run
from git_datmo.ui.comparison import render, to_dict

BEFORE = Facts(
    "a" * 32,
    status="success",
    exit_code=0,
    results={"accuracy": 0.97, "gone": 3},
    stats={"seconds": 1.0},
)
AFTER = replace(
    BEFORE,
    id="b" * 32,
    status="failed",
    exit_code=1,
    results={"accuracy": 0.96, "\x1b[31mnew": "x"},
    stats={"seconds": 1.001},
)
FILES = (
    {"model.bin": Content("1", 1200, 0o100644), "same": Content("2", 3), "lost": Content("3", 5)},
    {"model.bin": Content("4", 1200, 0o100644), "same": Content("2", 3), "run\n.sh": Content("5")},
)


def shown(comparison: Comparison, *, details: bool = False, width: int | None = None) -> list[str]:
    return list(render(comparison, color=False, width=width, details=details))


def test_differences_are_listed():
    found = compare(Run(BEFORE), Run(AFTER), FILES, rtol=0.01, ignore=["files:lost"])
    assert shown(found) == [
        "bbbbbbbbbbbb repeats aaaaaaaaaaaa: different",
        "Outcome",
        "  Status     success -> failed",
        "  Exit code  0 -> 1",
        "Results   0 of 3 equal",
        r"  accuracy     0.97 -> 0.96  (-0.01, -1.031%)",
        r"  gone         3 -> (none)",
        r"  \x1b[31mnew  (none) -> x",
        "Stats     1 of 1 equal, 1 of them within the tolerance",
        "Files     1 of 3 equal, 1 ignored",
        "  different  model.bin  1.2 KiB, other content",
        r"  extra      run\n.sh",
    ]


def test_what_is_the_same_is_said_in_few_lines():
    run = Run(replace(BEFORE, metrics={}))
    assert shown(compare(run, run, (FILES[0], FILES[0]))) == [
        "aaaaaaaaaaaa repeats aaaaaaaaaaaa: the same",
        "Outcome   success, exit code 0, both times",
        "Results   2 of 2 equal",
        "Stats     1 of 1 equal",
        "Files     3 of 3 equal",
    ]


def test_a_result_that_is_a_stat_too_is_said_once():
    before = replace(BEFORE, results={"seconds": 3}, stats={"seconds": 3, "other": 1})
    after = replace(before, results={"seconds": 4}, stats={"seconds": 4, "other": 2})
    assert shown(compare(Run(before), Run(after)))[2:] == [
        "Results   0 of 1 equal",
        "  seconds  3 -> 4  (+1, +33.33%)",
        "Stats     0 of 2 equal",
        "  other  1 -> 2  (+1, +100%)",
    ]


def test_details_name_the_equal_files_and_the_near_numbers():
    found = compare(Run(BEFORE), Run(replace(BEFORE, stats={"seconds": 1.001})), FILES, rtol=0.01)
    lines = shown(found, details=True)
    assert "  seconds  1.0 -> 1.001  (+0.001, +0.1%)" in lines
    assert "  equal      same       3 B" in lines
    assert not any("seconds" in line for line in shown(found))


def test_modes_sizes_and_colours():
    files = (
        {"a": Content("1", 10, 0o100644), "b": Content("1", 10)},
        {"a": Content("1", 10, 0o100755), "b": Content("2", 2048)},
    )
    found = compare(Run(BEFORE), Run(BEFORE), files)
    assert shown(found)[-2:] == [
        "  different  a  mode 100644 -> 100755",
        "  different  b  10 B -> 2.0 KiB",
    ]
    assert "\x1b[1;31m" in next(iter(render(found, color=True, width=None)))


def test_lines_fit_the_terminal():
    run = Run(replace(BEFORE, results={"k" * 200: "v" * 200}))
    assert all(len(line) <= 40 for line in shown(compare(run, Run(AFTER)), width=40))


def test_json_has_both_sides_and_only_what_is_there():
    found = compare(Run(BEFORE), Run(AFTER), FILES, rtol=0.01)
    whole = json.loads(json.dumps(to_dict(found)))
    assert whole["equal"] is False
    assert whole["outcome"][0] == {
        "key": "status", "kind": "changed", "before": "success", "after": "failed",
    }  # fmt: skip
    assert whole["results"]["different"][1] == {"key": "gone", "kind": "removed", "before": 3}
    assert whole["stats"]["near"][0]["key"] == "seconds"
    assert whole["files"][0] == {
        "path": "lost", "kind": "missing", "before": {"digest": "3", "size": 5},
    }  # fmt: skip
    assert whole["files"][1]["before"]["mode"] == "100644"
