"""`snapshot inspect` and `snapshot diff`, and how a snapshot is named."""

from __future__ import annotations

import pytest

from tests.kit.git import Repo
from tests.kit.program import datmo


@pytest.fixture
def ids(project: Repo) -> list[str]:
    """Two snapshots that differ in everything; theirs ids, oldest first."""
    made = []
    for n in (1, 2):
        project.write("code.py", f"x = {n}\n")
        project.write("requirements.txt", f"numpy=={n}\n")
        project.git("add", "code.py")
        project.write("data.bin", bytes([n]) * 2_000_000)
        flags = ["-c", f"lr:{n}", "-s", f"acc:0.{n}", "-l", f"label{n}"]
        made.append(datmo("snapshot", "create", "-m", f"no {n}", *flags, "--json").json()["id"])
    return made


def named(name: str) -> str:
    found: str = datmo("snapshot", "inspect", name, "--json").json()["id"]
    return found


def test_every_way_to_name_one(project: Repo, ids: list[str]):
    assert named(ids[0]) == named(ids[0][:12]) == named(ids[0].upper()) == named("label1") == ids[0]
    assert named("latest") == named("label2") == ids[1]
    datmo("snapshot", "checkout", "label1")
    assert named("@{-1}") == ids[1]
    assert datmo("snapshot", "show", "label1").stdout == datmo("snapshot", "inspect", ids[0]).stdout


def test_inspect_shows_everything(project: Repo, ids: list[str]):
    shown = datmo("snapshot", "inspect", "latest").stdout
    for text in (ids[1], "(label: label2)", "lr: 2", "acc: 0.2", "data.bin", "no 2", "default"):
        assert text in shown


@pytest.mark.parametrize("verb", ["inspect", "checkout", "delete"])
def test_unknown_and_ambiguous_names(project: Repo, ids: list[str], verb: str):
    done = datmo("snapshot", verb, "feedbeef", check=False)
    assert (done.code, "feedbeef" in done.stderr, done.stdout) == (3, True, "")
    datmo("snapshot", "update", "label2", "--label", "label1")
    done = datmo("snapshot", verb, "label1", check=False)
    assert done.code == 3
    assert all(oid[:12] in done.stderr for oid in ids), "the candidates are named"


def test_diff_shows_all_five(project: Repo, ids: list[str]):
    found = datmo("snapshot", "diff", *ids, "--json").json()
    assert [file["path"] for file in found["code"]["files"]] == ["code.py"]
    assert "-x = 1\n+x = 2\n" in found["code"]["patch"]
    assert {file["path"] for file in found["files"]} == {"data.bin", "requirements.txt"}
    assert found["environment"]["before"] != found["environment"]["after"]
    (config,) = found["config"]
    assert (config["key"], config["before"], config["after"]) == ("lr", 1, 2)
    assert (config["delta"], config["percent"]) == (1, 100)
    assert found["stats"][0]["key"] == "acc"
    text = datmo("snapshot", "diff", ids[0]).stdout
    assert "+x = 2" in text
    assert "1 -> 2  (+1, +100%)" in text
    assert "+x = 2" not in datmo("snapshot", "diff", *ids, "--stat").stdout


def test_diff_exit_code(project: Repo, ids: list[str]):
    assert datmo("snapshot", "diff", *ids).code == 0
    assert datmo("snapshot", "diff", *ids, "--exit-code", check=False).code == 1
    assert datmo("snapshot", "diff", ids[0], ids[0], "--exit-code").code == 0
