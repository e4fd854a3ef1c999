"""Secrets of all kinds, planted wherever something is recorded: no push takes any of them along
unless it is told to, neither `git datmo push` nor git's own."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from git_datmo.api import artifact, location, remote, snapshot
from git_datmo.errors import Conflict
from git_datmo.remotes import outgoing
from tests.e2e.team import GLOB, Team
from tests.kit import tokens
from tests.kit.git import Repo
from tests.kit.program import datmo

EVERY = tokens.every()
ALL = "".join(line + "\n" for line in EVERY.values())
KINDS = [kind for kind in EVERY if "dotenv" not in kind]  # These are lines of their own.


def take(repo: Repo, message: str = "a state", **keywords: object) -> str:
    keywords = {"include_secrets": True, **keywords}
    made = snapshot.create(location.find(repo.path), message=message, **keywords)  # type: ignore[arg-type]
    return str(made.id)


def run(repo: Repo, *words: str) -> str:
    done = datmo("run", "--json", "--runner", "local", "--include-secrets", *words, cwd=repo.path)
    return str(done.json()["id"])


def in_a_file(repo: Repo, token: str) -> None:
    repo.write("settings.py", token + "\n")
    take(repo)


def in_a_large_file(repo: Repo, token: str) -> None:
    repo.write("big.log", "step\n" * 250_000 + token + "\n")
    take(repo)


def in_config(repo: Repo, token: str) -> None:
    take(repo, config={"remote": {"options": [token]}})


def in_stats(repo: Repo, token: str) -> None:
    take(repo, stats={"said": token})


def in_a_message(repo: Repo, token: str) -> None:
    take(repo, f"with\n\n{token}")


def in_a_label(repo: Repo, token: str) -> None:
    snapshot.update(location.find(repo.path), take(repo), label=token)


def in_arguments(repo: Repo, token: str) -> None:
    run(repo, "--", "true", token)


def in_a_log(repo: Repo, token: str) -> None:
    repo.write("said.txt", token)
    repo.write(".gitignore", "said.txt\n")
    run(repo, "--in-place", "--", "cat", "said.txt")


def in_a_result(repo: Repo, token: str) -> None:
    repo.write("make.py", "import sys; open('out.txt', 'w').write(sys.stdin.read() or X)")
    script = f"import json; open('out.txt', 'w').write(json.loads({json.dumps(json.dumps(token))}))"
    repo.write("make.py", script)
    repo.write(".gitignore", "make.py\n")
    run(repo, "--in-place", "--", "python3", "make.py")


def in_an_environment(repo: Repo, token: str) -> None:
    repo.write("requirements.txt", f"numpy\n# {token}\n")
    take(repo)


def in_an_artifact(repo: Repo, token: str) -> None:
    artifact.create(
        location.find(repo.path), name="it", paths=["train.py"], metadata={"from": token}
    )


def in_a_commit_below(repo: Repo, token: str) -> None:
    repo.write("x.txt", "x\n")
    repo.commit(f"by the way\n\n{token}")
    take(repo)


PLACES: list[Callable[[Repo, str], None]] = [
    *(in_a_file, in_a_large_file, in_config, in_stats, in_a_message, in_a_label, in_arguments),
    *(in_a_log, in_a_result, in_an_environment, in_an_artifact, in_a_commit_below),
]


@pytest.mark.parametrize("number", range(len(PLACES)), ids=[p.__name__ for p in PLACES])
def test_no_push_takes_it_along(tmp_path: Path, number: int):
    team = Team(tmp_path)
    repo = team.clone("maker")
    token = EVERY[KINDS[number * 5 % len(KINDS)]]
    PLACES[number](repo, token)
    before = team.origin.refs()
    with pytest.raises(Conflict, match="like secrets") as refused:
        remote.push(location.find(repo.path))
    assert token not in refused.value.message
    assert "datmo.allowSecrets" in str(refused.value.hint)
    plain = repo.try_git("push", "-q", "origin", GLOB)
    assert plain.returncode != 0
    assert "like secrets" in plain.stderr
    assert team.origin.refs() == before
    assert not list((team.origin.path / "datmo").glob("store/??/*"))
    if number == 0:
        repo.git("-c", "datmo.allowSecrets=true", "push", "-q", "origin", GLOB)
        assert team.origin.refs() != before


def test_every_kind_is_seen_in_each_way_of_keeping(tmp_path: Path):
    """A file, a large file, a message, a note, a run's arguments: each is searched line by line."""
    team = Team(tmp_path)
    repo = team.clone("maker")
    repo.write("small.txt", ALL)
    repo.write("large.txt", "step\n" * 250_000 + ALL)
    take(repo, ALL, config=dict(EVERY))
    project = location.find(repo.path)
    [tip] = repo.refs("refs/datmo/notes").values()
    fresh = repo.refs("refs/datmo/snapshots").values()
    found = outgoing.look(project, "origin", fresh, [(None, tip)]).findings
    lines = {path: {f.line for f in found if f.path == path} for path in {f.path for f in found}}
    assert len(lines["small.txt"]) == len(lines["large.txt"]) == len(EVERY)
    assert len(lines["message"]) == len(EVERY)
    assert any(path.startswith("the note of") for path in lines)
