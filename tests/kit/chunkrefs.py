"""What content in git refs looks like from the server's side, read and changed with git alone."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from git_datmo.model.pointer import Pointer
from git_datmo.remotes.gitrefs.place import GitRefs
from git_datmo.storage.git import Git
from tests.contracts.places.ground import Ground
from tests.kit.git import Repo
from tests.kit.webgit import WebGit, sign_in

ROOT = "refs/datmo-store"
LIMIT = 1024**3


@dataclass(frozen=True)
class ChunkRefs:
    """The content refs of a bare repository."""

    repo: Repo

    def writers(self) -> list[str]:
        """Who keeps a list there."""
        return sorted({ref.split("/")[2] for ref in self.repo.refs(ROOT)})

    def lines(self, writer: str) -> list[dict[str, Any]]:
        """A writer's list."""
        text = self.repo.git("cat-file", "blob", f"{ROOT}/{writer}/list:list")
        return [json.loads(line) for line in text.splitlines()]

    def chunks(self, writer: str) -> list[str]:
        """The chunks that a writer's tree keeps."""
        ref = f"{ROOT}/{writer}/data"
        if ref not in self.repo.refs(ROOT):
            return []
        listed = self.repo.git("ls-tree", "-r", "--format=%(objectname)", ref)
        return sorted(listed.split())

    def write(self, writer: str, lines: list[dict[str, Any]] | bytes) -> None:
        """Replace a list, and the tree by one of the list's chunks, as another program would."""
        git = self.repo.git
        if isinstance(lines, bytes):
            text = lines
        else:
            text = "".join(json.dumps(line) + "\n" for line in lines).encode()
            self._keep(writer, [chunk[0] for line in lines for chunk in line.get("chunks", [])])
        blob = git("hash-object", "-w", "--stdin", input=text)
        tree = git("mktree", input=f"100644 blob {blob}\tlist\n")
        git("update-ref", f"{ROOT}/{writer}/list", git("commit-tree", "-m", "x", tree))

    def _keep(self, writer: str, oids: list[str]) -> None:
        git = self.repo.git
        if not oids:
            git("update-ref", "-d", f"{ROOT}/{writer}/data")
            return
        trees: dict[str, str] = {}
        for oid in sorted(set(oids)):
            trees.setdefault(oid[:2], "")
            trees[oid[:2]] += f"100644 blob {oid}\t{oid[2:]}\n"
        made = [f"040000 tree {git('mktree', input=t)}\t{n}\n" for n, t in trees.items()]
        git("update-ref", f"{ROOT}/{writer}/data", git("mktree", input="".join(made)))

    def blob(self, data: bytes) -> list[Any]:
        """A chunk of the server's own; how a list names it."""
        return [self.repo.git("hash-object", "-w", "--stdin", input=data), len(data)]

    def edit(self, pointer: Pointer, chunks: list[Any] | None) -> None:
        """In every list, say that content is made of other chunks, or is not there."""
        for writer in self.writers():
            lines = self.lines(writer)
            kept = [line for line in lines if line["blake3"] != pointer.blake3 or chunks]
            for line in kept:
                if line["blake3"] == pointer.blake3:
                    line["chunks"] = chunks
            self.write(writer, kept)

    def age(self, writer: str, days: float) -> None:
        """Set a whole list back in time."""
        at = int(time.time() - days * 86_400)
        self.write(writer, [{**line, "at": at} for line in self.lines(writer)])

    def problems(self) -> list[str]:
        """What is not as it should be: refs beside lists and trees, chunks that are not listed,
        objects that git calls damaged."""
        wrong = [f"{w}: {self.chunks(w)}" for w in self.writers() if self.chunks(w) != self._ids(w)]
        others = [ref for ref in self.repo.refs() if not ref.endswith(("/list", "/data"))]
        checked = self.repo.try_git("fsck", "--strict", "--no-dangling")
        return wrong + others + ([checked.stderr] if checked.returncode else [])

    def _ids(self, writer: str) -> list[str]:
        return sorted({c[0] for line in self.lines(writer) for c in line.get("chunks", [])})


class Clones:
    """Clones of one server's repository, each with a datmo folder of its own."""

    def __init__(self, root: Path, url: str) -> None:
        self.root, self.url = root, url
        self.repo = Repo.init(root / "clone")
        sign_in(self.repo)
        self.homes: list[Path] = []

    @property
    def git(self) -> Git:
        """git in the clone."""
        return Git(self.repo.git_dir, self.repo.path)

    def place(self, limit: int = LIMIT, **options: int) -> GitRefs:
        """The place as one more clone sees it."""
        self.homes.append(self.root / f"home-{len(self.homes)}")
        return GitRefs(self.git, self.homes[-1], "origin", self.url, limit, **options)

    def over(self, port: int) -> Clones:
        """From now on reach the server through another port of this machine."""
        self.url = f"http://127.0.0.1:{port}/{self.url.rpartition('/')[2]}"
        return self

    def problems(self) -> list[str]:
        """What was left behind here, where nothing should be."""
        left = [str(path) for home in self.homes for path in home.rglob("tmp-*")]
        left += [str(path) for home in self.homes for path in home.rglob("new-*")]
        objects = self.repo.common_dir / "objects"
        return left + [str(path) for path in objects.rglob("*") if path.is_file()]


@pytest.fixture
def chunkrefs(webgit: WebGit) -> ChunkRefs:
    """The server's side of `clones`."""
    return ChunkRefs(Repo(webgit.repositories / "origin.git"))


@pytest.fixture
def clones(webgit: WebGit, tmp_path: Path) -> Clones:
    """Clones that reach the server over http, signed in by a credential helper."""
    return Clones(tmp_path, f"{webgit.url}/origin.git")


@pytest.fixture
def gitrefs_ground(clones: Clones, chunkrefs: ChunkRefs, tmp_path: Path) -> Ground:
    """The place for the contract suite."""
    return Ground(
        "gitrefs",
        tmp_path,
        make=clones.place,
        damage=lambda pointer, data: chunkrefs.edit(pointer, [chunkrefs.blob(data)]),
        lose=lambda pointer: chunkrefs.edit(pointer, None),
        litter=lambda: chunkrefs.problems() + clones.problems(),
        unreachable=lambda: Clones(tmp_path / "else", "http://127.0.0.1:9/x.git").place(),
    )
