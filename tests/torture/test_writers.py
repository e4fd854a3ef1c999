"""Many writers at once, on the same things and on different ones: nothing of it is lost."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from git_datmo.api import snapshot
from tests.kit.git import Repo
from tests.torture import bad, writer
from tests.torture.campaign import FULL, Campaign
from tests.torture.checker import Checker
from tests.torture.world import opened

pytestmark = pytest.mark.torture


def started(repo: Repo, kinds: str, count: int, number: int, target: str) -> subprocess.Popen[str]:
    """One writer."""
    return subprocess.Popen(
        writer.words(kinds, count, f"w{number}n"),
        cwd=repo.path,
        env={**os.environ, "TARGET": target},
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize(("writers", "each"), [(8, 50 if FULL else 8), (32, 20 if FULL else 2)])
def test_many_writers(campaign: Campaign, project: Repo, writers: int, each: int) -> None:
    with opened(project) as found:
        target = str(snapshot.create(found, message="shared").id)
    children = [started(project, "su", each, number, target) for number in range(writers)]
    said = [line.split() for child in children for line in child.communicate()[0].splitlines()]
    assert [child.returncode for child in children] == [0] * writers
    made = {what for kind, what in said if kind == "s"}
    changed = {what for kind, what in said if kind == "u"}
    campaign.injected, campaign.effective = writers * each, len(said)
    campaign.acknowledged = len(made) + len(changed)
    campaign.harm = Checker(project).check(made | {target})
    with opened(project) as found:
        stats = snapshot.inspect(found, target).stats
    campaign.harm.lost += [name for name in changed if stats.get(name) != name]
    campaign.assert_sound(effective=writers * each, acknowledged=writers * each)
    assert len(made) == len(changed) == writers * each // 2


def test_the_harness_notices_lost_notes(campaign: Campaign, project: Repo) -> None:
    """The control: writers that use the library's own call for a note."""
    words = [sys.executable, bad.__file__, "create-note"]
    children = [
        subprocess.Popen([*words, str(n)], cwd=project.path, stdout=subprocess.PIPE, text=True)
        for n in range(8)
    ]
    said = {line for child in children for line in child.communicate()[0].splitlines()}
    listed = project.try_git("notes", "--ref=torture", "list").stdout.splitlines()
    there = {line.split()[1] for line in listed}
    campaign.injected, campaign.acknowledged = len(said), len(said)
    campaign.harm.lost += sorted(said - there)
    campaign.assert_harmed("lost")
