"""The one checker of all campaigns: what became of a repository after something was done to it.

It reads git with git, notes and pointers by their documented form, and hashes content itself.
Only then the program is asked: for a listing, for one more snapshot, and for its own fsck.
"""

from __future__ import annotations

import multiprocessing
import os
import re
import time
from collections.abc import Collection, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, fields
from pathlib import Path

import blake3
import pygit2

from git_datmo.api import fsck, snapshot
from git_datmo.errors import DatmoError
from git_datmo.records import catalogue
from tests.kit.checks import NOT_A_COMPLAINT, digest, users_state
from tests.kit.git import Repo
from tests.torture.world import opened

OURS = ("refs/datmo", "refs/datmo-local", "refs/datmo-remotes")
POINTER = re.compile(
    rb"git-datmo pointer 1\nxxh3-128 ([0-9a-f]{32})\nblake3 ([0-9a-f]{64})\nsize ([0-9]+)\n\Z"
)
# Temporary files that may lie about, for each fault that was injected.
LITTER = 6


@dataclass
class Harm:
    """What must be nothing at all, in words.

    `lost`: said to be done, and not there. `incomplete`: there, and not whole. `bricked`: the
    next command fails, or something is in its way. `escaped`: changed, and not ours to change.
    """

    lost: list[str] = field(default_factory=list)
    incomplete: list[str] = field(default_factory=list)
    bricked: list[str] = field(default_factory=list)
    escaped: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return any(getattr(self, one.name) for one in fields(self))

    def add(self, other: Harm) -> None:
        """Take over what was found elsewhere."""
        for one in fields(self):
            getattr(self, one.name).extend(getattr(other, one.name))


class Checker:
    """Checks one repository again and again; what was read and found whole is remembered.

    `outside` is a folder that nothing may touch; the work tree may be where it is not `fixed`.
    `bare` repositories get no next command.
    """

    def __init__(
        self, repo: Repo, *, outside: Path | None = None, bare: bool = False, fixed: bool = True
    ) -> None:
        self.repo, self.outside, self.bare, self.fixed = repo, outside, bare, fixed
        self.common = repo.path if bare else repo.common_dir
        self._trees: set[str] = set()
        self._content: dict[tuple[int, ...], str] = {}
        self.settle()

    def settle(self) -> None:
        """What is now is as it should be."""
        self.before = self.surroundings()

    def surroundings(self) -> dict[str, str]:
        """Everything that is not git-datmo's to change, by name."""
        found = {} if self.bare else users_state(self.repo)
        if not self.fixed:
            found = {name: what for name, what in found.items() if not name.startswith("file ")}
        folders = [self.common / "hooks", *([self.outside] if self.outside else [])]
        files = [path for folder in folders for path in folder.rglob("*")]
        for path in [self.common / "config", *files]:
            known = path.is_file() and not path.is_symlink()
            found[f"outside {path}"] = digest(path) if known else str(path.lstat().st_mode)
        return found

    def check(
        self,
        acknowledged: Collection[str],
        *,
        faults: int = 1,
        dead: Collection[str] = (),
        next_too: bool = True,
    ) -> Harm:
        """Look at everything. `acknowledged` are the commits that were said to be recorded, `dead`
        those whose content may be gone, `faults` how many were injected so far."""
        harm = Harm()
        harm.incomplete += self._git()
        now = self.surroundings()
        harm.escaped += [
            f"{name}: {self.before.get(name)} is {now.get(name)}"
            for name in sorted(self.before.keys() | now.keys())
            if self.before.get(name) != now.get(name)
        ]
        visible = self.visible()
        harm.lost += [f"{oid} is not in the chain" for oid in set(acknowledged) - visible]
        harm.incomplete += self._walk(visible - set(dead), acknowledged)
        # It may mend what is wrong, so it comes last.
        if next_too and not self.bare:
            harm.bricked += self._next(acknowledged, harm)
            harm.bricked += self._litter(faults)
        return harm

    def visible(self) -> set[str]:
        """All that the chains have notes on."""
        found: set[str] = set()
        where = "refs/datmo/notes" if self.bare else "refs/datmo-local/notes"
        for tip in self.repo.refs(where).values():
            listed = self.repo.try_git("ls-tree", "-r", "--name-only", tip).stdout
            found |= {line.replace("/", "") for line in listed.splitlines()}
        return found

    def _git(self) -> Iterator[str]:
        for words in (
            ("fsck", "--full", "--strict", "--no-dangling", "--no-progress"),
            ("for-each-ref", "--format=", *OURS),
        ):
            done = self.repo.try_git(*words)
            said = (done.stdout + done.stderr).splitlines()
            for line in said:
                if line and not line.startswith(NOT_A_COMPLAINT):
                    yield f"git {words[0]}: {line}"

    def _walk(self, oids: Iterable[str], needed: Collection[str]) -> Iterator[str]:
        git = pygit2.Repository(str(self.common))
        try:
            # Sessions have notes as well, on a blob that nothing needs to hold.
            yield from (f"{oid} is missing" for oid in needed if _get(git, oid) is None)
            for oid in sorted(oids):
                yield from self._commit(git, oid)
        finally:
            git.free()

    def _commit(self, git: pygit2.Repository, oid: str) -> Iterator[str]:
        made = _get(git, oid)
        if not isinstance(made, pygit2.Commit):
            return
        todo = [str(made.tree_id)]
        while todo:
            tree_id = todo.pop()
            if tree_id in self._trees:
                continue
            wrong = False
            tree = _get(git, tree_id)
            if not isinstance(tree, pygit2.Tree):
                yield f"the tree {tree_id} of {oid} is missing"
                continue
            for entry in tree:
                if entry.filemode == pygit2.enums.FileMode.TREE:
                    todo.append(str(entry.id))
                    continue
                if entry.filemode == pygit2.enums.FileMode.COMMIT:
                    continue
                blob = _get(git, str(entry.id))
                problem = "is missing"
                if isinstance(blob, pygit2.Blob):
                    problem = self._pointer(blob.data) if blob.size <= 512 else ""
                if problem:
                    wrong = True
                    yield f"{entry.name} of {oid} {problem}"
            if not wrong:
                self._trees.add(tree_id)

    def _pointer(self, data: bytes) -> str:
        """What is wrong with the content that a blob points to; "" when it is none, or whole."""
        if not data.startswith(b"git-datmo pointer"):
            return ""
        said = POINTER.match(data)
        if said is None:
            return "is no canonical pointer"
        key, proof, size = said[1].decode(), said[2].decode(), int(said[3])
        plain = self.common / "datmo" / "store" / key[:2] / key[2:]
        for path in (plain, plain.with_name(f"{plain.name}-{proof}")):
            if path.is_file() and path.stat().st_size == size and self._blake3(path) == proof:
                return ""
        there = plain.stat().st_size if plain.exists() else "nothing"
        return f"has no content: {there} of {size} bytes at {plain}"

    def _blake3(self, path: Path) -> str:
        state = path.stat()
        look = (state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns)
        if look not in self._content:
            self._content[look] = blake3.blake3(path.read_bytes()).hexdigest()
        return self._content[look]

    def _next(self, acknowledged: Collection[str], harm: Harm) -> Iterator[str]:
        """What a command that begins now finds: all that was said, and nothing in its way."""
        try:
            with opened(self.repo) as project:
                index = catalogue.refresh(project)
                harm.lost += [f"{one} is not listed" for one in acknowledged if not index.get(one)]
                snapshot.create(project, message="next", stats={"t": time.time_ns()})
            with opened(self.repo) as project:
                for finding in fsck.fsck(project, fast=True).findings:
                    harm.incomplete.append(f"git datmo fsck: {finding.message}")
        except (DatmoError, OSError) as error:
            yield f"the next snapshot: {error}"
            return
        public = {*self.repo.refs("refs/datmo/notes").values()}
        harm.lost += [
            f"{name} was not delivered to the public name of the chain"
            for name, tip in self.repo.refs("refs/datmo-local/notes").items()
            if tip not in public
        ]

    def _litter(self, faults: int) -> Iterator[str]:
        for folder in OURS:
            for lock in (self.common / folder).rglob("*.lock"):
                yield f"{lock} is still there"
        if (self.common / "packed-refs.lock").exists():
            yield "packed-refs.lock is still there"
        for names in (temporary(self.common / "objects"), temporary(self.common / "datmo")):
            if len(names) > LITTER * faults:
                yield f"{len(names)} temporary files: {names[:5]}"


def apart(
    repo: Repo, acknowledged: Collection[str], *, faults: int = 1, next_too: bool = True
) -> Harm:
    """A check in a process of its own, which keeps nothing of the repository open."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("fork")) as pool:
        return pool.submit(_apart, repo, acknowledged, faults, next_too).result()


def _apart(repo: Repo, acknowledged: Collection[str], faults: int, next_too: bool) -> Harm:
    return Checker(repo).check(acknowledged, faults=faults, next_too=next_too)


def _get(git: pygit2.Repository, oid: str) -> pygit2.Object | None:
    """An object; None when it is missing, or no object."""
    try:
        return git.get(oid)
    except pygit2.GitError:
        return None


def temporary(folder: Path) -> list[str]:
    """The files below a folder whose names say that they should be gone, pools aside."""
    found = []
    for here, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name not in ("pool", "views", "runs")]
        found += [os.path.join(here, name) for name in files if "tmp" in name]
    return found
