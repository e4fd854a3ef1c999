"""Which server goes with a remote: as git-lfs says, but for what strangers may decide."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from git_datmo.errors import DatmoError, RemoteError, UsageError
from git_datmo.remotes.lfs.endpoint import DOWNLOAD, UPLOAD, Endpoint, find, origin, shown
from git_datmo.storage.git import Git
from tests.kit.git import Repo

ADDRESSES = [
    "https://host.example/team/model",
    "https://host.example/team/model.git",
    "https://host.example/team/model/",
    "https://host.example:8443/a/b.git",
    "http://host.example/x.git",
    "git@host.example:team/model.git",
    "host.example:team/model",
    "ssh://git@host.example/team/model.git",
    "ssh://git@host.example:2222/team/model.git",
    "git://host.example/team/model.git",
]


def looked_up(repo: Repo, url: str, operation: str = DOWNLOAD) -> Endpoint:
    return find(Git(repo.git_dir, repo.path), "origin", url, operation)


@pytest.mark.usefixtures("git_lfs")
@pytest.mark.parametrize("url", ADDRESSES)
def test_the_server_is_where_git_lfs_would_look(repo: Repo, url: str) -> None:
    repo.git("remote", "add", "origin", url)
    said = re.search(r"^Endpoint=(\S+)", repo.git("lfs", "env"), re.MULTILINE)
    assert said is not None
    assert looked_up(repo, url).url == said[1]


@pytest.mark.usefixtures("git_lfs")
@pytest.mark.parametrize(
    "settings",
    [
        {"lfs.url": "https://lfs.example/all"},
        {"remote.origin.lfsurl": "https://lfs.example/one/"},
        {"remote.origin.lfsurl": "https://lfs.example/one", "lfs.url": "https://lfs.example/all"},
        {"remote.other.lfsurl": "https://lfs.example/other"},
        {"lfs.url": "git@lfs.example:x/y.git"},
    ],
)
def test_settings_count_as_for_git_lfs(repo: Repo, settings: dict[str, str]) -> None:
    repo.git("remote", "add", "origin", ADDRESSES[0])
    for key, value in settings.items():
        repo.git("config", key, value)
    said = re.search(r"^Endpoint=(\S+)", repo.git("lfs", "env"), re.MULTILINE)
    assert said is not None
    assert looked_up(repo, ADDRESSES[0]).url == said[1].rstrip("/")


def test_uploads_may_have_another_server(repo: Repo) -> None:
    repo.git("config", "lfs.url", "https://lfs.example/read")
    repo.git("config", "lfs.pushurl", "https://lfs.example/write")
    assert looked_up(repo, ADDRESSES[0]).url == "https://lfs.example/read"
    assert looked_up(repo, ADDRESSES[0], UPLOAD).url == "https://lfs.example/write"


def test_the_user_and_password_leave_the_address(repo: Repo) -> None:
    found = looked_up(repo, "https://ada:s%40cret@host.example/x.git")
    assert found.url == "https://host.example/x.git/info/lfs"
    assert (found.user, found.password) == ("ada", "s@cret")


def test_credentials_of_the_remote_are_for_its_own_host_alone(repo: Repo) -> None:
    remote = "https://ada:secret@host.example/x.git"
    repo.git("config", "lfs.url", "https://host.example/elsewhere/lfs")
    assert looked_up(repo, remote).password == "secret"
    for other in ("https://lfs.example/x", "http://host.example/x", "https://host.example:8443/x"):
        repo.git("config", "lfs.url", other)
        assert looked_up(repo, remote).password is None


def test_ssh_remotes_are_asked_over_ssh(repo: Repo) -> None:
    found = looked_up(repo, "ssh://git@host.example:2222/team/model.git")
    assert found.ssh is not None
    assert (found.ssh.target, found.ssh.port) == ("git@host.example", 2222)
    assert found.ssh.path == "/team/model.git"


@pytest.mark.parametrize("url", ["/a/folder", "file:///a/folder", "../x"])
def test_a_folder_has_no_server(repo: Repo, url: str) -> None:
    with pytest.raises(RemoteError, match="no Git LFS server") as caught:
        looked_up(repo, url)
    assert "lfsurl" in (caught.value.hint or "")


@pytest.mark.parametrize("named", ["file:///a/folder", "ftp://x/y", "nonsense", "https://"])
def test_a_setting_that_names_no_server(repo: Repo, named: str) -> None:
    repo.git("config", "lfs.url", named)
    with pytest.raises(RemoteError, match=r"lfs\.url"):
        looked_up(repo, ADDRESSES[0])


def test_a_host_that_ssh_would_read_as_an_option(repo: Repo) -> None:
    repo.git("config", "lfs.url", "ssh://-oProxyCommand=touch%20x/y")
    with pytest.raises((UsageError, RemoteError)):
        looked_up(repo, ADDRESSES[0])


class TestTheTrackedFile:
    def test_it_counts_on_the_remotes_own_host(self, repo: Repo) -> None:
        repo.write(".lfsconfig", '[lfs]\n\turl = "https://host.example/other/lfs"\n')
        for remote in ("https://host.example/x.git", "git@host.example:x.git"):
            assert looked_up(repo, remote).url == "https://host.example/other/lfs"

    def test_the_users_own_setting_is_stronger(self, repo: Repo) -> None:
        repo.write(".lfsconfig", '[lfs]\n\turl = "https://evil.example/lfs"\n')
        repo.git("config", "lfs.url", "https://lfs.example/mine")
        assert looked_up(repo, ADDRESSES[0]).url == "https://lfs.example/mine"

    @pytest.mark.parametrize(
        "named",
        [
            "https://evil.example/lfs",
            "http://host.example/lfs",
            "https://host.example@evil.example/lfs",
            "https://host.example.evil.example/lfs",
            "ssh://evil.example/x",
            "ssh://-oProxyCommand=x/y",
            "file:///etc",
        ],
    )
    def test_it_does_not_send_content_elsewhere(self, repo: Repo, named: str) -> None:
        repo.write(".lfsconfig", f'[lfs]\n\turl = "{named}"\n')
        with pytest.raises(RemoteError) as caught:
            looked_up(repo, "https://ada:secret@host.example/x.git")
        assert "secret" not in f"{caught.value.message} {caught.value.hint}"

    def test_a_setting_per_remote(self, repo: Repo) -> None:
        repo.write(".lfsconfig", '[remote "origin"]\n\tlfsurl = "https://evil.example/lfs"\n')
        with pytest.raises(RemoteError, match=r"evil\.example"):
            looked_up(repo, ADDRESSES[0])

    def test_it_includes_no_other_file(self, repo: Repo, tmp_path: Path) -> None:
        (tmp_path / "more").write_text('[lfs]\n\turl = "https://evil.example/lfs"\n')
        repo.write(".lfsconfig", f'[include]\n\tpath = "{tmp_path / "more"}"\n')
        assert looked_up(repo, ADDRESSES[1]).url == ADDRESSES[1] + "/info/lfs"

    def test_one_that_git_cannot_read_is_passed_over(self, repo: Repo) -> None:
        repo.write(".lfsconfig", "[lfs\n")
        assert looked_up(repo, ADDRESSES[1]).url == ADDRESSES[1] + "/info/lfs"


def test_addresses_are_shown_without_passwords() -> None:
    assert shown("https://ada:secret@host.example:8443/x") == "https://host.example:8443/x"
    assert shown("git@host.example:x") == "git@host.example:x"


def test_the_origin_of_an_address() -> None:
    assert origin("https://Host.example/x") == ("https", "host.example", 443)
    assert origin("http://host.example:8080") == ("http", "host.example", 8080)
    for other in ("file:///x", "https:///x", "//host/x", "x"):
        with pytest.raises(ValueError):
            origin(other)
    with pytest.raises((ValueError, DatmoError)):
        origin("http://host.example:99999/")
