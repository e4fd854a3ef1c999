"""Partial clones: what git left at the remote comes when it is needed, and many at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.team import Team, large, snap, state, update
from tests.kit.checks import assert_clean
from tests.kit.git import Repo, run_git
from tests.kit.program import datmo

FILTERS = ["blob:none", "tree:0", "blob:limit=100"]


def partial(team: Team, name: str, kind: str = "blob:none", *flags: str) -> Repo:
    """A partial clone of the hub; every connection it makes leaves a line in `<name>.asked`."""
    team.origin.git("config", "uploadpack.allowFilter", "true")
    program = team.root / f"{name}.sh"
    log = team.root / f"{name}.asked"
    program.write_text(f'#!/bin/sh\necho >>"{log}"\nexec git upload-pack "$@"\n')
    program.chmod(0o755)
    path = team.root / name
    url = f"file://{team.origin.path}"
    run_git("clone", "-q", "-u", str(program), f"--filter={kind}", *flags, url, str(path))
    made = Repo(path)
    made.git("config", "remote.origin.uploadpack", str(program))
    made.git("config", "user.name", name)
    datmo("init", cwd=path)
    return made


def asked(team: Team, name: str) -> int:
    """How often a clone connected to the hub so far."""
    return (team.root / f"{name}.asked").read_text().count("\n")


def absent(repo: Repo) -> set[str]:
    """The objects that git knows to be at the remote only."""
    out = repo.git("rev-list", "--objects", "--all", "--missing=print")
    return {line[1:] for line in out.splitlines() if line.startswith("?")}


@pytest.mark.parametrize("kind", FILTERS)
def test_everything_works_in_a_partial_clone(team: Team, maker: Repo, kind: str) -> None:
    reader = partial(team, "reader", kind)
    datmo("pull", cwd=reader.path)
    assert state(reader) == state(maker)
    shown = datmo("snapshot", "inspect", "best", "--json", cwd=reader.path).json()
    assert shown["config"] == {"lr": 0.1}
    datmo("snapshot", "checkout", "best", cwd=reader.path)
    assert reader.read("data/large.bin") == large(1)
    assert reader.read("src/deep/model.py") == maker.read("src/deep/model.py")
    reader.write("src/deep/model.py", "changed")
    mine = snap(reader, "mine")
    changed = datmo("snapshot", "diff", "best", mine, "--json", cwd=reader.path, check=False).json()
    assert [change["path"] for change in changed["files"]] == ["src/deep/model.py"]
    run = datmo("run", "--json", "--", "cat", "src/deep/model.py", cwd=reader.path).json()
    assert run["status"] == "success"
    datmo("push", cwd=reader.path)
    datmo("pull", cwd=maker.path)
    assert state(maker) == state(reader)
    assert datmo("run", "ls", "--json", cwd=maker.path).json()[0]["id"] == run["id"]
    assert_clean(reader)
    assert_clean(team.origin)


def test_a_clone_without_a_checkout_has_nothing_and_gets_it(team: Team, maker: Repo) -> None:
    reader = partial(team, "reader", "tree:0", "--no-checkout")
    datmo("pull", cwd=reader.path)
    target = team.root / "out"
    datmo("snapshot", "checkout", "best", "--into", target, cwd=reader.path)
    assert (target / "src/deep/model.py").read_bytes() == maker.read("src/deep/model.py")
    assert (target / "data/large.bin").read_bytes() == large(1)


def test_a_run_made_elsewhere_can_be_read(team: Team, maker: Repo) -> None:
    made = datmo("run", "--json", "--", "echo", "said: 1", cwd=maker.path).json()
    datmo("push", cwd=maker.path)
    reader = partial(team, "reader", "tree:0")
    datmo("pull", cwd=reader.path)
    [row] = datmo("run", "ls", "--json", cwd=reader.path).json()
    assert row["id"] == made["id"]
    assert "said: 1" in datmo("logs", made["id"], cwd=reader.path).stdout


def test_many_snapshots_cost_a_few_connections(team: Team, maker: Repo) -> None:
    for number in range(12):
        maker.write("src/deep/model.py", f"# {number}\n")
        maker.write(f"src/more{number}.py", f"# {number}\n" * 100)
        snap(maker, f"number {number}")
    datmo("push", cwd=maker.path)
    reader = partial(team, "reader")
    start = asked(team, "reader")
    datmo("pull", cwd=reader.path)
    assert len(state(reader)) == 13
    # The refs; the notes; what says what the environment is.
    assert asked(team, "reader") - start <= 4
    start = asked(team, "reader")
    newest = max(
        state(reader).values(),
        key=lambda row: (
            int(row["message"].split()[-1]) if row["message"].startswith("number") else -1
        ),
    )
    datmo("snapshot", "checkout", newest["id"], cwd=reader.path)
    assert reader.read("src/more11.py") == b"# 11\n" * 100
    # Small blobs of the tree, to tell pointers; and the rest of what is written.
    assert asked(team, "reader") - start <= 3


def test_what_is_here_is_not_asked_for(team: Team, maker: Repo) -> None:
    reader = partial(team, "reader")
    datmo("pull", cwd=reader.path)
    state(reader)
    start = asked(team, "reader")
    reader.write("new.txt", "new")
    snap(reader, "one")
    snap(reader, "nothing changed")
    state(reader)
    datmo("status", cwd=reader.path)
    assert asked(team, "reader") == start


def test_pulling_content_leaves_large_code_at_the_remote(team: Team, maker: Repo) -> None:
    [model] = [o for o, p in blobs(maker, "best").items() if p == "src/deep/model.py"]
    [config] = [o for o, p in blobs(maker, "best").items() if p == "config.json"]
    reader = partial(team, "reader")
    done = datmo("pull", "--content", "--json", cwd=reader.path).json()
    assert (done["content_files"], done["content_bytes"]) == (1, len(large(1)))
    assert model in absent(reader)
    assert config not in absent(reader)


def blobs(repo: Repo, snapshot: str) -> dict[str, str]:
    oid = datmo("snapshot", "inspect", snapshot, "--json", cwd=repo.path).json()["id"]
    return {facts.split()[2]: path for path, facts in repo.tree(oid).items()}


def test_without_its_remote_it_goes_on_with_what_is_here(
    team: Team, maker: Repo, tmp_path: Path
) -> None:
    reader = partial(team, "reader")
    datmo("pull", cwd=reader.path)
    before = state(reader)
    update(maker, "best", "--message", "newer")
    datmo("push", cwd=maker.path)
    reader.git("fetch", "-q")  # plain: the new notes are known to be there, not what they say
    team.origin.path.rename(tmp_path / "away")

    assert state(reader) == before
    reader.write("new.txt", "new")
    mine = snap(reader, "mine")
    failed = datmo("snapshot", "checkout", "best", cwd=reader.path, check=False)
    assert failed.code == 7
    assert "partial clone" in failed.stderr
    assert "damaged" not in failed.stderr

    (tmp_path / "away").rename(team.origin.path)
    assert {row["message"] for row in state(reader).values()} == {"newer", "mine"}
    datmo("snapshot", "checkout", "best", cwd=reader.path)
    datmo("snapshot", "checkout", mine, cwd=reader.path)
    assert_clean(reader)


def test_what_the_remote_has_lost_does_not_keep_the_rest_away(team: Team, maker: Repo) -> None:
    maker.write("other.py", "# other\n" * 100)
    second = snap(maker, "second")
    datmo("push", cwd=maker.path)
    reader = partial(team, "reader")
    [lost] = [o for o, p in blobs(maker, second).items() if p == "other.py"]
    team.origin.git("repack", "-qad")
    team.origin.git("unpack-objects", "-q", input=unpacked(team.origin))
    (team.origin.path / "objects" / lost[:2] / lost[2:]).unlink()
    datmo("pull", cwd=reader.path, check=False)
    assert len(state(reader)) == 2
    datmo("snapshot", "checkout", "best", cwd=reader.path)
    assert reader.read("src/deep/model.py") == maker.read("src/deep/model.py")
    failed = datmo("snapshot", "checkout", second, cwd=reader.path, check=False)
    assert failed.code in (5, 7)
    assert not (reader.path / "other.py").exists()


def unpacked(repo: Repo) -> bytes:
    """The only pack of a repository, taken out of it."""
    [pack] = (repo.path / "objects" / "pack").glob("*.pack")
    data = pack.read_bytes()
    for file in pack.parent.iterdir():
        file.unlink()
    return data


def test_freeing_space_asks_the_remote_what_is_needed(
    team: Team, maker: Repo, tmp_path: Path
) -> None:
    reader = partial(team, "reader", "tree:0")
    datmo("pull", cwd=reader.path)
    [file] = (maker.git_dir / "datmo/store").glob("??/*")
    copy = reader.git_dir / "datmo/store" / file.relative_to(maker.git_dir / "datmo/store")
    copy.parent.mkdir(parents=True, exist_ok=True)
    copy.write_bytes(file.read_bytes())
    reader.git("config", "datmo.gcGrace", "0")
    team.origin.path.rename(tmp_path / "away")
    assert datmo("gc", cwd=reader.path, check=False).code == 7
    assert copy.exists()
    (tmp_path / "away").rename(team.origin.path)
    datmo("gc", cwd=reader.path)
    assert copy.exists()
    datmo("snapshot", "delete", "best", cwd=reader.path)
    datmo("gc", cwd=reader.path)
    assert not copy.exists()
