"""Every command that prints facts prints them as one JSON document when it is asked to."""

from __future__ import annotations

from tests.kit.program import datmo


def test_one_document_each(repo):
    assert datmo("init", "--force", "--json").json()["created"] is True
    (repo.path / "a.txt").write_text("a")
    made = datmo("snapshot", "-m", "one", "--json").json()
    assert made["new"] is True
    assert datmo("session", "create", "exp", "--json").json()["current"] is True
    assert datmo("session", "select", "default", "--json").json()["name"] == "default"
    assert datmo("session", "update", "exp", "--name", "tries", "--json").json()["name"] == "tries"
    assert datmo("session", "delete", "tries", "--json").json()["snapshots"] == 0
    assert datmo("snapshot", "update", made["id"], "-l", "x", "--json").json()["label"] == "x"
    assert datmo("snapshot", "delete", "x", "--json").json()["deleted"] is True
    assert datmo("status", "--json").json()["initialized"] is True
    assert datmo("version", "--json").json()["version"]
    assert datmo("fsck", "--fast", "--json").json()["ok"] is True
    assert "removed .git/datmo" in datmo("cleanup", "--yes", "--json").json()["removed"]
