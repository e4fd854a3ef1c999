"""push, fetch and pull with their options; what goes from the remote goes here when it may."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e.team import Team, large, snap, state
from tests.kit.checks import assert_clean
from tests.kit.git import Repo
from tests.kit.program import datmo


@pytest.fixture
def team(tmp_path: Path) -> Team:
    return Team(tmp_path)


@pytest.fixture
def maker(team: Team) -> Repo:
    made = team.clone("maker")
    made.write("large.bin", large(1))
    snap(made, "first", "--label", "first")
    return made


def stored(repo: Repo) -> list[Path]:
    return sorted((repo.common_dir / "datmo" / "store").glob("??/*"))


def test_a_dry_push_says_it_all_and_does_nothing(team: Team, maker: Repo) -> None:
    done = datmo("push", "--dry-run", "--json", cwd=maker.path).json()
    assert done["dry_run"]
    assert (done["content_files"], done["content_bytes"]) == (1, len(large(1)))
    refs = {ref for ref, before, after in done["updates"] if before is None and after}
    assert refs == set(maker.refs("refs/datmo/"))
    assert team.origin.refs("refs/datmo/") == {}
    assert stored(team.origin) == []

    real = datmo("push", "--json", cwd=maker.path).json()
    assert {**real, "dry_run": True} == done
    again = datmo("push", "-n", "--json", cwd=maker.path).json()
    assert (again["refs"], again["content_files"], again["updates"]) == (0, 0, [])


def test_a_dry_pull_says_what_would_come(team: Team, maker: Repo) -> None:
    datmo("push", cwd=maker.path)
    reader = team.clone("reader")
    before = reader.refs("refs/")
    done = datmo("pull", "--dry-run", "--json", cwd=reader.path).json()
    assert done["refs"] == len(maker.refs("refs/datmo/"))
    assert reader.refs("refs/") == before
    datmo("pull", cwd=reader.path)
    done = datmo("pull", "-n", "--content", "--json", cwd=reader.path).json()
    assert (done["refs"], done["content_files"]) == (0, 1)
    assert stored(reader) == []


def test_refs_without_content_and_content_later(team: Team, maker: Repo) -> None:
    done = datmo("push", "--no-content", "--json", cwd=maker.path).json()
    assert (done["refs"] > 0, done["content_files"]) == (True, 0)
    assert stored(team.origin) == []
    reader = team.clone("reader")
    datmo("pull", cwd=reader.path)
    missing = datmo("snapshot", "checkout", "first", cwd=reader.path, check=False)
    assert missing.code == 5
    later = datmo("push", "--json", cwd=maker.path).json()
    assert (later["refs"], later["content_files"]) == (0, 1)
    datmo("snapshot", "checkout", "first", cwd=reader.path)
    assert reader.read("large.bin") == large(1)


@pytest.mark.parametrize("how", [["--content"], ["origin", "first"]])
def test_what_was_lost_on_the_remote_is_looked_for_when_asked(
    team: Team, maker: Repo, how: list[str]
) -> None:
    datmo("push", cwd=maker.path)
    [file] = stored(team.origin)
    file.unlink()
    assert datmo("push", "--json", cwd=maker.path).json()["content_files"] == 0
    assert datmo("push", *how, "--json", cwd=maker.path).json()["content_files"] == 1
    assert stored(team.origin) == [file]


def test_pulling_one_snapshot_brings_its_content_only(team: Team, maker: Repo) -> None:
    maker.write("large.bin", large(2))
    snap(maker, "second", "--label", "second")
    datmo("push", cwd=maker.path)
    reader = team.clone("reader")
    done = datmo("fetch", "origin", "second", "--json", cwd=reader.path).json()
    assert done["content_files"] == 1
    assert datmo("pull", "--content", "--json", cwd=reader.path).json()["content_files"] == 1


def test_a_name_that_means_nothing(maker: Repo) -> None:
    for verb in ("push", "fetch", "pull"):
        assert datmo(verb, "origin", "no-such", cwd=maker.path, check=False).code == 3
        done = datmo(verb, "no-such-remote", cwd=maker.path, check=False)
        assert done.code == 7
        assert "no-such-remote" in done.stderr


def test_refs_retired_on_the_remote_go_from_every_clone(team: Team, maker: Repo) -> None:
    reader = team.clone("reader")
    maker.git("config", "datmo.maxRefs", "2")
    for number in range(9):
        maker.write("train.py", f"print({number})\n")
        snap(maker, f"number {number}")
        if number % 4 == 0:
            datmo("push", cwd=maker.path)
            datmo("pull", cwd=reader.path)
    tracked = reader.refs("refs/datmo-remotes/origin/snapshots")
    assert set(tracked.values()) == set(team.origin.refs("refs/datmo/snapshots").values())
    assert len(tracked) < 8
    assert state(reader) == state(maker)
    assert_clean(reader)


def test_what_nobody_carries_stays_when_the_remote_drops_it(team: Team, maker: Repo) -> None:
    datmo("push", cwd=maker.path)
    reader = team.clone("reader")
    datmo("pull", cwd=reader.path)
    known = state(reader)
    for ref in team.origin.refs("refs/datmo/"):
        team.origin.git("update-ref", "-d", ref)
    datmo("pull", cwd=reader.path)
    assert state(reader) == known
    assert reader.refs("refs/datmo-remotes/origin/notes")
    assert_clean(reader)


def test_remote_show(team: Team, maker: Repo, tmp_path: Path) -> None:
    maker.git("remote", "add", "gone", str(tmp_path / "nowhere.git"))
    maker.git("remote", "add", "usb", str(team.origin.path))
    maker.git("config", "datmo.usb.store", str(tmp_path / "usb"))
    shown = datmo("remote", "show", "--json", cwd=maker.path, check=False)
    assert shown.code == 7
    by_name = {one["name"]: one for one in shown.json()}
    assert by_name["origin"]["place"] == str(team.origin.path / "datmo" / "store")
    assert by_name["origin"]["writable"] is True
    assert by_name["origin"]["due"] == 3
    assert by_name["origin"]["errors"] == []
    assert by_name["usb"]["place"] == by_name["usb"]["store"] == str(tmp_path / "usb")
    assert by_name["gone"]["errors"] != []

    datmo("push", "origin", cwd=maker.path)
    text = datmo("remote", "show", "origin", cwd=maker.path).stdout
    assert "3 there, from 1 clone" in text
    assert "can be written" in text
    quiet = datmo("remote", "show", "--no-check", "--json", cwd=maker.path).json()
    assert {one["refs"] for one in quiet} == {None}


def test_a_setting_that_names_no_place(maker: Repo) -> None:
    maker.git("config", "datmo.origin.store", "gopher://somewhere/x")
    done = datmo("push", cwd=maker.path, check=False)
    assert done.code == 2
    assert "gopher://somewhere/x" in done.stderr
    assert "s3://" in done.stderr


def test_passwords_of_addresses_are_not_shown(maker: Repo) -> None:
    maker.git("remote", "set-url", "origin", "http://ann:secret@127.0.0.1:9/x.git")
    for words in (["push"], ["pull"], ["remote", "show"], ["remote", "show", "--json"]):
        done = datmo(*words, cwd=maker.path, check=False)
        assert done.code == 7, done.stderr
        assert "secret" not in done.stdout + done.stderr


def test_several_shapes_of_one_document(team: Team, maker: Repo) -> None:
    pushed = json.loads(datmo("push", "--json", cwd=maker.path).stdout)
    keys = {"remote", "refs", "content_files", "content_bytes", "missing", "notices", "updates"}
    assert set(pushed) == {*keys, "dry_run"}


def test_a_rerun_fetches_what_it_needs_at_once(team: Team, maker: Repo) -> None:
    for number in range(3):
        maker.write(f"large-{number}.bin", large(10 + number))
    datmo("run", "--label", "sizes", "--", "sh", "-c", "cat large*.bin | wc -c", cwd=maker.path)
    datmo("push", cwd=maker.path)
    reader = team.clone("reader")
    datmo("pull", cwd=reader.path)
    assert stored(reader) == []
    done = datmo("rerun", "sizes", "--yes", "--check", cwd=reader.path)
    assert str(4 * len(large(1))) in done.stderr
    assert len(stored(reader)) == 4


def test_what_is_missing_where(team: Team, maker: Repo, tmp_path: Path) -> None:
    """Every remote that was asked is named, with what it said."""
    datmo("push", cwd=maker.path)
    for file in stored(team.origin):
        file.unlink()
    reader = team.clone("reader")
    reader.git("remote", "add", "usb", str(Repo.bare(tmp_path / "usb.git").path))
    (tmp_path / "a file").write_text("")
    reader.git("config", "datmo.broken.store", str(tmp_path / "a file" / "store"))
    reader.git("remote", "add", "broken", str(tmp_path / "broken.git"))
    datmo("pull", "origin", cwd=reader.path)
    for words in (["snapshot", "checkout", "first"], ["pull", "origin", "first"]):
        done = datmo(*words, cwd=reader.path, check=False)
        assert done.code == 5
        for said in ("large.bin", f"{len(large(1))} bytes", "origin (", "usb (", "broken ("):
            assert said in done.stderr, (words, said)
