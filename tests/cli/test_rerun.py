"""`git datmo rerun`: what is run once more, what is compared, what is asked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.kit.checks import assert_clean
from tests.kit.git import Repo
from tests.kit.program import datmo
from tests.kit.terminal import on_terminal

SCRIPT = """\
rate=$2
echo "rate: $rate"
echo "weights at $rate" >model.txt
if [ "${DICE:-}" ]; then echo "now: $(date +%N | sed 's/^0*//')"; fi
[ "$rate" != bad ] || exit 3
"""


@pytest.fixture(autouse=True)
def local(project: Repo) -> Repo:
    """A project whose runs are processes of this machine."""
    project.git("config", "datmo.runner", "local")
    project.write("train.sh", SCRIPT)
    project.commit("a script")
    return project


def train(*flags: str, rate: str = "0.1") -> dict[str, Any]:
    done = datmo("run", "--json", *flags, "--", "sh", "train.sh", "--rate", rate, check=False)
    found: dict[str, Any] = done.json()
    return found


def test_a_run_gives_the_same_once_more(local: Repo):
    first = train("--label", "first")
    local.write("train.sh", "echo broken; exit 1\n")
    local.write("model.txt", "mine\n")
    done = datmo("rerun", "first", "--check")
    assert done.stdout.splitlines()[0].endswith(f" repeats {first['id'][:12]}: the same")
    assert "Files     1 of 1 equal" in done.stdout
    assert "rate: 0.1" in done.stderr, "what the task printed"
    assert local.read("model.txt") == b"mine\n", "the work tree is as it was"
    assert local.read("train.sh") == b"echo broken; exit 1\n"
    again = datmo("run", "inspect", "latest", "--json").json()
    assert again["rerun_of"] == first["id"]
    assert [again[key] for key in ("before_id", "after_id", "command", "results")] == [
        first[key] for key in ("before_id", "after_id", "command", "results")
    ]


def test_a_snapshot_names_the_run_that_made_it():
    first = train()
    assert f"repeats {first['id'][:12]}" in datmo("rerun", first["after_id"][:12]).stdout
    done = datmo("rerun", first["before_id"], check=False)
    assert (done.code, done.stdout) == (3, "")


def test_a_document_and_the_exit_codes():
    train("--env", "DICE=1")
    done = datmo("rerun", "latest", "--json", "--check", check=False)
    assert done.code == 1
    shown = done.json()
    assert shown["comparison"]["equal"] is False
    assert [change["key"] for change in shown["comparison"]["results"]["different"]] == ["now"]
    assert shown["run"]["rerun_of"] == shown["original"]["id"] == shown["comparison"]["original"]
    ignored = datmo("rerun", "latest", "--check", "--ignore", "now", "--quiet")
    assert (ignored.code, ignored.stderr) == (0, "")
    near = datmo("rerun", "latest", "--check", "--rtol", "1", "--quiet", "--details")
    assert "within the tolerance" in near.stdout


def test_a_failure_that_fails_again_is_the_same():
    train(rate="bad")
    assert datmo("rerun", "latest", check=False).code == 3
    assert datmo("rerun", "latest", "--check").code == 0


def test_new_settings(local: Repo):
    first = train()
    done = datmo("rerun", "latest", "--set", "rate=0.2", "--json")
    shown = done.json()
    assert shown["settings"] == [{"key": "rate", "place": "command", "before": 0.1, "after": 0.2}]
    assert shown["run"]["command"] == ["sh", "train.sh", "--rate", "0.2"]
    assert shown["run"]["before_id"] == first["before_id"]
    (change,) = shown["comparison"]["results"]["different"]
    assert (change["before"], change["after"]) == (0.1, 0.2)
    unknown = datmo("rerun", "latest", "--set", "depth=2", check=False)
    assert (unknown.code, unknown.stdout) == (2, "")
    assert "--rate" in unknown.stderr
    assert datmo("rerun", "latest", "--set", "rate", check=False).code == 2
    assert len(datmo("ls", "--json").json()) == 2
    assert_clean(local)


def test_newer_code(local: Repo):
    train()
    local.write("train.sh", SCRIPT.replace("weights at", "better weights at"))
    local.commit("better")
    done = datmo("rerun", "latest", "--onto", "HEAD", "--check", "--quiet", check=False)
    assert done.code == 1
    assert "  different  model.txt" in done.stdout
    assert "Results   1 of 1 equal" in done.stdout
    back = datmo("rerun", "latest", "--onto", "HEAD~1", "--check", "--quiet", check=False)
    assert "  different  model.txt" in back.stdout
    nowhere = datmo("rerun", "latest", "--onto", "nope", check=False)
    assert (nowhere.code, nowhere.stdout) == (3, "")


def test_results_come_back_where_that_is_asked(local: Repo):
    train("--no-apply")
    datmo("rerun", "latest")
    assert not (local.path / "model.txt").exists()
    datmo("rerun", "latest", "--apply", "--label", "mine", "--message", "once more")
    assert local.read("model.txt") == b"weights at 0.1\n"
    shown = datmo("run", "inspect", "mine", "--json").json()
    assert shown["message"] == "once more"


@pytest.mark.parametrize(
    ("flags", "code", "text"),
    [
        ("--rtol many", 2, "many"),
        ("--rtol -1", 2, "-1"),
        ("--timeout soon", 2, "soon"),
        ("--runner moon", 2, "moon"),
        ("--session-id nope", 3, "nope"),
        ("--env 1=2", 2, "1"),
    ],
)
def test_what_cannot_be_asked(flags: str, code: int, text: str):
    train()
    done = datmo("rerun", "latest", *flags.split(), check=False)
    assert (done.code, done.stdout) == (code, ""), done.stderr
    assert text in done.stderr
    assert len(datmo("ls", "--json").json()) == 1


@pytest.fixture
def theirs(local: Repo, tmp_path: Path) -> Repo:
    """A clone that knows of a run made by somebody else, in another clone."""
    hub = Repo.bare(tmp_path / "hub.git")
    local.git("remote", "add", "origin", str(hub.path))
    train("--label", "first", "--env", "NAME=\x1b[31mred")
    local.git("push", "--quiet", "origin", "HEAD:refs/heads/main")
    datmo("push", "origin")
    clone = hub.clone(tmp_path / "clone", "--branch", "main")
    clone.git("config", "user.name", "Grace Hopper")
    clone.git("config", "user.email", "grace@example.com")
    datmo("init", "--force", cwd=clone.path)
    datmo("pull", cwd=clone.path)
    return clone


def test_somebody_elses_run_is_not_run_unasked(theirs: Repo):
    done = datmo("rerun", "first", cwd=theirs.path, check=False)
    assert (done.code, done.stdout) == (4, "")
    assert "--yes" in done.stderr
    assert "train.sh" in done.stderr
    assert len(datmo("ls", "--json", cwd=theirs.path).json()) == 1
    assert "the same" in datmo("rerun", "first", "--check", "--yes", cwd=theirs.path).stdout
    assert "the same" in datmo("rerun", "first", "--check", cwd=theirs.path).stdout, "asked once"


@pytest.mark.parametrize(("answer", "code", "count"), [("y", 0, 2), ("n", 4, 1), ("", 4, 1)])
def test_on_a_terminal_it_is_shown_and_asked(theirs: Repo, answer: str, code: int, count: int):
    ended, seen = on_terminal(["rerun", "first"], ("[y/N]", answer + "\n"), cwd=theirs.path)
    assert ended == code, seen
    for text in ("Ada Lovelace <ada@example.com>", "sh train.sh --rate 0.1", "local", "NAME"):
        assert text in seen
    assert "\x1b[31mred" not in seen
    assert "Run it here? [y/N]" in seen
    assert len(datmo("ls", "--json", cwd=theirs.path).json()) == count


def test_the_value_of_a_secret_is_asked_for(local: Repo):
    local.write("key.sh", 'echo "length: ${#API_TOKEN}"\n')
    datmo("run", "-q", "--env", "API_TOKEN=hunter2", "--", "sh", "key.sh")
    without = datmo("rerun", "latest")
    assert "API_TOKEN" in without.stderr
    with_it = datmo("rerun", "latest", "--check", "--env", "API_TOKEN=hunter3", check=False)
    assert "length  0 -> 7" in with_it.stdout
    assert "hunter" not in json.dumps(datmo("ls", "--json").json())
