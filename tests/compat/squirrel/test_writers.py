"""Eight at once: every version is there, none twice."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from git_datmo.compat.squirrel import GitArtifactManager
from tests.kit.checks import assert_clean
from tests.kit.git import Repo

WRITERS = 8
ALL = [f"v{number}" for number in range(WRITERS)]
SCRIPT = """
import sys
from git_datmo.compat.squirrel import GitArtifactManager
manager = GitArtifactManager()
print("ready", flush=True)
sys.stdin.readline()
print(manager.log_artifact(sys.argv[1], "x").metadata["version"])
"""


def everything(manager: GitArtifactManager) -> dict[str, str]:
    versions = manager.collection_to_catalog()["default/x"].versions.values()
    titles = [str(source.metadata["version"]) for source in versions]
    return {title: manager.get_artifact("x", version=title) for title in sorted(titles)}


def test_threads(project: Repo, tmp_path: Path) -> None:
    manager = GitArtifactManager()

    def log(number: int) -> str:
        return str(manager.log_artifact(str(number), "x").metadata["version"])

    with ThreadPoolExecutor(WRITERS) as pool:
        said = dict(enumerate(pool.map(log, range(WRITERS))))
    assert sorted(said.values()) == ALL
    assert everything(manager) == {version: str(number) for number, version in said.items()}
    assert_clean(project)


def test_processes(project: Repo) -> None:
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", SCRIPT, str(number)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environ,
        )
        for number in range(WRITERS)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    said = {}
    for number, process in enumerate(processes):
        out, _ = process.communicate(timeout=120)
        assert process.returncode == 0
        said[number] = out.strip()
    assert sorted(said.values()) == ALL
    found = everything(GitArtifactManager())
    assert found == {version: str(number) for number, version in said.items()}
    assert_clean(project)
