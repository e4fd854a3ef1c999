"""Views of artifacts are made again when they are asked for: gc takes those that nobody uses."""

from __future__ import annotations

import os
from pathlib import Path

from git_datmo.api import artifact, gc, location
from git_datmo.records import flights
from tests.kit.git import Repo


def test_a_view_that_nobody_asked_for_goes_and_comes_again(project: Repo) -> None:
    found = location.find(project.path)
    (project.path / "weights").write_bytes(b"w" * 3000)
    made = artifact.create(found, name="model", paths=[project.path / "weights"])
    view = Path(artifact.get(found, artifact="model").path)
    assert (view / "weights").read_bytes() == b"w" * 3000
    assert gc.gc(found).rows == ()
    os.utime(view.parent, (1, 1))
    litter = view.parent.with_name(".new-1")
    litter.mkdir()
    os.utime(litter, (1, 1))
    flight = flights.create(found)
    flight.write({"used": [{"kind": "artifact", "id": made.id}]})
    assert [Path(row.name) for row in gc.gc(found, dry_run=True).rows] == [litter]
    flight.discard()
    freed = gc.gc(found, dry_run=True)
    assert {row.kind for row in freed.rows} == {"view"}
    assert view.is_dir()
    assert sum(row.size for row in gc.gc(found).rows) >= 3000
    assert list(litter.parent.iterdir()) == []
    assert Path(artifact.get(found, artifact=made.id).path) == view
    assert (view / "weights").stat().st_mode & 0o222 == 0


def test_a_view_that_somebody_wrote_to_is_made_again(project: Repo) -> None:
    found = location.find(project.path)
    (project.path / "weights").write_bytes(b"w" * 3000)
    artifact.create(found, name="model", paths=[project.path / "weights"])
    view = Path(artifact.get(found, artifact="model").path)
    weights = view / "weights"
    inode = weights.stat().st_ino
    assert Path(artifact.get(found, artifact="model").path) == view
    assert weights.stat().st_ino == inode, "it is made once"
    weights.chmod(0o644)
    weights.write_bytes(b"x" * 3000)
    os.utime(weights, (1, 1))
    artifact.get(found, artifact="model")
    assert weights.read_bytes() == b"w" * 3000
    (view / "more").write_text("more")
    artifact.get(found, artifact="model")
    assert sorted(path.name for path in view.iterdir()) == ["weights"]
