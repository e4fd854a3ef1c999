"""Runs on real projects: what a command did, said and left, with the installed program."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.task import after, begun, inspected, leftovers, ran, runs, typed, until
from tests.kit.checks import assert_clean, untouched, users_state
from tests.kit.git import Repo
from tests.kit.program import datmo

SECRET = "hunter2-correct-horse"


@contextmanager
def untouched_but(repo: Repo, *paths: str) -> Iterator[None]:
    """As `untouched`, apart from paths that are expected to come."""
    aside = {f"file {path}" for path in (*paths, ".")}
    before = users_state(repo)
    yield
    now = users_state(repo)
    for state in (before, now):
        for name in aside:
            state.pop(name, None)
    assert now == before


@pytest.fixture(autouse=True)
def local(project: Repo) -> Repo:
    """A project with a commit, whose runs are processes of this machine."""
    project.git("config", "datmo.runner", "local")
    project.write("words.txt", "pear\napple\npear\nfig\n")
    project.write("config.json", '{"lr": 0.1, "seed": 1}\n')
    project.commit()
    return project


def test_a_shell_pipeline(local: Repo):
    with untouched_but(local, "counts.txt"):
        row = ran(local, "sort words.txt | uniq -c | sort -rn | tee counts.txt | wc -l")
    assert (row["status"], row["exit_code"], row["outputs"]) == ("success", 0, ["counts.txt"])
    assert local.read("counts.txt").split() == [b"2", b"pear", b"1", b"fig", b"1", b"apple"]
    assert after(local, row, "counts.txt") == local.read("counts.txt")
    assert datmo("logs").stdout == "3\n"
    assert row["config"] == {"lr": 0.1, "seed": 1}
    assert leftovers(local) == []


def test_a_failing_script_keeps_what_it_did(local: Repo):
    script = "echo epoch: 1; echo half >partial.txt; echo 'no such layer' >&2; exit 3"
    row = ran(local, script, code=3)
    assert (row["status"], row["exit_code"], row["results"]) == ("failed", 3, {"epoch": 1})
    assert after(local, row, "partial.txt") == b"half\n"
    assert local.read("partial.txt") == b"half\n"
    assert sorted(datmo("logs").stdout.splitlines()) == ["epoch: 1", "no such layer"]
    [listed] = runs(local, "--where", "status == 'failed'")
    assert listed["id"] == row["id"]
    assert runs(local, "--where", "status == 'success'") == []


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("awk", ["awk", "{n[$1]++} END {for (w in n) print w \": \" n[w]}", "words.txt"]),
        ("perl", ["perl", "-ne", 'chomp; $n{$_}++; END {print "$_: $n{$_}\\n" for keys %n}',
                  "words.txt"]),
        ("Rscript", ["Rscript", "-e", "n <- table(readLines('words.txt')); "
                     "cat(sprintf('%s: %d\\n', names(n), n), sep='')"]),
    ],
)  # fmt: skip
def test_other_languages(local: Repo, program: str, words: list[str]):
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    row = ran(local, "--", *words)
    assert row["results"] == {"pear": 2, "apple": 1, "fig": 1}
    assert row["command"] == words


def test_a_large_output_becomes_a_pointer_and_comes_back_whole(local: Repo):
    row = ran(local, "yes datmo | head -c 3000000 >model.bin; : >empty.bin")
    stored = after(local, row, "model.bin")
    assert stored.startswith(b"git-datmo pointer 1\n")
    wanted = (b"datmo\n" * 500000)[:3000000]
    assert local.read("model.bin") == wanted
    local.write("model.bin", "gone")
    typed(local, "snapshot", "checkout", row["after_id"])
    assert local.read("model.bin") == wanted
    assert local.read("empty.bin") == b""


def test_what_a_task_says_of_itself(local: Repo):
    local.write(
        "train.py",
        """\
import json, os, pathlib
task = pathlib.Path(os.environ["DATMO_TASK_DIR"])
(task / "config.json").write_text(json.dumps({"lr": 0.2, "layers": [3, 4]}))
(task / "stats.json").write_text(json.dumps({"auc": 0.75}))
(task / "plots").mkdir()
(task / "plots" / "roc.svg").write_text("<svg/>")
with open(task / "metrics.jsonl", "a") as points:
    for step in range(3):
        print(json.dumps({"type": "train", "step": step, "loss": 1 / (step + 1)}), file=points)
        print(json.dumps({"step": step, "rate": step / 10}), file=points)
print("accuracy: 0.91")
print("note: this: is no result")
print("best layer: conv1")
""",
    )
    row = ran(local, "-c", "seed:7", "--", "python3", "train.py")
    assert row["results"] == {"accuracy": 0.91, "best layer": "conv1", "auc": 0.75}
    assert row["config"] == {"lr": 0.2, "seed": 7, "layers": [3, 4]}
    assert (row["stats"]["auc"], row["stats"]["accuracy"]) == (0.75, 0.91)
    assert row["metrics"]["train"] == {"loss": 1 / 3}
    assert after(local, row, "task/plots/roc.svg") == b"<svg/>"
    # The project's own config file is the user's: what the task said of it changes nothing there.
    assert json.loads(local.read("config.json")) == {"lr": 0.1, "seed": 1}
    found = datmo("snapshot", "inspect", row["after_id"], "--json").json()
    assert (found["config"], found["stats"]) == (row["config"], row["stats"])


def test_an_edit_made_meanwhile_is_never_overwritten(local: Repo):
    child = begun(
        local, "echo task >words.txt; echo new >mine.txt; echo new >theirs.txt; rm config.json; "
        "echo ready; while [ ! -e ../go ]; do sleep 0.02; done"
    )  # fmt: skip
    assert child.stdout is not None
    try:
        assert child.stdout.readline() == "ready\n"
        local.write("words.txt", "my edit\n")
        local.write("mine.txt", "my new file\n")
        local.write("config.json", '{"lr": 5}\n')
    finally:
        (flight,) = (local.git_dir / "datmo/pool").glob("*/tree")
        (flight.parent / "go").touch()
        _, said = child.communicate(timeout=60)
    assert child.returncode == 0
    assert local.read("words.txt") == b"my edit\n"
    assert local.read("mine.txt") == b"my new file\n"
    assert local.read("config.json") == b'{"lr": 5}\n'
    assert local.read("theirs.txt") == b"new\n"
    [row] = runs(local)
    for path in ("words.txt", "mine.txt", "config.json"):
        assert f"not put back: {path}" in said
    assert row["after_id"][:12] in said
    assert after(local, row, "words.txt") == b"task\n"
    assert_clean(local)


def test_nothing_comes_back_unless_wanted(local: Repo):
    with untouched(local):
        row = ran(local, "--no-apply", "echo new >new.txt; rm words.txt; mkdir empty")
    assert after(local, row, "new.txt") == b"new\n"
    assert sorted(row["outputs"]) == ["empty", "new.txt", "words.txt"]


def test_in_place_works_in_the_work_tree(local: Repo):
    row = ran(local, "--in-place", "pwd >where.txt; rm words.txt")
    assert local.read("where.txt").decode().strip() == os.path.realpath(local.path)
    assert not (local.path / "words.txt").exists()
    assert sorted(row["outputs"]) == ["where.txt", "words.txt"]
    typed(local, "snapshot", "checkout", row["before_id"])
    assert local.read("words.txt") == b"pear\napple\npear\nfig\n"
    assert not (local.path / "where.txt").exists()


def test_from_a_subfolder(local: Repo):
    local.write("a b/deep/input.txt", "7\n")
    folder = local.path / "a b" / "deep"
    row = ran(local, "cp input.txt copy.txt; ls ../..", cwd=folder)
    assert (row["folder"], row["outputs"]) == ("a b/deep", ["a b/deep/copy.txt"])
    assert (folder / "copy.txt").read_bytes() == b"7\n"
    again = typed(local, "rerun", "--check", row["id"])
    assert "the same" in again.stdout


def test_linked_folders_and_data(local: Repo, tmp_path: Path):
    shared = tmp_path / "big data"
    shared.mkdir()
    (shared / "train.csv").write_text("1,2\n")
    local.git("config", "datmo.link", f"{shared}>inputs")
    other = tmp_path / "other"
    other.mkdir()
    script = 'cat inputs/train.csv; echo seen >"$DATMO_DATA_DIR/out/seen.txt"; ls inputs >listed'
    row = ran(local, "--data", f"{other}>out", "--", "sh", "-c", script)
    assert row["outputs"] == ["listed"]
    assert (other / "seen.txt").read_text() == "seen\n"
    assert not (local.path / "inputs").exists()
    assert (shared / "train.csv").read_text() == "1,2\n"


def test_a_secret_of_the_command_is_written_nowhere(local: Repo):
    script = 'test "$API_TOKEN" = ' + SECRET[:7] + '*; echo "${#API_TOKEN}"'
    row = ran(local, "--env", f"API_TOKEN={SECRET}", "--env", "MODE=fast", script)
    assert row["variables"] == {"API_TOKEN": None, "MODE": "fast"}
    assert datmo("logs").stdout == f"{len(SECRET)}\n"
    detached = datmo("run", "-d", "--env", f"API_TOKEN={SECRET}", "sleep 0.3").stdout.strip()
    assert grep(local, SECRET.encode()) == []
    until(lambda: inspected(local, detached)["commit"])
    assert grep(local, SECRET.encode()) == []
    assert_clean(local)


def grep(repo: Repo, needle: bytes) -> list[str]:
    """Where below `.git` some bytes can be read: files, and git objects."""
    folder = repo.git_dir
    found = [p for p in folder.rglob("*") if p.is_file() and needle in p.read_bytes()]
    every = subprocess.run(
        ["git", "cat-file", "--batch-all-objects", "--batch"],
        cwd=repo.path, capture_output=True, check=True,
    ).stdout  # fmt: skip
    return [*map(str, found), *(["a git object"] if needle in every else [])]


def test_a_secret_file_that_a_task_wrote_stays_out(local: Repo):
    half = len(SECRET) // 2
    script = f"printf 'API_KEY=%s%s' '{SECRET[:half]}' '{SECRET[half:]}' >.env; echo done >done.txt"
    row = ran(local, script)
    assert row["outputs"] == ["done.txt"]
    assert not (local.path / ".env").exists()
    # It lies where the task wrote it, until that place is used again, and nowhere else.
    assert all("/datmo/pool/" in place for place in grep(local, SECRET.encode()))
    ran(local, "true")
    assert grep(local, SECRET.encode()) == []


def test_a_timeout_keeps_what_was_done(local: Repo):
    row = ran(local, "--timeout", "1s", "echo step: 1; echo 1 >done.txt; sleep 60", code=124)
    assert (row["status"], row["results"]) == ("timeout", {"step": 1})
    assert "1 s" in row["reason"]
    assert local.read("done.txt") == b"1\n"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_a_task_that_dies_of_a_signal(local: Repo, number: int):
    row = ran(local, f"echo x >x; kill -{int(number)} $$", code=128 + number)
    assert (row["status"], row["signal"]) == ("failed", number)
    assert signal.Signals(number).name in row["reason"]
    assert local.read("x") == b"x\n"


def test_bytes_pass_unchanged(local: Repo):
    data = bytes(range(256)) * 4000
    local.write("in.bin", data)
    done = subprocess.run(
        ["git", "datmo", "run", "-q", "--", "cat", "in.bin"],
        cwd=local.path, capture_output=True, check=True,
    )  # fmt: skip
    assert hashlib.sha256(done.stdout).digest() == hashlib.sha256(data).digest()
    logged = subprocess.run(["git", "datmo", "logs"], capture_output=True, check=True).stdout
    assert logged == data
    assert_clean(local)


def test_a_snapshot_of_ones_own_from_a_run(local: Repo):
    row = ran(local, "echo accuracy: 0.9; echo w >weights.txt")
    ran(local, "echo accuracy: 0.5; echo v >weights.txt")
    assert datmo("snapshot", "ls", "--json").json() == []
    made = typed(
        local, "snapshot", "create", "-m", "keep", "--run-id", row["id"][:8], "--json"
    ).json()
    assert (made["stats"]["accuracy"], made["task_id"]) == (0.9, row["id"])
    typed(local, "snapshot", "checkout", made["id"])
    assert local.read("weights.txt") == b"w\n"
    [shown] = datmo("snapshot", "ls", "--json").json()
    assert (shown["message"], shown["id"]) == ("keep", made["id"])
    both = ("--run-id", row["id"], "--commit-id", "HEAD")
    assert "from the run" in typed(local, "snapshot", "-m", "both", *both, code=2).stderr


def test_a_label_of_a_later_run_takes_no_message_away(local: Repo):
    ran(local, "--label", "best", "--message", "worth keeping", "--", "sh", "-c", "echo w >out.txt")
    ran(local, "--label", "again", "--", "sh", "-c", "echo w >out.txt")
    [shown] = datmo("snapshot", "ls", "--json").json()
    assert (shown["label"], shown["message"]) == ("again", "worth keeping")
