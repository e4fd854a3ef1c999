"""`git gc --prune=now` beside snapshots takes nothing that a snapshot needs."""

from __future__ import annotations

import threading

from tests.kit.capture import expected, flat, take
from tests.kit.checks import assert_clean
from tests.kit.git import Repo
from tests.kit.program import datmo


def test_a_gc_in_a_loop_beside_snapshots(project: Repo):
    stop = threading.Event()

    def collect() -> None:
        while not stop.is_set():
            # A gc that is at work when another starts, or when refs move, may give up.
            project.try_git("gc", "--quiet", "--prune=now")

    thread = threading.Thread(target=collect)
    thread.start()
    made = []
    try:
        for number in range(5):
            for file in range(100 if number == 3 else 3):
                project.write(f"d/{file}", f"{number} {file}")
            made.append(datmo("snapshot", "create", "-m", f"{number}", "--json").json()["id"])
    finally:
        stop.set()
        thread.join()
    assert len(set(made)) == 5
    for oid in made:
        project.git("rev-list", "--objects", "--quiet", oid)
    assert not list((project.git_dir / "objects" / "pack").glob("*.keep"))
    assert_clean(project)


def test_what_only_the_cache_names_may_be_pruned(repo: Repo):
    for number in range(100):
        repo.write(f"d/{number}", f"{number}")
    (repo.path / "empty").mkdir()
    first = take(repo).tree
    for keep in (repo.git_dir / "objects" / "pack").glob("*.keep"):
        keep.unlink()
    repo.git("gc", "--quiet", "--prune=now")
    assert take(repo).tree == first
    assert flat(repo, first) == expected(repo)
