"""The page of the docs names every place where a definition file is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from git_datmo.environments.detect import RULES

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "environments.md"
COLUMNS = {"always": 2, "declares": 3, "locked": 3, "beside": 4}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.pattern)
def test_every_rule_stands_in_its_row_and_column(rule):
    rows = [line.split("|") for line in PAGE.read_text("utf-8").splitlines()]
    (row,) = [row for row in rows if len(row) > 4 and row[1].strip() == f"`{rule.kind}`"]
    cell = row[COLUMNS[rule.counts]].replace("`, ", "`,").split(",")

    mark = " †" if rule.counts == "locked" else ""
    assert f"`{rule.pattern}`{mark}" in [entry.strip() for entry in cell]


def test_the_page_has_the_order_of_kinds():
    text = PAGE.read_text("utf-8")
    kinds = list(dict.fromkeys(rule.kind for rule in RULES))
    assert kinds == sorted(kinds, key=lambda kind: text.index(f"\n| `{kind}` |"))
