"""The block of one snapshot, and the whole of `status`."""

from __future__ import annotations

from git_datmo.ui.snapshot import block, line
from git_datmo.ui.status import render

ID = "0123456789abcdef0123456789abcdef01234567"
SNAPSHOT = {
    "id": ID,
    "label": "best",
    "created": 1795231320_000,
    "session": "default",
    "visible": True,
    "author": "Ada Lovelace <ada@example.com>",
    "parent": None,
    "code_id": "c" * 40,
    "environment_id": "e" * 40,
    "file_collection_id": "f" * 40,
    "config": {"lr": 0.1, "tag": "0.1", "off": False},
    "stats": {},
    "message": "first line\n\n\x1b]0;owned\x07 \tthird\n",
    "files": [{"path": "x\udcff.bin", "size": 2048}, {"path": "y"}, {"path": "z"}],
    "deleted": False,
}


def test_block() -> None:
    assert list(block(SNAPSHOT, files=2)) == [
        f"snapshot {ID} (label: best)",
        "Date: Sat Nov 21 03:22:00 2026 +0000",
        "",
        "Session     -> default",
        "Visible     -> True",
        "Author      -> Ada Lovelace <ada@example.com>",
        f"Code        -> {'c' * 40}",
        f"Environment -> {'e' * 40}",
        f"Files       -> {'f' * 40}",
        r"               x\xff.bin (2.0 KiB)",
        "               y",
        "               … and 1 more",
        "Config      -> lr: 0.1",
        '               tag: "0.1"',
        "               off: false",
        "",
        "    first line",
        "",
        "    \\x1b]0;owned\\x07 \tthird",
    ]


def test_block_of_a_bare_deleted_snapshot_in_colour() -> None:
    lines = list(block({"id": ID, "deleted": True, "visible": False}, color=True))

    assert lines == [
        f"\x1b[33msnapshot {ID}\x1b[0m (\x1b[31mdeleted\x1b[0m)",
        "",
        "Visible     -> False",
    ]


def test_line() -> None:
    assert line(SNAPSHOT) == ("snapshot 0123456789ab (label: best)  2026-11-21 03:22  first line …")


def test_status_of_a_project_at_work() -> None:
    status = {
        "initialized": True,
        "project": {"name": "churn", "description": "who leaves", "id": "p"},
        "session": "default",
        "current": SNAPSHOT,
        "unsaved": {"code": [f"{n}.py" for n in range(12)], "environment": [], "files": ["a\n"]},
        "latest_user": SNAPSHOT,
        "latest_automatic": {"id": "f" * 40, "created": 1795231320_000, "message": ""},
        "running": [{"id": "r" * 40, "command_text": "python train.py", "started": 1795231320_000}],
        "hidden": {"automatic": 4, "deleted": 0},
        "warnings": ["the hook is gone\x07"],
    }

    assert list(render(status)) == [
        "project churn: who leaves",
        "session default",
        "",
        "on snapshot 0123456789ab (label: best)  2026-11-21 03:22  first line …",
        "unsaved changes since this snapshot:",
        "  code has been changed (12):",
        *(f"    {n}.py" for n in range(10)),
        "    … and 2 more",
        "  files have been changed (1):",
        r"    a\n",
        "",
        "latest by a person: snapshot 0123456789ab (label: best)  2026-11-21 03:22  first line …",
        "automatic:          snapshot ffffffffffff  2026-11-21 03:22",
        "hidden: 4 automatic ('git datmo snapshot ls --all' shows them)",
        "",
        "running:",
        "  rrrrrrrrrrrr  2026-11-21 03:22  python train.py",
        "",
        r"warning: the hook is gone\x07",
    ]


def test_status_at_the_beginning() -> None:
    unsaved: dict[str, list[str]] = {"code": [], "environment": [], "files": []}
    status = {"initialized": True, "project": {"name": "p"}, "current": None, "unsaved": unsaved}

    assert list(render(status)) == [
        "project p",
        "",
        "nothing to save",
        "",
        "no snapshots created yet",
    ]
    assert list(render({"initialized": False, "warnings": ["w"]})) == [
        "no project here yet: run 'git datmo init'",
        "",
        "warning: w",
    ]


def test_a_saved_state_says_so() -> None:
    lines = list(render({"project": {"name": "p"}, "current": SNAPSHOT, "unsaved": {"code": []}}))

    assert "all changes have been saved" in lines
