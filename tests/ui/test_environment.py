"""How an environment is shown: all of it is safe for a terminal."""

from __future__ import annotations

from datetime import UTC, datetime

from git_datmo.model.environment import Environment
from git_datmo.ui import environment as ui

ID = "0123456789abcdef0123456789abcdef01234567"
WHEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def shown(**fields: object) -> list[str]:
    return list(ui.block(Environment(ID, "docker", ("Dockerfile",), **fields)))  # type: ignore[arg-type]


def test_a_whole_one():
    assert shown(
        name="slim",
        description="for all\n\nof us",
        created_at=WHEN,
        current=True,
        packages=("a==1", "b==2"),
        contents=(("Dockerfile", b"FROM x\n\nRUN y\n"),),
    ) == [
        f"environment {ID} (name: slim)",
        "Date: Fri Jan 02 03:04:05 2026 +0000",
        "",
        "Kind     -> docker",
        "Packages -> 2",
        "Current  -> True",
        "",
        "    for all",
        "",
        "    of us",
        "",
        "Dockerfile",
        "    FROM x",
        "",
        "    RUN y",
    ]


def test_a_bare_one_that_only_snapshots_have():
    lines = shown(kept=False)
    assert lines[0] == f"environment {ID}"
    assert lines[-1].startswith("Kept     -> False")


def test_nothing_in_it_reaches_the_terminal_as_it_is():
    evil = "\x1b[31m\u202e"
    lines = shown(name=evil, description=evil, contents=((f"a{evil}", f"{evil}\n".encode()),))
    assert not [line for line in lines if "\x1b" in line or "\u202e" in line]
    title = ui.title(Environment(ID, "docker", (), name=evil))
    assert "\x1b" not in title


def test_long_files_and_binary_ones_are_cut():
    lines = shown(contents=(("a", b"x\n" * 1000), ("b", b"\0" * 1000)))
    assert len(lines) < 60
    assert "    … and 960 more lines" in lines
    assert "    1000 bytes" in lines


def test_rows_and_documents():
    found = Environment(ID, "docker", ("Dockerfile",), name="slim", created_at=WHEN, current=True)
    assert ui.row(found, exact=False) == {
        "id": ID[:12],
        "name": "slim",
        "kind": "docker",
        "description": None,
        "created at": "2026-01-02 03:04",
        "current": "yes",
    }
    exact = ui.row(found, exact=True)
    assert (exact["id"], exact["created at"]) == (ID, "2026-01-02T03:04:05+00:00")
    assert ui.to_dict(found)["created_at"] == "2026-01-02T03:04:05+00:00"
    assert "contents" not in ui.to_dict(found)
