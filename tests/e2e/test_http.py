"""Sharing through a web server: plain git and ours, with a password, and what can go wrong."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from tests.e2e.team import BOTH, GLOB, large, push_plainly, snap, state, update
from tests.kit.checks import assert_clean
from tests.kit.chunkrefs import ChunkRefs
from tests.kit.git import Repo, run_git
from tests.kit.program import datmo
from tests.kit.webgit import PASSWORD, WebGit


class WebTeam:
    """`origin` lies on the server, with one commit; clones reach it over http."""

    def __init__(self, server: WebGit, root: Path, home: Path) -> None:
        self.root, self.url = root, f"{server.url}/origin.git"
        self.origin = Repo(server.repositories / "origin.git")
        self.refs = ChunkRefs(self.origin)
        seed = Repo.init(root / "seed")
        seed.write("train.py", "print('hello')\n")
        seed.commit("one")
        seed.git("push", "-q", str(self.origin.path), "main")
        credentials = home / ".git-credentials"
        address = self.url.replace("//", f"//writer:{PASSWORD.replace(' ', '%20')}@")
        credentials.write_text(address.removesuffix("/origin.git") + "\n")
        run_git("config", "--global", "credential.helper", "store")

    def clone(self, name: str, *, init: bool = True) -> Repo:
        """A clone, after `git datmo init` unless told otherwise."""
        run_git("clone", "-q", self.url, str(self.root / name))
        made = Repo(self.root / name)
        made.git("config", "user.name", name)
        if init:
            datmo("init", cwd=made.path)
        return made


@pytest.fixture
def team(webgit: WebGit, tmp_path: Path, seal: Path) -> WebTeam:
    return WebTeam(webgit, tmp_path, seal)


@pytest.fixture
def maker(team: WebTeam) -> Repo:
    """A clone with one snapshot that has a large file, not yet shared."""
    made = team.clone("maker")
    made.write("data/large.bin", large(1))
    snap(made, "first", "--label", "best")
    return made


def push(repo: Repo, how: str) -> None:
    if how == "git":
        push_plainly(repo)
    else:
        datmo("push", cwd=repo.path)


def delivered(team: WebTeam) -> list[int]:
    """The sizes of what lists at the server name."""
    return sorted(line["size"] for w in team.refs.writers() for line in team.refs.lines(w))


@pytest.mark.parametrize("pushed", ["git", "datmo"])
@pytest.mark.parametrize("got", ["plain glob", "init and fetch", "pull", "clone"])
def test_a_fresh_clone_gets_identical_bytes(
    team: WebTeam, maker: Repo, pushed: str, got: str
) -> None:
    push(maker, pushed)
    assert delivered(team) == [len(large(1))]
    match got:
        case "plain glob":
            reader = team.clone("reader", init=False)
            reader.git("fetch", "-q", "origin", BOTH)
        case "init and fetch":
            reader = team.clone("reader")
            reader.git("fetch", "-q")
        case "pull":
            reader = team.clone("reader")
            datmo("pull", cwd=reader.path)
        case _:
            datmo("clone", team.url, str(team.root / "reader"), cwd=team.root)
            reader = Repo(team.root / "reader")
    [(oid, row)] = state(reader).items()
    assert (row["message"], row["label"]) == ("first", "best")
    # What fetches bring is metadata; the chunks are asked for one by one, past git's objects.
    assert not [ref for ref in reader.refs() if "datmo-store" in ref]
    datmo("snapshot", "checkout", oid, cwd=reader.path)
    assert reader.read("data/large.bin") == large(1)
    assert sum(f.stat().st_size for f in (reader.common_dir / "objects").rglob("*.pack")) < 200_000
    assert_clean(reader)
    team.origin.git("fsck", "--strict")


def test_by_turns(team: WebTeam, maker: Repo) -> None:
    push(maker, "git")
    other = team.clone("other")
    other.git("fetch", "-q")
    [oid] = state(other)
    other.write("b.bin", large(2))
    snap(other, "second")
    update(other, oid, "--label", "better")
    push(other, "datmo")
    datmo("pull", "--content", cwd=maker.path)
    assert state(maker) == state(other)
    assert delivered(team) == [len(large(1)), len(large(2))]
    assert len(team.refs.writers()) == 2
    assert_clean(maker)
    assert_clean(other)
    assert maker.try_git("push", "origin", "main").returncode == 0


def test_a_push_again_sends_nothing(team: WebTeam, maker: Repo) -> None:
    push(maker, "git")
    before = team.origin.refs()
    push(maker, "git")
    push(maker, "datmo")
    assert team.origin.refs("refs/datmo-store") == {
        ref: oid for ref, oid in before.items() if "datmo-store" in ref
    }


@pytest.mark.parametrize("how", ["git", "datmo"])
def test_content_that_cannot_be_delivered_fails_the_push(
    team: WebTeam, maker: Repo, how: str
) -> None:
    maker.git("config", "datmo.gitStoreLimit", "1000000")
    if how == "git":
        done = maker.try_git("push", "origin", GLOB)
        said, code = done.stderr, done.returncode
    else:
        result = datmo("push", cwd=maker.path, check=False)
        said, code = result.stderr, result.code
        assert code == 7
    assert code
    assert "datmo.gitStoreLimit" in said
    assert "1.0 MiB" in said
    assert "Traceback" not in said
    assert team.origin.refs("refs/datmo") == {}
    maker.git("config", "--unset", "datmo.gitStoreLimit")
    push(maker, how)
    assert delivered(team) == [len(large(1))]


@pytest.mark.parametrize("how", ["git", "datmo"])
def test_a_wrong_password(team: WebTeam, maker: Repo, how: str) -> None:
    maker.git("config", "credential.helper", "")
    helper = "!f() { echo username=writer; echo 'password=wrong word'; }; f"
    maker.git("config", "--add", "credential.helper", helper)
    if how == "git":
        done = maker.try_git("push", "origin", GLOB)
        said, code = done.stderr, done.returncode
    else:
        result = datmo("push", cwd=maker.path, check=False)
        said, code = result.stderr, result.code
    assert code
    assert "Authentication failed" in said
    assert "wrong word" not in said
    assert "Traceback" not in said
    assert team.origin.refs("refs/datmo") == {}


@pytest.mark.parametrize("way", ["-c", "variables"])
def test_credentials_from_the_command_line_reach_the_hook(
    team: WebTeam, maker: Repo, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As build servers do it: nothing is written to any file."""
    run_git("config", "--global", "--unset", "credential.helper")
    helper = f"!f() {{ echo username=writer; echo 'password={PASSWORD}'; }}; f"
    words = ["-c", f"credential.helper={helper}"] if way == "-c" else []
    if way == "variables":
        monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
        monkeypatch.setenv("GIT_CONFIG_KEY_0", "credential.helper")
        monkeypatch.setenv("GIT_CONFIG_VALUE_0", helper)
    done = maker.try_git(*words, "push", "origin", GLOB)
    assert done.returncode == 0, done.stderr
    assert delivered(team) == [len(large(1))]


def test_who_may_only_read_can_use_everything(team: WebTeam, maker: Repo, seal: Path) -> None:
    push(maker, "datmo")
    credentials = seal / ".git-credentials"
    credentials.write_text(credentials.read_text().replace("writer:", "reader:"))
    reader = team.clone("reader")
    datmo("pull", "--content", cwd=reader.path)
    assert_clean(reader)
    reader.write("c.bin", large(3))
    snap(reader, "mine")
    done = datmo("push", cwd=reader.path, check=False)
    assert done.code == 7
    assert "403" in done.stderr
    assert delivered(team) == [len(large(1))]


def test_a_push_past_the_hook_is_content_not_delivered(team: WebTeam, maker: Repo) -> None:
    maker.git("push", "-q", "--no-verify", "origin", GLOB)
    reader = team.clone("reader")
    datmo("pull", cwd=reader.path)
    [oid] = state(reader)
    done = datmo("snapshot", "checkout", oid, cwd=reader.path, check=False)
    assert done.code == 5
    assert "large.bin" in done.stderr
    assert "Traceback" not in done.stderr
    push(maker, "datmo")
    datmo("snapshot", "checkout", oid, cwd=reader.path)
    assert reader.read("data/large.bin") == large(1)


def test_the_server_goes_away_and_comes_back(team: WebTeam, maker: Repo, webgit: WebGit) -> None:
    webgit.kill()
    done = datmo("push", cwd=maker.path, check=False)
    assert done.code == 7
    assert "Traceback" not in done.stderr
    assert PASSWORD.replace(" ", "%20") not in done.stderr
    webgit.start()
    push(maker, "git")
    reader = team.clone("reader")
    webgit.kill()
    assert datmo("pull", cwd=reader.path, check=False).code == 7
    webgit.start()
    datmo("pull", "--content", cwd=reader.path)
    assert_clean(reader)


def test_what_is_used_and_whether_it_works(team: WebTeam, maker: Repo) -> None:
    push(maker, "datmo")
    said = datmo("remote", "show", cwd=maker.path).stdout
    assert team.url in said
    assert "datmo.gitStoreLimit" in said


def test_content_in_refs_of_a_path_remote(team: WebTeam, maker: Repo) -> None:
    """Asked for by name; nothing is written into the other's git folder but by git."""
    maker.git("remote", "set-url", "origin", str(team.origin.path))
    maker.git("config", "datmo.origin.store", "git")
    push(maker, "git")
    assert delivered(team) == [len(large(1))]
    assert not (team.origin.path / "datmo").exists()
    reader = team.clone("reader")
    datmo("pull", "--content", cwd=reader.path)
    assert_clean(reader)


def test_content_that_nothing_needs_is_freed_there(team: WebTeam, maker: Repo) -> None:
    """What a push left that was given up between content and refs."""
    push(maker, "datmo")
    [writer] = team.refs.writers()
    orphan = {"key": "0" * 32, "blake3": "0" * 64, "size": 5, "at": 0}
    left = {**orphan, "chunks": [team.refs.blob(b"alone")]}
    team.refs.write(writer, [*team.refs.lines(writer), left])
    team.refs.age(writer, days=1)
    datmo("gc", "--remote", "--yes", cwd=maker.path)
    assert delivered(team) == [5, len(large(1))]
    team.refs.age(writer, days=15)
    datmo("gc", "--remote", "--yes", cwd=maker.path)
    assert delivered(team) == [len(large(1))]
    assert len(team.refs.chunks(writer)) == len(team.refs.lines(writer)[0]["chunks"])
    reader = team.clone("reader")
    datmo("pull", "--content", cwd=reader.path)
    assert_clean(reader)


def test_a_mirror_clone_reads_everything(team: WebTeam, maker: Repo) -> None:
    push(maker, "datmo")
    run_git("clone", "-q", "--mirror", team.url, str(team.root / "mirror.git"))
    mirror = Repo(team.root / "mirror.git")
    assert state(mirror).keys() == state(maker).keys()
    out = team.root / "out"
    datmo("snapshot", "checkout", "best", "--into", out, cwd=mirror.path)
    assert (out / "data/large.bin").read_bytes() == large(1)


def test_signing_in_by_what_the_environment_says(
    team: WebTeam, maker: Repo, seal: Path, tmp_path: Path
) -> None:
    """As build servers do it: a header in GIT_CONFIG_COUNT, and no credentials anywhere."""
    (seal / ".git-credentials").unlink()
    maker.git("config", "credential.helper", "")
    token = base64.b64encode(f"writer:{PASSWORD}".encode()).decode()
    given = {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "http.extraHeader",
        "GIT_CONFIG_VALUE_0": f"Authorization: Basic {token}",
        "GIT_TERMINAL_PROMPT": "0",
    }
    refused = datmo("push", cwd=maker.path, env={"GIT_TERMINAL_PROMPT": "0"}, check=False)
    assert refused.code == 7
    pushed = datmo("push", "--json", cwd=maker.path, env=given).json()
    assert pushed["content_files"] == 1
    datmo("clone", team.url, "mine", "--content", cwd=tmp_path, env=given)
    mine = Repo(tmp_path / "mine")
    datmo("snapshot", "checkout", "best", cwd=mine.path)
    assert mine.read("data/large.bin") == large(1)
    for file in (mine.path / ".git").rglob("config"):
        assert token not in file.read_text()
