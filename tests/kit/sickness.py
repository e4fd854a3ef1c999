"""A project that is made ill on purpose, and what doctor says of it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from git_datmo.api import location
from git_datmo.api.doctor import doctor
from git_datmo.api.fsck import fsck
from git_datmo.api.user import User
from git_datmo.cli.project import program
from git_datmo.model.checkup import LEFT, MENDABLE, MENDED, REMARK, Ailment, Checkup
from git_datmo.records import layout
from git_datmo.storage import aside
from tests.kit.checks import assert_git_clean, facts
from tests.kit.git import Repo

DAY = 86_400


def look(repo: Repo, *, dry: bool = False, full: bool = False) -> Checkup:
    """What doctor finds, and unless `dry` mends."""
    found = location.find(repo.path, tidy=False)
    user = User(dict(os.environ))
    return doctor(found, dry_run=dry, full=full, program=program(), user=user)


def files(folder: Path) -> dict[str, str]:
    """Everything below a folder with its mode, time and content, folders too."""
    found = {}
    for here, folders, names in os.walk(folder):
        for name in (".", *folders, *names):
            path = Path(here, name)
            found[os.path.relpath(path, folder)] = facts(path)
    return found


@contextmanager
def unchanged(folder: Path) -> Iterator[None]:
    """Nothing below a folder is made, written, removed or put in another's place."""
    before = files(folder)
    yield
    after = files(folder)
    changed = {n for n in before.keys() | after.keys() if before.get(n) != after.get(n)}
    assert changed == set(), changed


def old(path: Path, seconds: float = 8 * DAY) -> Path:
    """Make a file or folder look as if nobody had touched it for so long."""
    then = time.time() - seconds
    os.utime(path, (then, then), follow_symlinks=False)
    return path


def told(found: Checkup) -> list[Ailment]:
    """What needs something to be done, or needed it: no remarks."""
    return [one for one in found.ailments if one.state != REMARK]


def assert_named(repo: Repo, subjects: list[str], *, full: bool = False) -> None:
    """A dry run names exactly these, each by the end of its subject, and changes nothing."""
    with unchanged(repo.path):
        found = told(look(repo, dry=True, full=full))
    assert {one.state for one in found} <= {MENDABLE, LEFT}
    unnamed = [s for s in subjects if not any(one.subject.endswith(s) for one in found)]
    assert unnamed == [], [one.subject for one in found]
    assert len(found) == len(subjects), [(one.subject, one.message) for one in found]


def assert_cured(repo: Repo, subjects: list[str], *, full: bool = False) -> Checkup:
    """A dry run names these, doctor mends them, and nothing is left to find for anybody."""
    assert_named(repo, subjects, full=full)
    done = look(repo, full=full)
    assert done.ok, told(done)
    assert {one.state for one in told(done)} == {MENDED}, told(done)
    assert len(told(done)) == len(subjects), told(done)
    assert_well(repo, full=full)
    return done


def assert_well(repo: Repo, *, full: bool = False) -> None:
    """Doctor finds nothing and changes nothing; git and fsck find nothing either."""
    with unchanged(repo.git_dir):
        found = told(look(repo, full=full))
    assert found == [], found
    assert fsck(location.find(repo.path, tidy=False), fast=not full).findings == ()
    assert_git_clean(repo)


def home(repo: Repo) -> Path:
    """Our own folder."""
    return repo.git_dir / "datmo"


def kept_aside(repo: Repo) -> set[str]:
    """What was put aside, without the date."""
    room = home(repo) / aside.ROOM
    return {
        "/".join(path.relative_to(room).parts[1:]) for path in room.rglob("*") if path.is_file()
    }


def own_ref(repo: Repo) -> str:
    """The ref of the clone's own notes."""
    [name] = repo.refs(layout.NOTES)
    return name


def touched(path: Path) -> Path:
    """An empty file, with its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path
