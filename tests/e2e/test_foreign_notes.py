"""Notes of strangers: what is too large or no note is left out, and told; the rest holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from git_datmo.records import layout
from git_datmo.storage.notes import MAX_NOTE
from tests.e2e.team import Team, snap, state
from tests.kit.program import datmo

STRANGER = "0123456789abcdef"


@pytest.fixture
def team(tmp_path: Path) -> Team:
    return Team(tmp_path)


def forge(team: Team, target: str, note: bytes) -> None:
    """A chain of a clone that never was, with one note, on the hub."""
    origin = team.origin
    (origin.path / "note").write_bytes(note)
    blob = origin.git("hash-object", "-w", "note")
    folder = origin.git("mktree", input=f"100644 blob {blob}\t{target[2:]}\n")
    tree = origin.git("mktree", input=f"040000 tree {folder}\t{target[:2]}\n")
    commit = origin.git("commit-tree", tree, input=layout.NOTES_MESSAGE)
    origin.git("update-ref", layout.notes_ref(STRANGER), commit)


def line(at: int) -> bytes:
    return b'{"at":%d,"by":"A <a@example.com>","clone":"%s","set":{"label":"theirs"}}' % (
        at,
        STRANGER.encode(),
    )


def test_a_note_too_large_to_be_one(team: Team) -> None:
    maker = team.clone("maker")
    oid = snap(maker, "mine", "--label", "mine")
    datmo("push", cwd=maker.path)
    forge(team, oid, line(2**53 - 1) + b"\n" + b" " * MAX_NOTE)
    datmo("pull", cwd=maker.path)
    assert state(maker)[oid]["label"] == "mine"
    found = datmo("fsck", cwd=maker.path, check=False)
    assert found.code == 5
    assert f"more than {MAX_NOTE}" in found.stdout + found.stderr
    maker.write("more", "more")
    snap(maker, "goes on")


@pytest.mark.parametrize(
    "note",
    [b"", b"\n\n\n", b"not json\n", b"[" * 5000 + b"\n", b'{"at":1}\n', b"\xff\xfe\n"],
    ids=["empty", "blank", "text", "deep", "short", "bytes"],
)
def test_what_is_no_note_harms_nobody(team: Team, note: bytes) -> None:
    maker = team.clone("maker")
    oid = snap(maker, "mine", "--label", "mine")
    datmo("push", cwd=maker.path)
    forge(team, oid, note)
    datmo("pull", cwd=maker.path)
    assert state(maker)[oid]["label"] == "mine"
    forge(team, oid, note + line(2**53 - 1) + b"\n")
    datmo("pull", cwd=maker.path)
    assert state(maker)[oid]["label"] == "theirs"
