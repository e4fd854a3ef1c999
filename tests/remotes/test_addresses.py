"""How addresses are read, and what a server may say of its refs."""

from __future__ import annotations

from pathlib import Path

import pytest

from git_datmo.remotes.gitwire import advertised_refs
from git_datmo.remotes.sshaddress import ssh_address
from tests.e2e.team import Team, snap
from tests.kit.program import datmo


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("ssh://Lab/x.git", "ssh://Lab/x.git"),
        ("ssh://Ann@Lab:2222/x", "ssh://Ann@Lab:2222/x"),
        ("ssh://lab@lab/~/x", "ssh://lab@lab/~/x"),
        ("ssh://[::1]:22/x", "ssh://[::1]:22/x"),
        ("git+ssh://host/x%20y", "ssh://host/x y"),
        ("Ann@Lab:x.git", "ssh://Ann@Lab/~/x.git"),
        ("lab:/x", "ssh://lab/x"),
        ("[::1]:/x", "ssh://[::1]/x"),
    ],
)
def test_addresses_over_ssh(written: str, read: str) -> None:
    assert str(ssh_address(written)) == read


@pytest.mark.parametrize("written", ["/x:y", "./x:y", "https://host/x", "ext::sh -c true", "x"])
def test_what_is_no_address_over_ssh(written: str) -> None:
    assert ssh_address(written) is None


def test_lines_of_a_server_that_are_no_refs_mean_nothing() -> None:
    one, two = "a" * 40, "b" * 40
    listed = f"{one}\trefs/datmo/x\nnonsense\n\n{two}\trefs/a b\n{two[:39]}\trefs/short\n"
    assert advertised_refs(listed.encode()) == {"refs/datmo/x": one}


@pytest.mark.parametrize("word", ["LFS", "Git"])
def test_words_for_places_in_any_case(tmp_path: Path, word: str) -> None:
    repo = Team(tmp_path).clone("maker")
    repo.git("config", "datmo.origin.store", word)
    shown = datmo("remote", "show", "--no-check", "--json", cwd=repo.path).json()
    assert shown[0]["place"] != str(repo.path / word)


def test_a_word_that_is_no_place_and_no_folder(tmp_path: Path) -> None:
    repo = Team(tmp_path).clone("maker")
    snap(repo, "first")
    repo.git("config", "datmo.origin.store", "stroe")
    done = datmo("push", cwd=repo.path, check=False)
    assert done.code == 2
    assert "names no place" in done.stderr
    assert not (repo.path / "stroe").exists()
    (repo.path / "stroe").mkdir()
    datmo("push", cwd=repo.path)


def test_a_password_in_a_setting_is_not_shown(tmp_path: Path) -> None:
    repo = Team(tmp_path).clone("maker")
    repo.git("config", "datmo.origin.store", "gopher://ann:secret@host/x")
    for words in (["remote", "show", "--json"], ["remote", "show"], ["push"]):
        done = datmo(*words, cwd=repo.path, check=False)
        assert "secret" not in done.stdout + done.stderr
