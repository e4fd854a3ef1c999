"""A run of nothing: what recording it costs beside the bare command."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from tests.bench.harness import DATMO, Row, pair, project, run


def rows(base: Path, files: int) -> Iterator[Row]:
    """The local runner, in a small project and in one of `files` files."""
    for count in (100, files):
        root = project(base / f"local-{count}", count)
        words = [DATMO, "run", "--runner", "local", "-q", "--", "true"]
        yield pair(
            f"run -- true, {count:,} files, to true + 300 ms",
            partial(run, *words, cwd=root),
            partial(run, "true", cwd=root),
            "<= 1x",
            plus=300,
        )


def containers(base: Path, files: int) -> Iterator[Row]:
    """A container, warm, against `docker run` of the same image; none without an engine."""
    if shutil.which("docker") is None:
        return
    import docker

    from tests.kit.engine import machine_image

    image = machine_image(docker.APIClient())
    root = project(base / "docker", files, commit=False)
    (root / "Dockerfile").write_text(f"FROM {image}\n")
    run("git", "add", "-A", cwd=root)
    run("git", "commit", "-qm", "all", cwd=root)
    ours = [DATMO, "run", "--runner", "docker", "-q", "--", "true"]
    run(*ours, cwd=root)
    yield pair(
        f"a container run of nothing, {files:,} files, to docker run",
        lambda: run(*ours, cwd=root),
        lambda: run("docker", "run", "--rm", "--network", "none", image, "true", cwd=root),
        "<= 1.4x",
    )
