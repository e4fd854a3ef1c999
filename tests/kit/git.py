"""Real git in a directory of the test's own."""

from __future__ import annotations

import hashlib
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Repo:
    """A repository: `path` is its work tree, or the repository itself when it is bare."""

    path: Path

    @classmethod
    def init(cls, path: Path, *flags: str) -> Repo:
        """`git init` at `path`, which may exist."""
        run_git("init", "--quiet", *flags, str(path))
        return cls(path)

    @classmethod
    def bare(cls, path: Path, *flags: str) -> Repo:
        """A bare repository: what a remote is."""
        return cls.init(path, "--bare", *flags)

    def clone(self, path: Path, *flags: str) -> Repo:
        """Clone this repository to `path`; git over a path, no hard links."""
        run_git("clone", "--quiet", "--no-hardlinks", *flags, str(self.path), str(path))
        return Repo(path)

    def worktree(self, path: Path, *flags: str) -> Repo:
        """A linked work tree at `path`, detached at HEAD unless `flags` say otherwise."""
        self.git("worktree", "add", "--quiet", *(flags or ("--detach",)), str(path))
        return Repo(path)

    def git(self, *args: str, input: str | bytes | None = None) -> str:
        """Run git here; its stdout without the last newline. Fails the test if git fails."""
        return run_git(*args, cwd=self.path, input=input)

    def try_git(self, *args: str) -> subprocess.CompletedProcess[str]:
        """Run git here, whatever comes of it."""
        return subprocess.run(
            ["git", *args], cwd=self.path, capture_output=True, text=True, errors="surrogateescape"
        )

    @property
    def git_dir(self) -> Path:
        """This work tree's git directory."""
        return Path(self.git("rev-parse", "--absolute-git-dir"))

    @property
    def common_dir(self) -> Path:
        """The git directory that all work trees share."""
        return (self.path / self.git("rev-parse", "--git-common-dir")).resolve()

    def write(self, path: str | bytes, data: str | bytes = "", *, mode: int | None = None) -> Path:
        """Write a file of the work tree, with its folders. Names may be bytes."""
        file = self.path / os.fsdecode(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data.encode() if isinstance(data, str) else data)
        if mode is not None:
            file.chmod(mode)
        return file

    def read(self, path: str | bytes) -> bytes:
        """The bytes of a file of the work tree."""
        return (self.path / os.fsdecode(path)).read_bytes()

    def commit(self, message: str = "a commit") -> str:
        """Commit the whole work tree, changed or not; the commit's full id."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        return self.head()

    def head(self) -> str:
        """The full id of the commit HEAD is at."""
        return self.git("rev-parse", "--verify", "HEAD")

    def status(self) -> str:
        """`git status --porcelain=v2` with every untracked file. May refresh the index."""
        return self.git("status", "--porcelain=v2", "--untracked-files=all")

    def refs(self, *prefixes: str) -> dict[str, str]:
        """Full ref name -> object id, for all refs or those under the prefixes."""
        lines = self.git("for-each-ref", "--format=%(refname) %(objectname)", *prefixes)
        return dict(line.split(" ") for line in lines.splitlines())

    def tree(self, revision: str = "HEAD") -> dict[str, str]:
        """Path -> "<mode> <type> <id>" of everything in a revision's tree, trees included."""
        listed = self.git("ls-tree", "-r", "-t", "-z", "--full-tree", revision)
        entries = (entry.split("\t", 1) for entry in listed.split("\0") if entry)
        return {path: facts for facts, path in entries}

    def index_hash(self) -> str:
        """A digest of the user's index as it lies on disk; "" when there is none."""
        index = self.git_dir / "index"
        return hashlib.sha256(index.read_bytes()).hexdigest() if index.exists() else ""


def run_git(*args: str, cwd: Path | None = None, input: str | bytes | None = None) -> str:
    """Run git and return its stdout without the last newline; an assertion when it fails."""
    data = input.encode() if isinstance(input, str) else input
    # git must not wait for a terminal: without input it gets an empty one.
    done = subprocess.run(["git", *args], cwd=cwd, input=data or b"", capture_output=True)
    out, err = (os.fsdecode(stream) for stream in (done.stdout, done.stderr))
    assert done.returncode == 0, f"git {' '.join(args)} exited {done.returncode}\n{out}{err}"
    return out.removesuffix("\n")
