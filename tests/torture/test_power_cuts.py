"""Cut the power of a disk: whatever was said to be done by then is there, whole, afterwards.

TORTURE=full cuts many more times.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from git_datmo.api.project import init
from tests.kit.git import Repo
from tests.torture import disk, writer
from tests.torture.campaign import FULL, Campaign
from tests.torture.checker import apart
from tests.torture.disk import Disk
from tests.torture.sweep import GOOD
from tests.torture.world import opened

pytestmark = pytest.mark.torture

# What is written, how much of it is acknowledged before the cut, and how long after that it comes.
# A writer that is still writing is cut in the middle of something.
ROUNDS = [
    ("s", 3, True, 0.0),
    ("s", 4, False, 0.01),
    ("sa", 4, True, 0.3),
    ("a", 3, False, 0.03),
    ("sr", 2, False, 0.1),
    ("s", 2, True, 1.2),
]


def made(place: Disk) -> Repo:
    """A project on a disk, all of it on the platter."""
    repo = Repo.init(place.path / "repo")
    for key, value in (("datmo.largeFile", "2k"), ("datmo.autoSnapshot", "false")):
        repo.git("config", key, value)
    repo.git("config", "gc.auto", "0")
    repo.write("code.py", "print(1)\n")
    repo.commit()
    with opened(repo) as project:
        init(project, program=[*GOOD])
    os.sync()
    return repo


def cut(
    place: Disk, repo: Repo, kinds: str, count: int, ends: bool, wait: float, bug: str = "-"
) -> list[str]:
    """Let a writer write, take the power away, give it back; what it had acknowledged."""
    words = writer.words(kinds, count if ends else 0, bug=bug)
    with subprocess.Popen(words, cwd=repo.path, stdout=subprocess.PIPE, text=True) as started:
        assert started.stdout is not None
        said = [started.stdout.readline() for _ in range(count)]
        time.sleep(wait)
        started.send_signal(signal.SIGSTOP)
        place.cut()
        started.kill()
        place.kill_all()
        said += started.stdout.readlines()
    place.unmount()
    place.mount()
    return [line.split()[1] for line in said if line.endswith("\n")]


def test_power_cuts(campaign: Campaign, tmp_path: Path) -> None:
    with disk.ext4(tmp_path) as place:
        repo = made(place)
        acknowledged: set[str] = set()
        for number, (kinds, count, ends, wait) in enumerate(ROUNDS * (20 if FULL else 1)):
            campaign.injected += 1
            said = cut(place, repo, kinds, count, ends, wait + number % 7 / 100 * FULL)
            campaign.effective += len(said) >= count
            acknowledged |= {*said}
            campaign.harm.add(apart(repo, acknowledged, faults=campaign.injected))
            os.sync()
        campaign.acknowledged = len(acknowledged)
    campaign.assert_sound(effective=len(ROUNDS), acknowledged=10)


def test_the_harness_notices_what_is_not_flushed(campaign: Campaign, tmp_path: Path) -> None:
    """The control: the same program without any flush."""
    with disk.ext4(tmp_path) as place:
        repo = made(place)
        said = cut(place, repo, "s", 3, True, 0.0, "no-fsync")
        campaign.injected = campaign.effective = 1
        campaign.acknowledged = len(said)
        campaign.harm.add(apart(repo, said, next_too=False))
    campaign.assert_harmed("lost", "incomplete")
