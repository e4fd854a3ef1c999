"""Bad input: one clear sentence, the right exit code, nothing half done, the rest usable."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.kit.git import Repo
from tests.kit.program import Result, datmo

COMMANDS = [
    "status",
    "snapshot ls",
    "snapshot -m x",
    "snapshot inspect",
    "session ls",
    "cleanup -y",
]


def one_sentence(done: Result, code: int) -> str:
    assert done.code == code, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    return line


@pytest.mark.parametrize("words", COMMANDS)
def test_no_repository(tmp_path: Path, words: str):
    line = one_sentence(datmo(*words.split(" "), cwd=tmp_path, check=False), 128)
    assert "is not in a git repository" in line
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("words", COMMANDS)
def test_no_project(repo: Repo, words: str):
    before = sorted(repo.git_dir.rglob("*"))
    assert "not a git-datmo project" in one_sentence(datmo(*words.split(" "), check=False), 3)
    assert sorted(repo.git_dir.rglob("*")) == before


@pytest.mark.parametrize("words", ["init", *COMMANDS])
def test_sha256_is_refused(tmp_path: Path, words: str):
    repo = Repo.init(tmp_path / "new", "--object-format=sha256")
    line = one_sentence(datmo(*words.split(" "), cwd=repo.path, check=False), 128)
    assert "sha256" in line
    assert not (repo.path / ".git" / "datmo").exists()


def test_a_bare_repository_has_nothing_to_record(tmp_path: Path):
    bare = Repo.bare(tmp_path / "bare.git")
    datmo("init", cwd=bare.path)
    assert "bare" in one_sentence(datmo("snapshot", "-m", "x", cwd=bare.path, check=False), 4)
    assert datmo("snapshot", "ls", "--json", cwd=bare.path).json() == []


def test_no_identity_before_any_work(project: Repo, seal: Path):
    project.write("a", "1")
    (seal / ".gitconfig").write_text("[user]\n\tuseConfigOnly = true\n")
    before = sorted((project.git_dir / "objects").rglob("*"))
    for words in ("snapshot -m x", "session create y"):
        assert "name and email" in one_sentence(datmo(*words.split(" "), check=False), 4)
    assert sorted((project.git_dir / "objects").rglob("*")) == before
    assert datmo("snapshot", "ls", "--json").json() == []


@pytest.mark.parametrize(
    "words", ["nope", "snapshot nope", "snapshot ls --nope", "session select --name"]
)
def test_wrong_usage(project: Repo, words: str):
    done = datmo(*words.split(" "), check=False)
    assert (done.code, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr


def test_no_arguments_is_help(tmp_path: Path):
    assert datmo(cwd=tmp_path).stdout.startswith("Usage: git datmo")
    for flag in ("-v", "--version", "version"):
        assert datmo(flag, cwd=tmp_path).stdout.startswith("git-datmo version: ")


def as_nobody(*words: str, cwd: Path) -> Result:
    program = [sys.executable, "-m", "git_datmo", *words]
    command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *program]
    # The tests' own Python may lie where nobody can start it; the system's does not.
    env = {**os.environ, "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        command, cwd=cwd, env=env, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    return Result(done.stdout, done.stderr, done.returncode)


@pytest.fixture
def nobodys(project: Repo) -> Repo:
    """A project of a user who may not read and write everything, as root may."""
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("needs root, to become somebody who is not")
    home = Path(os.environ["HOME"])
    for top in (home, project.path):
        subprocess.run(["chown", "-R", "65534:65534", str(top)], check=True)
        for parent in top.parents:
            if parent.stat().st_mode & 0o777 == 0o700:
                parent.chmod(0o711)
    if as_nobody("version", cwd=project.path).code != 0:
        pytest.skip("another user cannot start this Python")
    return project


def test_an_unreadable_file_is_named(nobodys: Repo):
    file = nobodys.write("data/numbers.csv", "1")
    os.chown(file.parent, 65534, 65534)
    file.chmod(0)
    line = one_sentence(as_nobody("snapshot", "-m", "x", cwd=nobodys.path), 4)
    assert "numbers.csv" in line


def test_a_read_only_git_directory(nobodys: Repo):
    nobodys.write("a", "1")
    os.chown(nobodys.path / "a", 65534, 65534)
    assert as_nobody("snapshot", "-m", "x", cwd=nobodys.path).code == 0
    nobodys.write("a", "2")
    subprocess.run(["chmod", "-R", "a-w", str(nobodys.path / ".git")], check=True)
    try:
        one_sentence(as_nobody("snapshot", "-m", "y", cwd=nobodys.path), 4)
        listed = as_nobody("snapshot", "ls", "--json", cwd=nobodys.path)
        assert (listed.code, len(listed.json())) == (0, 1), listed.stderr
    finally:
        subprocess.run(["chmod", "-R", "u+w", str(nobodys.path / ".git")], check=True)


def test_a_snapshot_of_a_newer_format_leaves_the_others_usable(project: Repo):
    project.write("a", "1")
    datmo("snapshot", "-m", "mine")
    (name, oid) = next(iter(project.refs("refs/datmo/snapshots").items()))
    body = project.git("cat-file", "commit", oid).replace("Datmo-Format: 1", "Datmo-Format: 2")
    newer = project.git("hash-object", "-t", "commit", "-w", "--stdin", input=body + "\n")
    project.git("update-ref", name.replace(oid, newer), newer)
    assert [row["message"] for row in datmo("snapshot", "ls", "--json").json()] == ["mine"]
    assert datmo("snapshot", "inspect", oid, "--json").json()["message"] == "mine"
    project.write("a", "2")
    datmo("snapshot", "-m", "another")
    assert datmo("fsck", check=False).code in (0, 5)


def test_hostile_text_never_reaches_the_terminal(project: Repo):
    project.write("\x1b[31mred", "1")
    project.write(b"\xff\xfe", "1")
    datmo("snapshot", "-m", "m\x1b[31m", "-l", "l\x1b]0;x\x07", "-c", "k\x1b[0m:v\x1b[0m")
    for words in ("snapshot ls", "snapshot inspect", "status", "snapshot ls --json"):
        assert "\x1b" not in datmo(*words.split(" ")).stdout


@pytest.mark.parametrize(("name", "code"), [("SIGTERM", 143), ("SIGHUP", 129), ("SIGINT", 130)])
def test_a_signal_while_a_class_is_made_is_no_bug(name: str, code: int):
    script = f"""
import os, signal, sys
from git_datmo.cli.errors import guard

class Slow:
    def __set_name__(self, owner, name):
        os.kill(os.getpid(), signal.{name})

def run():
    class Made:
        one = Slow()
    return 0

signal.signal(signal.SIGINT, signal.default_int_handler)
sys.exit(guard(run))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.returncode, "Traceback" in done.stderr) == (code, False), done.stderr


@pytest.mark.parametrize("words", ["version", "snapshot ls --json"])
def test_output_that_nobody_can_take_is_an_error(project: Repo, words: str):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "git_datmo", *words.split()],
            cwd=project.path,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 4
    assert done.stderr == "error: cannot go on: No space left on device\n"


def test_what_is_registered_for_the_end_runs(tmp_path: Path):
    """A command ends without taking its modules apart; this much it still does."""
    code = (
        "import atexit, sys, tempfile; from git_datmo.__main__ import main\n"
        "kept = tempfile.TemporaryDirectory(dir=sys.argv.pop())\n"
        "atexit.register(print, 'at the end')\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "version", str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "at the end"
    assert list(tmp_path.iterdir()) == []
