"""One repository that is used and killed again and again, and that nobody ever cleans."""

from __future__ import annotations

import random
import subprocess
import time

import pytest

from tests.kit.git import Repo
from tests.torture import writer
from tests.torture.campaign import FULL, Campaign
from tests.torture.checker import Checker

pytestmark = pytest.mark.torture
SEED = 20261121
EVERY = 5  # rounds between two looks at everything


def live(
    campaign: Campaign, repo: Repo, rounds: int, bug: str = "-", *, every: int = EVERY
) -> None:
    """So many rounds of writing that are ended at any moment, or until there is harm."""
    chance, acknowledged = random.Random(SEED), set[str]()
    checker = Checker(repo)
    for number in range(1, rounds + 1):
        words = writer.words("ssa", 0, f"n{number}x", bug)
        with subprocess.Popen(words, cwd=repo.path, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            said = [child.stdout.readline()]
            time.sleep(chance.uniform(0, 0.1))
            child.kill()
            said += child.stdout.readlines()
        campaign.injected += 1
        campaign.effective += child.returncode == -9
        acknowledged |= {line.split()[1] for line in said if line.endswith("\n")}
        if number % every == 0 or number == rounds:
            checker.settle()
            campaign.harm.add(checker.check(acknowledged, faults=number))
            if campaign.harm:
                break
    campaign.acknowledged = len(acknowledged)


def test_random_kills(campaign: Campaign, project: Repo) -> None:
    rounds = 300 if FULL else 15
    live(campaign, project, rounds)
    campaign.assert_sound(effective=rounds, acknowledged=rounds)


def test_the_harness_notices_locks_that_stay(campaign: Campaign, project: Repo) -> None:
    """The control: a program that leaves its locks to whoever comes next."""
    live(campaign, project, 4, "no-intent", every=1)
    campaign.assert_harmed("bricked", "lost")
