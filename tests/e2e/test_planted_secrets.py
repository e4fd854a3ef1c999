"""Secrets of all kinds, planted wherever something is recorded: no push takes any of them along
unless it is told to, neither `git datmo push` nor git's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from git_datmo.api import artifact, location, remote, snapshot
from git_datmo.errors import Conflict
from git_datmo.remotes import disclosure, outgoing
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


def run(repo: Repo, *words: str) -> None:
    datmo("run", "--runner", "local", "--in-place", *words, cwd=repo.path)


def plant(repo: Repo, token: Iterator[str]) -> dict[str, str]:
    """Record a secret in each place that there is, each in a snapshot, run or artifact of its own;
    what a push is to call the places, with the snapshot of notes and messages."""
    project = location.find(repo.path)
    places = {}
    repo.write("config.txt", "plain\n")
    repo.write("x.txt", "x\n")
    repo.commit(f"by the way\n\n{next(token)}")
    places["a commit below"] = f"message {repo.head()}"
    repo.write("settings.py", next(token) + "\n")
    take(repo, "a file")
    places["a file"] = "settings.py"
    repo.write("big.log", "step\n" * 250_000 + next(token) + "\n")
    take(repo, "a large file")
    places["a large file"] = "big.log"
    repo.write("requirements.txt", f"numpy\n# {next(token)}\n")
    take(repo, "an environment")
    places["an environment"] = "requirements.txt"
    places["a message"] = "message " + take(repo, f"with\n\n{next(token)}", stats={"n": 1})
    places["config"] = "note " + take(repo, "c", config={"remote": {"options": [next(token)]}})
    places["stats"] = "note " + take(repo, "s", stats={"said": next(token)})
    oid = take(repo, "labelled", stats={"n": 2})
    snapshot.update(project, oid, label=next(token))
    places["a label"] = f"note {oid}"
    artifact.create(project, name="it", paths=["x.txt"], metadata={"from": next(token)})
    places["an artifact"] = "artifact.json"
    run(repo, "--", "true", next(token))
    places["arguments"] = "run.json"
    repo.write(".gitignore", "said\nmake.py\n")
    repo.write("said", next(token))
    repo.write("make.py", f"open('out.txt', 'w').write({next(token)!r})")
    run(repo, "--include-secrets", "--", "sh", "-c", "cat said; python3 make.py")
    return {**places, "a log": "log", "a result": "out.txt"}


def where(finding: disclosure.Finding, notes: dict[str, str]) -> str:
    """A finding as `plant` names its place."""
    if finding.path == "message":
        return f"message {finding.commit}"
    return notes.get(finding.path, finding.path)


def test_no_push_takes_any_of_them_along(tmp_path: Path):
    team = Team(tmp_path)
    repo = team.member("maker")
    used = [EVERY[kind] for kind in KINDS[::5]]
    places = plant(repo, iter(used))
    assert len(places) <= len(used)
    project = location.find(repo.path)
    before = team.origin.refs()
    refs = repo.refs("refs/datmo")
    tips = [oid for name, oid in refs.items() if "/notes/" in name]
    fresh = [oid for name, oid in refs.items() if "/notes/" not in name]
    found = outgoing.look(project, "origin", fresh, [(None, tip) for tip in tips]).findings
    notes = {f"the note of {oid[:10]}": f"note {oid}" for oid in fresh}
    told = {where(finding, notes) for finding in found}
    assert {name: place for name, place in places.items() if place not in told} == {}
    with pytest.raises(Conflict, match="like secrets") as refused:
        remote.push(project)
    assert not [token for token in used if token in refused.value.message]
    assert "datmo.allowSecrets" in str(refused.value.hint)
    plain = repo.try_git("push", "-q", "origin", GLOB)
    assert plain.returncode != 0
    assert "like secrets" in plain.stderr
    assert team.origin.refs() == before
    assert not list((team.origin.path / "datmo").glob("store/??/*"))
    repo.git("-c", "datmo.allowSecrets=true", "push", "-q", "origin", GLOB)
    assert team.origin.refs() != before


def test_every_kind_is_seen_in_each_way_of_keeping(tmp_path: Path):
    """A file, a large file, a message, a note, a run's arguments: each is searched line by line."""
    team = Team(tmp_path)
    repo = team.member("maker")
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
