"""em.login and em.logout: a git remote is chosen, nobody is asked, and nothing is kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from git_datmo.compat import em
from git_datmo.compat.em import session
from tests.kit.git import Repo

KEY = "7f3c2b1a-0000-4444-8888-123456789abc"


@pytest.mark.parametrize(
    ("given", "chosen"),
    [
        ((), None),
        ((None, None), None),
        (("", ""), None),
        (
            ("https://nowhere.invalid/t9k/aistore/api", KEY),
            "https://nowhere.invalid/t9k/aistore/api",
        ),
        (("git@nowhere.invalid:team/runs.git",), "git@nowhere.invalid:team/runs.git"),
        (("git@nowhere.invalid:runs.git",), "git@nowhere.invalid:runs.git"),
        (("ssh://nowhere.invalid/runs.git", None, 3), "ssh://nowhere.invalid/runs.git"),
        (("hub",), "hub"),
        (("../hub.git",), None),
    ],
)
def test_every_form_of_login_works_without_a_network(
    repo: Repo, tmp_path: Path, given: tuple[object, ...], chosen: str | None, capsys
):
    hub = Repo.bare(tmp_path / "hub.git")
    repo.git("remote", "add", "hub", str(hub.path))
    em.login(*given)  # type: ignore[arg-type]
    assert session.is_logged_in()
    expected = str(hub.path) if given[:1] == ("../hub.git",) else chosen
    assert session.require() == expected
    said = capsys.readouterr()
    assert said.out == ""
    assert "EM INFO: Logged in to" in said.err
    assert "EM WARNING" not in said.err
    assert "as user ada" in said.err
    kept = [f for f in tmp_path.rglob("*") if f.is_file() and KEY.encode() in f.read_bytes()]
    assert KEY not in said.err
    assert kept == []
    assert repo.refs() == {}, "nothing is made for a login"


def test_passwords_of_an_address_are_not_shown(repo: Repo, capsys):
    em.login("https://ada:secret@nowhere.invalid/runs.git", KEY)
    assert "secret" not in capsys.readouterr().err


def test_a_login_outside_of_a_repository(tmp_path: Path, capsys):
    em.login()
    em.login("https://nowhere.invalid/x")
    assert session.remote() == "https://nowhere.invalid/x"
    assert list(tmp_path.iterdir()) == []


def test_words_that_are_no_remote(repo: Repo):
    with pytest.raises(ValueError, match="there is no remote 'nowhere'"):
        em.login("nowhere")
    with pytest.raises(TypeError):
        em.login(3)  # type: ignore[arg-type]
    assert not session.is_logged_in()


def test_logout(repo: Repo, capsys):
    em.logout()
    assert "EM WARNING: Not logged in" in capsys.readouterr().err
    em.login()
    em.logout()
    with pytest.raises(RuntimeError, match=r"^Not logged in$"):
        session.require()
    made = em.create_artifact("weights")
    with pytest.raises(RuntimeError, match=r"^Not logged in$"):
        made.upload()
    with pytest.raises(RuntimeError, match=r"^Not logged in$"):
        em.upload(made.local)
