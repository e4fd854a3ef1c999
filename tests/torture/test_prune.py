"""`git gc --prune=now` beside writers: what they made is not taken away."""

from __future__ import annotations

import subprocess
import threading

import pytest

from git_datmo.api import state
from git_datmo.api.user import NOBODY
from tests.kit.git import Repo
from tests.torture import bad, writer
from tests.torture.campaign import FULL, Campaign
from tests.torture.checker import Checker
from tests.torture.sweep import ids
from tests.torture.world import opened

pytestmark = pytest.mark.torture


def test_a_loop_of_it_beside_writers(campaign: Campaign, project: Repo) -> None:
    stop = threading.Event()

    def prune() -> None:
        while not stop.is_set():
            project.try_git("gc", "-q", "--prune=now")
            campaign.injected += 1

    thread = threading.Thread(target=prune)
    thread.start()
    try:
        children = [
            subprocess.Popen(
                writer.words(kinds, 200 if FULL else 12, name),
                cwd=project.path,
                stdout=subprocess.PIPE,
                text=True,
            )
            for kinds, name in (("s", "a"), ("sa", "b"))
        ]
        said = [line.split()[1] for one in children for line in one.communicate()[0].splitlines()]
    finally:
        stop.set()
        thread.join()
    assert [child.returncode for child in children] == [0, 0]
    campaign.effective, campaign.acknowledged = campaign.injected, len(said)
    campaign.harm = Checker(project).check(said, faults=2)
    campaign.assert_sound(effective=2, acknowledged=24)


@pytest.mark.parametrize("bug", ["pruned", "trusting"])
def test_right_before_a_ref_is_set(campaign: Campaign, project: Repo, bug: str) -> None:
    """It takes away what was just written. Who does not look again, the control, is caught."""
    done = subprocess.run(
        writer.words("s", 2, bug=bug), cwd=project.path, stdout=subprocess.PIPE, text=True
    )
    said = [line.split()[1] for line in done.stdout.splitlines()]
    campaign.injected = campaign.effective = 2
    campaign.acknowledged = len(said)
    campaign.harm = Checker(project).check(said, next_too=bug == "pruned")
    if bug == "trusting":
        campaign.assert_harmed("incomplete", "lost")
    else:
        campaign.assert_sound(effective=2, acknowledged=2)


def test_what_another_command_is_about_to_record(project: Repo) -> None:
    """Its trees are counted on and then gone: they are written anew."""
    (project.path / "d").mkdir()
    project.write("d/new.py", "print(2)\n")
    named = dict.fromkeys(("environment_id", "environment_def"), None)
    with opened(project) as found:
        state.of_work_tree(found, NOBODY, {**named, "environment_paths": ()})
    words = [*bad.program("swept"), "snapshot", "create", "-m", "x", "--json"]
    done = subprocess.run(words, cwd=project.path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert not Checker(project).check(ids(done.stdout).values())
