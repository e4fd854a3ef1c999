"""What pages promise is shown by tests that are there."""

from __future__ import annotations

import pytest

from tests.docs.named import NAMED, ROOT, missing

PAGES = ("docs/explanation/security.md", "docs/explanation/reliability.md")


@pytest.mark.parametrize("page", PAGES)
def test_every_named_test_is_there(page: str):
    text = (ROOT / page).read_text()
    assert NAMED.search(text)
    assert missing(text) == []


def test_each_threat_has_a_test():
    text = (ROOT / "docs/explanation/security.md").read_text()
    rows = [line for line in text.splitlines() if line.startswith("| ") and "---" not in line]
    threats = [row for row in rows if row.split("|")[1].strip().isdigit()]
    assert [int(row.split("|")[1]) for row in threats] == list(range(1, len(threats) + 1))
    assert len(threats) >= 20
    assert [row for row in threats if not NAMED.search(row)] == []


def test_what_is_not_there_is_missed():
    here = "tests/docs/test_named_tests.py::test_what_is_not_there_is_missed"
    inside = "tests/ui/web/test_guard.py::TestProgram::test_no_such_thing"
    gone = "tests/docs/test_named_tests.py::test_gone"
    nowhere = "tests/nowhere.py::test_x"
    assert missing(f"`{here}`, {gone}; [{nowhere}] {gone} {inside}") == [gone, nowhere, inside]
