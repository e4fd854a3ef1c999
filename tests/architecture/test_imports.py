"""Help, lists and the SDK's front door load only what they need."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.kit.git import Repo

HEAVY = {"docker", "pygit2", "rich", "starlette", "uvicorn", "jinja2", "plotly", "requests"}
SLOW_STDLIB = {"asyncio", "http", "email"}


def loaded(*args: str) -> set[str]:
    """The top-level names of all modules that `python <args>` imports."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *args], capture_output=True, text=True, input=""
    )
    assert done.returncode == 0, done.stderr[-2000:]
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    return {line.rpartition("|")[2].strip().split(".")[0] for line in lines}


def test_the_measure_sees_imports():
    assert "pygit2" in loaded("-c", "import pygit2")


def test_importing_the_package_costs_nothing():
    found = loaded("-c", "import git_datmo") - loaded("-c", "pass")
    assert found & (HEAVY | SLOW_STDLIB | {"click", "orjson", "xxhash", "blake3", "yaml"}) == set()


@pytest.mark.parametrize("words", ["-h", "--version", "snapshot --help", "snapshot ls -h"])
def test_help_loads_nothing_heavy(words: str):
    found = loaded("-m", "git_datmo", *words.split())
    assert found & (HEAVY | {"yaml", "xxhash", "blake3"}) == set()


# Which session is selected is asked of git.
@pytest.mark.parametrize(
    ("words", "also"),
    [
        ("ls", set()),
        ("snapshot ls", set()),
        ("snapshot ls --json", set()),
        ("artifact ls", set()),
        ("session ls", {"subprocess"}),
    ],
)
def test_lists_load_neither_libgit2_nor_what_writing_needs(
    project: Repo, words: str, also: set[str]
):
    loaded("-m", "git_datmo", *words.split())  # the first one may have an index to make
    found = loaded("-m", "git_datmo", *words.split())
    assert found & {"pygit2", "tempfile", "subprocess", "concurrent", "logging"} <= also


@pytest.mark.parametrize("words", ["snapshot -m one", "run --runner local -- true"])
@pytest.mark.parametrize("packed", [False, True])
def test_a_few_objects_are_read_and_written_without_libgit2(
    project: Repo, words: str, packed: bool
):
    project.write("a", "1")
    project.commit()
    loaded("-m", "git_datmo", "snapshot", "-m", "before")
    if packed:
        project.git("gc", "-q", "--prune=now")
    project.write("a", "2")
    assert "pygit2" not in loaded("-m", "git_datmo", *words.split())


def test_a_snapshot_loads_nothing_that_only_places_need(project: Repo):
    project.write("a", "1")
    found = loaded("-m", "git_datmo", "snapshot", "-m", "one")
    assert found & {"concurrent", "logging", "docker", "rich"} == set()
