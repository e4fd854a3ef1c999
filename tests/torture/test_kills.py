"""Kill and fail `snapshot create`: what was said to be done is there, nothing is broken.

All points of all campaigns run with TORTURE=full; else a sample spread over them.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kit.git import Repo
from tests.torture import bad, strace
from tests.torture.campaign import Campaign
from tests.torture.checker import Checker
from tests.torture.sweep import Snapshots, sweep

pytestmark = [pytest.mark.torture, strace.needed]


@pytest.fixture
def checker(project: Repo, tmp_path: Path) -> Checker:
    """It watches a folder beside the project as well."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "f").write_text("untouched")
    return Checker(project, outside=outside)


def test_killed_at_mutating_calls(campaign: Campaign, checker: Checker, project: Repo) -> None:
    sweep(campaign, checker, Snapshots(project), sample=16)
    campaign.assert_sound(effective=14, acknowledged=0)


@pytest.mark.parametrize(
    ("fault", "sample"), [("error=ENOSPC", 6), ("error=EIO", 8), ("error=EMFILE", 4)]
)
def test_failed_at_calls(
    campaign: Campaign, checker: Checker, project: Repo, fault: str, sample: int
) -> None:
    sweep(campaign, checker, Snapshots(project), fault=fault, sample=sample)
    campaign.assert_sound(effective=sample - 1, acknowledged=0)


def test_a_failure_after_the_refs_moved_says_so(checker: Checker, project: Repo) -> None:
    """The one moment when something is recorded though the command fails."""
    subject, below = Snapshots(project), project.path.parent
    subject.prepare(0)
    checker.check(set())
    known = strace.points(subject.prepare(1), project.path, below, "error=EIO")
    [point] = [one for one in known if "refs/datmo-local>" in one.line and one.call == "fsync"]
    before = checker.visible()
    struck = strace.strike(subject.prepare(2), project.path, below, point, "error=EIO")
    assert struck.effective
    assert struck.code != 0
    assert len(checker.visible() - before) == 1
    assert "it is recorded all the same" in struck.stderr
    assert not checker.check(set()).incomplete


@pytest.mark.parametrize(
    ("bug", "where", "fault", "harm"),
    [
        ("content-last", r"rename\(.*store/tmp-", strace.KILL, "incomplete"),
        ("says-first", r"fsync\(.*datmo-local/notes.lock", strace.KILL, "lost"),
        ("no-intent", r"rename\(.*notes.lock", strace.KILL, "bricked"),
        ("careless", r"write\(.*store/tmp-", "error=ENOSPC", "incomplete"),
    ],
    ids=lambda value: str(value) if str(value).isalpha() or "-" in str(value)[:12] else "",
)
def test_the_harness_notices(
    campaign: Campaign, checker: Checker, project: Repo, bug: str, where: str, fault: str, harm: str
) -> None:
    """The controls: each planted bug is found, by what it does."""
    subject = Snapshots(project, bad.program(bug))
    sweep(campaign, checker, subject, fault=fault, where=where, sample=2)
    campaign.assert_harmed(harm)
