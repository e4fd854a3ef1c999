"""Kill a gc at calls that change something: nothing living is missing, the next one goes on."""

from __future__ import annotations

import os
import threading

import pytest

from git_datmo.api import gc, snapshot
from tests.kit.checks import assert_clean
from tests.kit.content import at_once, stored
from tests.kit.git import Repo
from tests.kit.program import datmo
from tests.torture import bad, strace
from tests.torture.campaign import FULL, Campaign
from tests.torture.checker import Checker
from tests.torture.sweep import Collections, sweep
from tests.torture.world import opened

pytestmark = pytest.mark.torture


@pytest.fixture
def project(project: Repo) -> Repo:
    """A project that frees at once, with a snapshot to keep."""
    at_once(project)
    project.write("kept.bin", os.urandom(5000))
    return project


@strace.needed
@pytest.mark.parametrize("fault", [strace.KILL, "error=EIO"])
def test_killed_at_mutating_calls(campaign: Campaign, project: Repo, fault: str) -> None:
    with opened(project) as found:
        kept = str(snapshot.create(found, message="kept").id)
    content = (project.path / "kept.bin").read_bytes()
    sample = 6 if fault == strace.KILL else 3
    where = r"store|stamps|refs"
    collections = Collections(project)
    sweep(
        campaign,
        Checker(project),
        collections,
        fault=fault,
        sample=sample,
        where=where,
        acknowledged={kept},
    )
    campaign.assert_sound(effective=sample - 2)
    with opened(project) as found:
        gc.gc(found)
    assert stored(project).keys() == {content}


@strace.needed
def test_the_harness_notices_what_frees_too_much(campaign: Campaign, project: Repo) -> None:
    """The control: a gc that takes nothing to be living."""
    with opened(project) as found:
        kept = str(snapshot.create(found, message="kept").id)
    (project.path / "kept.bin").unlink()  # or the next snapshot brings it back
    sweep(
        campaign,
        Checker(project),
        Collections(project, bad.program("greedy")),
        sample=1,
        acknowledged={kept},
    )
    campaign.assert_harmed("incomplete")


def test_snapshots_beside_a_gc_in_a_loop(project: Repo) -> None:
    """Each round counts on content that nothing living mentions any more, and gc is after it."""
    stop = threading.Event()
    freed: list[int] = []

    def collect() -> None:
        while not stop.is_set():
            freed.append(datmo("gc", "--json", cwd=project.path).json()["files"])

    thread = threading.Thread(target=collect)
    thread.start()
    try:
        for number in range(60 if FULL else 12):
            content = bytes([number % 2]) * 3000
            project.write("turns.bin", content)
            with opened(project) as found:
                made = snapshot.create(found, message=f"{number}", stats={"n": number})
            assert content in stored(project), f"of the living snapshot {number}"
            with opened(project) as found:
                snapshot.delete(found, str(made.id))
    finally:
        stop.set()
        thread.join()
    assert sum(freed) > 0
    assert_clean(project)
