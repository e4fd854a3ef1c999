"""A project with something of everything that pages show: runs with curves, snapshots, artifacts,
sessions; made through the verbs, in this process."""

from __future__ import annotations

import json
import math
import struct
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from git_datmo.api import artifact, inline, location, session, snapshot
from git_datmo.api.project import init
from git_datmo.cli.project import program
from git_datmo.model.run import Run
from git_datmo.model.series import line
from git_datmo.records.project import Project
from tests.kit.git import Repo

Points = Mapping[str, Sequence[float]]
BEGIN = 1_790_000_000.0  # seconds since 1970


def picture(width: int = 24, height: int = 16) -> bytes:
    """A small PNG: a slope from dark to light."""
    rows = b"".join(
        b"\0" + bytes(min(255, 8 * (x + y)) for x in range(width)) for y in range(height)
    )

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def decay(steps: int, rate: float, floor: float = 0.0) -> list[float]:
    """A loss as one sees it in training."""
    return [floor + math.exp(-rate * step / steps) for step in range(steps)]


@dataclass
class Laboratory:
    """A repository that is a project, and what was recorded in it by a name of the test's."""

    repo: Repo
    runs: dict[str, Run] = field(default_factory=dict)
    snapshots: dict[str, str] = field(default_factory=dict)
    artifacts: dict[str, str] = field(default_factory=dict)

    @classmethod
    def at(cls, path: Path) -> Laboratory:
        """A new project at `path`, with a commit."""
        repo = Repo.init(path)
        repo.write("train.py", "print('training')\n")
        repo.commit("begin")
        init(location.find(path), program=program())
        return cls(repo)

    @property
    def project(self) -> Project:
        return Project.open(self.repo.path)

    def started(
        self,
        name: str,
        *,
        points: Mapping[str, Points] | None = None,
        log: bytes = b"",
        stats: Mapping[str, Any] | None = None,
        system: Iterable[Mapping[str, Any]] = (),
        **said: Any,
    ) -> inline.Inline:
        """A run of this process that goes on: `points` by type and metric."""
        run = inline.start(self.project, name=name, **said)
        with (run.task / "metrics.jsonl").open("ab") as file:
            for kind, series in (points or {}).items():
                for step, values in enumerate(zip(*series.values(), strict=True)):
                    point = dict(zip(series, values, strict=True))
                    at = {"step": step, "epoch": step // 10, "time": BEGIN + step}
                    file.write(line(point, type=kind, **at))  # type: ignore[arg-type]
        with (run.folder / "log").open("ab") as file:
            file.write(log)
        if stats is not None:
            (run.task / "stats.json").write_text(json.dumps(stats))
        with (run.folder / "system.jsonl").open("ab") as file:
            for sample in system:
                file.write(json.dumps(sample).encode() + b"\n")
        return run

    def run(self, name: str, *, exit_code: int = 0, **said: Any) -> Run:
        """A run that has ended, by its name."""
        self.runs[name] = self.started(name, **said).finish(exit_code)
        return self.runs[name]

    def snapshot(self, name: str, **said: Any) -> str:
        """A snapshot of the work tree as it is, by its message; its id."""
        made = snapshot.create(self.project, message=name, **said)
        self.snapshots[name] = made.id
        return str(made.id)

    def artifact(self, name: str, *paths: str, **said: Any) -> str:
        """The next version of an artifact; its id."""
        sources = [(str(self.repo.path / path), path) for path in paths]
        made = artifact.create(self.project, name=name, paths=sources, **said)
        self.artifacts[name] = made.id
        return str(made.id)

    def session(self, name: str) -> None:
        """A session, which all that follows belongs to."""
        session.create(self.project, name=name)


def furnished(path: Path) -> Laboratory:
    """Six runs of three models in two sessions, one of them failed; snapshots before and after,
    files of several kinds, an artifact in two versions and one that lies elsewhere."""
    lab = Laboratory.at(path)
    write = lab.repo.write
    write("data/scores.csv", "name,score\nada,1\nbob,2\n")
    write("plots/slope.png", picture())
    write("notes.md", "# Notes\n\nWhat we found.\n")
    lab.snapshot("the beginning", config={"lr": 1, "layers": [1, 2]}, stats={"acc": 0.5})
    lab.artifact("weights", "data", metadata={"kind": "scores"}, message="first weights")
    for number, (model, lr) in enumerate(
        [("cnn", 0.1), ("cnn", 0.01), ("mlp", 0.1), ("mlp", 0.01), ("vit", 0.001)]
    ):
        if number == 3:
            lab.session("second")
        write("train.py", f"print('training {model}', {lr})\n")
        write("model.txt", f"{model} {lr}\n")
        lab.run(
            f"{model}-{lr}",
            config={"model": model, "lr": lr, "optimizer": {"name": "sgd", "momentum": 0.9}},
            points={
                "train": {"loss": decay(50, 3 + number), "acc": [s / 60 for s in range(50)]},
                "val": {"loss": decay(50, 2 + number, 0.1)},
            },
            stats={"score": 0.5 + number / 10},
            log=b"".join(b"epoch %d loss %.3f\n" % (e, 1 / (e + 1)) for e in range(30)),
            system=[{"time": float(t), "cpu": 50.0 + t, "memory": 1e9 + t * 1e6} for t in range(9)],
            labels=("baseline",) if number == 0 else (),
        )
    lab.run("broken", exit_code=3, config={"model": "cnn", "lr": 9.0}, log=b"it broke\n")
    write("data/scores.csv", "name,score\nada,1\nbob,3\neve,4\n")
    lab.artifact("weights", "data", metadata={"kind": "scores"}, message="better weights")
    lab.artifact("elsewhere", references={"big.bin": "https://example.com/big.bin"})
    lab.snapshot("the end", label="best", config={"lr": 0.1}, stats={"acc": 0.9, "loss": 0.1})
    return lab
