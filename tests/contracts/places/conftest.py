"""The places that the suite is run with; each adapter's server lives in tests/kit."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from git_datmo.model.pointer import Pointer
from git_datmo.remotes.directory import Directory
from git_datmo.storage.store import Store
from tests.contracts.places.ground import Ground


@pytest.fixture
def directory_ground(tmp_path: Path) -> Ground:
    folder = tmp_path / "server" / "store"

    def there(pointer: Pointer) -> Path:
        return next(path for path in Store(folder).candidates(pointer) if path.exists())

    def damage(pointer: Pointer, data: bytes) -> None:
        path = there(pointer)
        os.chmod(path, 0o644)
        path.write_bytes(data)

    def litter() -> list[str]:
        found = [path for path in folder.rglob("*") if path.is_file()]
        return [str(path) for path in found if len(path.parent.name) != 2 and path.name != "lock"]

    def unreachable() -> Directory:
        (tmp_path / "a file").write_text("no folder can be made below this")
        return Directory(tmp_path / "a file" / "store")

    return Ground(
        "directory",
        tmp_path,
        make=lambda: Directory(folder),
        damage=damage,
        lose=lambda pointer: there(pointer).unlink(),
        litter=litter,
        unreachable=unreachable,
    )


# A kind of place is added by its name and the fixture `<name>_ground`.
PLACES = ["directory", "objectstore", "google", "lfs", "gitrefs", "ssh"]


@pytest.fixture(params=PLACES)
def ground(request: pytest.FixtureRequest) -> Ground:
    """A place, by the fixture `<name>_ground`."""
    made: Ground = request.getfixturevalue(f"{request.param}_ground")
    return made
