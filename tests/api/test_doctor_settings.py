"""Doctor and what lies outside the repository's data: settings, and the machine."""

from __future__ import annotations

import re

import pytest

from git_datmo.api.doctor_settings import SETTINGS
from git_datmo.model.checkup import LEFT, REMARK
from git_datmo.storage import filesystem
from tests.architecture.source import ROOT
from tests.kit.git import Repo
from tests.kit.sickness import assert_named, assert_well, look, told

WRONG = {
    "datmo.largeFile": "big",
    "datmo.autoSnapshot": "perhaps",
    "datmo.parent": "grandmother",
    "datmo.durability": "eternal",
    "datmo.maxRefs": "few",
    "datmo.runner": "abacus",
    "datmo.gcGrace": "soon",
    "datmo.session": "0" * 40,
    "datmo.environment": "nowhere",
    "datmo.hub.store": "bareword",
}


def test_settings_that_cannot_work(ill: Repo) -> None:
    hub = Repo.bare(ill.path.parent / "hub.git")
    ill.git("config", "datmo.fetch", "false")
    ill.git("remote", "add", "hub", str(hub.path))
    for key, value in WRONG.items():
        ill.git("config", key, value)
    assert_named(ill, list(WRONG))
    found = look(ill)
    assert {one.state for one in told(found)} == {LEFT}
    assert all(one.advice for one in told(found))
    for key in WRONG:
        ill.git("config", "--unset", key)
    assert_well(ill)


def test_settings_that_nobody_reads(ill: Repo) -> None:
    ill.git("config", "datmo.largeFiles", "2m")
    ill.write(".datmoconfig", "[datmo]\n\tlargeFile = 3m\n\tdurability = off\n")
    assert told(look(ill)) == []
    remarks = {one.subject for one in look(ill).ailments if one.state == REMARK}
    assert remarks == {"datmo.largefiles", ".datmoconfig datmo.durability"}


def test_settings_that_cannot_be_read(ill: Repo) -> None:
    ill.write(".datmoconfig", "[datmo\nlargeFile = 3m\n")
    found = told(look(ill))
    assert {one.state for one in found} == {LEFT}
    assert found[0].subject == ".datmoconfig"


def test_every_documented_setting_is_known() -> None:
    page = (ROOT / "docs" / "reference" / "config.md").read_text()
    named = set(re.findall(r"^\| `(datmo\.[A-Za-z.]+)`", page, re.MULTILINE))
    assert named == set(SETTINGS)


def test_an_engine_that_is_wanted_and_not_there(ill: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{ill.path}/no.sock")
    ill.git("config", "datmo.runner", "docker")
    assert_named(ill, ["docker"])
    [left] = told(look(ill))
    assert left.kind == "engine"


def test_a_disk_that_is_full(ill: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    free = filesystem.room(ill.git_dir)[0]
    monkeypatch.setattr("git_datmo.api.doctor_machine.FEW_BYTES", free * 2)
    [left] = told(look(ill))
    assert (left.kind, left.state) == ("disk", LEFT)
    assert "gc --dry-run" in left.advice
