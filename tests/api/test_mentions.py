"""Resources that a run names, each once."""

from __future__ import annotations

import time

from git_datmo.api.mentions import Mentions


def test_each_is_kept_once_and_an_own_name_says_the_newest():
    first = {"kind": "artifact", "id": "a" * 40, "path": "one"}
    found = Mentions([first, {**first, "path": "two"}])
    branch = {"kind": "branch", "name": "main"}
    for said in (
        {"kind": "artifact", "id": "a" * 40},
        branch,
        dict(branch),
        {"kind": "artifact", "id": "b" * 40, "alternative_name": "w"},
        {"kind": "model", "id": "a" * 40},
        {"kind": "artifact", "id": "c" * 40, "alternative_name": "w"},
    ):
        found.add(said)
    assert [(each.get("id", "")[:1], each["kind"], each.get("path")) for each in found.all] == [
        ("a", "artifact", "one"),
        ("a", "artifact", "two"),
        ("", "branch", None),
        ("a", "model", None),
        ("c", "artifact", None),
    ]


def test_ten_thousand_take_no_longer_than_each_of_them():
    found, begun = Mentions(), time.process_time()
    for number in range(10_000):
        found.add({"kind": "dataset", "id": f"d{number}", "alternative_name": f"n{number}"})
    assert len(found.all) == 10_000
    assert time.process_time() - begun < 2
