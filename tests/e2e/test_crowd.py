"""Many clones of one hub at once, and a hub whose disk is full or cannot be written."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.e2e.team import GLOB, Team, large, push_plainly, snap, state, update
from tests.kit.checks import assert_clean, assert_git_clean
from tests.kit.git import Repo
from tests.kit.program import datmo

CROWD = 10


def content(hub: Path) -> dict[str, int]:
    """What a hub's store holds, by name, with sizes; half-written files too."""
    store = hub / "datmo" / "store"
    files = [path for path in store.rglob("*") if path.is_file() and path.stat().st_size]
    return {os.fspath(path.relative_to(store)): path.stat().st_size for path in files}


def test_ten_clones_push_at_once_and_all_have_all(tmp_path: Path) -> None:
    team = Team(tmp_path)
    clones = [team.clone(f"clone{number}") for number in range(CROWD)]
    datmo("snapshot", "create", "-m", "shared", cwd=clones[0].path)
    datmo("push", cwd=clones[0].path)
    [shared] = state(clones[0])

    def work(number: int) -> list[str]:
        """Two rounds: its own snapshots, a note on the shared one, a push of either kind."""
        repo, made = clones[number], []
        repo.git("fetch", "-q")
        for turn in range(2):
            # Half of the large files are the same in two clones.
            repo.write("large.bin", large(number // 2 if turn else 100 + number))
            made.append(snap(repo, f"{number}.{turn}", "--stats", f'{{"own": {number}}}'))
            update(repo, shared, "--stats", f'{{"n{number}.{turn}": 1}}')
            if (number + turn) % 2:
                datmo("push", cwd=repo.path)
            else:
                push_plainly(repo)
        return made

    with ThreadPoolExecutor(CROWD) as pool:
        made = {oid for done in pool.map(work, range(CROWD)) for oid in done}
        list(pool.map(lambda repo: datmo("pull", "--content", cwd=repo.path), clones))
    assert len(made) == 2 * CROWD
    states = [state(repo) for repo in clones]
    assert states[0].keys() == made | {shared}
    assert all(other == states[0] for other in states)
    stats = states[0][shared]["stats"]
    assert len([key for key in _flat(stats) if key.startswith("n")]) == 2 * CROWD
    assert len(content(team.origin.path)) == CROWD + CROWD // 2
    for repo in clones[::4]:
        assert_clean(repo)
        assert len(list((repo.git_dir / "datmo" / "store").glob("??/*"))) == CROWD + CROWD // 2
    assert_git_clean(team.origin)


def _flat(stats: dict[str, object]) -> list[str]:
    """Keys as they were given: a dot makes a level."""
    found = []
    for key, value in stats.items():
        below = _flat(value) if isinstance(value, dict) else [""]
        found += [f"{key}.{rest}" if rest else key for rest in below]
    return found


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 6 MiB."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(place)]
    if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("file systems cannot be mounted here")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def push_datmo(repo: Repo) -> tuple[int, str]:
    done = datmo("push", cwd=repo.path, check=False)
    return done.code, done.stderr


def push_git(repo: Repo) -> tuple[int, str]:
    done = repo.try_git("push", "-q", "origin", GLOB)
    return done.returncode, done.stderr


@pytest.mark.parametrize("push", [push_datmo, push_git])
def test_a_full_disk_at_the_hub(
    tmp_path: Path, disk: Path, push: Callable[[Repo], tuple[int, str]]
) -> None:
    hub = Repo.bare(disk / "hub.git")
    repo = Repo.init(tmp_path / "repo")
    repo.git("remote", "add", "origin", str(hub.path))
    datmo("init", cwd=repo.path)
    for number in range(2):
        repo.write(f"large{number}.bin", large(number))
    oid = snap(repo, "two files")
    ballast = disk / "ballast"
    room = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
    ballast.write_bytes(b"\0" * (room - 1_800_000))

    code, said = push(repo)
    assert code != 0
    assert "no space left" in said.lower()
    assert str(hub.path) in said
    assert "Traceback" not in said
    assert hub.refs("refs/datmo") == {}
    assert set(content(hub.path).values()) <= {1_100_000}, "something is half there"
    assert_git_clean(hub)

    ballast.unlink()
    assert push(repo)[0] == 0
    reader = Repo.init(tmp_path / "reader")
    reader.git("remote", "add", "origin", str(hub.path))
    datmo("init", cwd=reader.path)
    datmo("pull", "--content", cwd=reader.path)
    datmo("snapshot", "checkout", oid, cwd=reader.path)
    assert [reader.read(f"large{number}.bin") for number in range(2)] == [large(0), large(1)]
    assert_clean(reader)
    assert_git_clean(hub)


@pytest.mark.parametrize("push", [push_datmo, push_git])
def test_a_hub_that_cannot_be_written(
    tmp_path: Path, disk: Path, push: Callable[[Repo], tuple[int, str]]
) -> None:
    hub = Repo.bare(disk / "hub.git")
    repo = Repo.init(tmp_path / "repo")
    repo.git("remote", "add", "origin", str(hub.path))
    datmo("init", cwd=repo.path)
    repo.write("large.bin", large(1))
    snap(repo, "one")
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    code, said = push(repo)
    assert code != 0
    assert "read-only" in said.lower()
    assert "Traceback" not in said
    assert hub.refs("refs/datmo") == {}
    assert_clean(repo)
    subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
    assert push(repo)[0] == 0
    assert list(content(hub.path).values()) == [1_100_000]
    assert_git_clean(hub)
