"""Clones and remotes of one project, and what was acknowledged in them: what must not get lost."""

from __future__ import annotations

import itertools
import os
import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from git_datmo.api import fsck, location, project, snapshot
from git_datmo.model.pointer import Pointer
from git_datmo.model.snapshot import Snapshot
from git_datmo.records import chain, layout
from git_datmo.records.project import Project
from tests.kit.checks import assert_git_clean
from tests.kit.git import Repo

LARGE = 3_000  # bytes; more than the clones' datmo.largeFile
REMOTES = ("origin", "second")
PROGRAM = [shutil.which("git-datmo") or "git-datmo"]


@dataclass
class Said:
    """One acknowledged operation: `what` of `target` was set to `value` by the clone `by`.

    `line` is how the chain tells it. It is `sure` until the only holders of it were set back to
    an earlier state.
    """

    by: str
    target: str
    what: str
    value: Any
    line: str
    sure: bool = True


@contextmanager
def opened(repo: Repo) -> Iterator[Project]:
    """The project as a command that begins now sees it."""
    found = location.find(repo.path)
    try:
        yield found
    finally:
        found.let_go()
        if "index" in found.__dict__:
            found.index.close()


class World:
    """Two remotes, clones by name, and everything that was said to be done."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.hubs = {name: Repo.bare(root / f"{name}.git") for name in REMOTES}
        seed = Repo.init(root / "seed")
        seed.write("train.py", "print('hello')\n")
        seed.commit("one")
        for hub in self.hubs.values():
            seed.git("push", "-q", str(hub.path), "main")
        self.clones: dict[str, Repo] = {}
        self.said: list[Said] = []
        self.contents: dict[str, bytes] = {}
        self.count = itertools.count(1)

    def clone(self, name: str, origin: str = "origin") -> Repo:
        """A new clone with the project and both remotes."""
        made = self.hubs[origin].clone(self.root / name)
        for remote, hub in self.hubs.items():
            if remote != "origin":
                made.git("remote", "add", remote, str(hub.path))
        for key, value in {
            "user.name": name,
            "datmo.largeFile": "2k",
            "datmo.maxRefs": "3",
            "datmo.autoSnapshot": "false",
            "gc.auto": "0",
        }.items():
            made.git("config", key, value)
        project.init(Project.open(made.path), program=PROGRAM)
        return made

    def living(self) -> list[str]:
        """The snapshots that nobody deleted, oldest first."""
        made = [s.target for s in self.said if s.what == "made"]
        return [oid for oid in made if self.expected(oid, "deleted") != [True]]

    def expected(self, target: str, what: str) -> list[Any]:
        """The values that something may have in the end: the last sure one, and unsure later
        ones."""
        values: list[Any] = [None]
        for said in self.said:
            if (said.target, said.what) == (target, what):
                values = [said.value] if said.sure else [*values, said.value]
        return values

    def snapshot(self, name: str, *, large: bool) -> str:
        """Take a snapshot of something new."""
        number, repo = next(self.count), self.clones[name]
        repo.write("code.txt", f"{number}\n")
        data = random.Random(number).randbytes(LARGE)
        repo.write("data.bin", data if large else b"")
        with opened(repo) as found:
            oid = str(snapshot.create(found, message=f"{name} {number}").id)
        self._say(name, oid, made=True)
        if large:
            self.contents[oid] = data
        return oid

    def update(self, name: str, oid: str, *, label: bool) -> None:
        """Change a label or a result that every clone may change."""
        number = next(self.count)
        with opened(self.clones[name]) as found:
            if label:
                snapshot.update(found, oid, label=f"label {number}")
            else:
                snapshot.update(found, oid, stats={"shared": number, f"n{number}": number})
        if label:
            self._say(name, oid, label=f"label {number}")
        else:
            self._say(name, oid, **{"shared": number, f"n{number}": number})

    def delete(self, name: str, oid: str, *, back: bool) -> None:
        """Delete a snapshot, or bring it back."""
        with opened(self.clones[name]) as found:
            if back:
                snapshot.undelete(found, oid)
            else:
                snapshot.delete(found, oid)
        self._say(name, oid, deleted=not back)

    def _say(self, name: str, oid: str, **said: Any) -> None:
        line = self._notes(self.clones[name], oid)[oid].splitlines()[-1]
        self.said += [Said(name, oid, what, value, line) for what, value in said.items()]

    def known(self, name: str, *, deleted: bool = False) -> list[str]:
        """The snapshots of ours that a clone lists, or those it knows to be deleted."""
        made = {said.target for said in self.said}
        with opened(self.clones[name]) as found:
            listed = [str(s.id) for s in snapshot.ls(found, all=True)]
            if deleted:
                index = found.index
                gone = ((oid, index.get(oid)) for oid in made)
                listed = [oid for oid, record in gone if record is not None and record.deleted]
        return sorted(oid for oid in listed if oid in made)

    def current_ref(self, name: str) -> str:
        """The chain that a clone writes now."""
        with opened(self.clones[name]) as found, chain.writing(found) as writer:
            return layout.notes_ref(writer.clone)

    def held(self, name: str) -> set[str]:
        """The lines that the remotes hold, or that the other clones wrote or copied."""
        holders = [repo for other, repo in self.clones.items() if other != name]
        return {
            line
            for repo in [*self.hubs.values(), *holders]
            for text in self._notes(repo).values()
            for line in text.splitlines()
        }

    def _notes(self, repo: Repo, only: str = "") -> dict[str, str]:
        """What the chains of a remote, or the chain that a clone itself writes, say by object."""
        found: dict[str, str] = {}
        prefix = layout.NOTES if repo in self.hubs.values() else layout.LOCAL_TIP
        path = [f"{only[:2]}/{only[2:]}"] if only else []
        for tip in repo.refs(prefix).values():
            for line in repo.git("ls-tree", "-r", tip, *path).splitlines():
                facts, _, name = line.partition("\t")
                target = name.replace("/", "")
                found[target] = found.get(target, "") + repo.git(
                    "cat-file", "blob", facts.split()[2]
                )
        return found

    def doubt(self, name: str, *, since: int) -> None:
        """A clone is about to be set back to when `since` operations were said: what only it
        holds is its own loss."""
        held = self.held(name)
        for number, said in enumerate(self.said):
            if number >= since and said.line not in held:
                said.sure = False

    def assert_converged(self) -> None:
        """After everybody shared everything twice: one state, nothing lost, content everywhere."""
        for last in (False, True):
            for name in self.clones:
                for remote in REMOTES:
                    # What others brought back is looked for when it is asked for.
                    self.exchange(name, remote, content=last or None)
        reader = self.clone("reader")
        with opened(reader) as found:
            from git_datmo.api import remote as sharing

            for remote in REMOTES:
                done = sharing.pull(found, remote, content=True)
            assert done.missing == ()
        states = {name: state(repo) for name, repo in [*self.clones.items(), ("reader", reader)]}
        self._assert_said(states["reader"])
        for name, listed in states.items():
            assert listed == states["reader"], f"{name} and the reader differ"
        self._assert_content(reader, states["reader"])
        for repo in self.hubs.values():
            assert_git_clean(repo)
        for repo in [*self.clones.values(), reader]:
            with opened(repo) as found:
                assert fsck.fsck(found).findings == ()

    def exchange(self, name: str, remote: str, *, content: bool | None = None) -> None:
        """Push and pull."""
        from git_datmo.api import remote as sharing

        with opened(self.clones[name]) as found:
            sharing.push(found, remote, content=content)
        with opened(self.clones[name]) as found:
            sharing.pull(found, remote)

    def _assert_said(self, listed: dict[str, dict[str, Any]]) -> None:
        for said in self.said:
            oid = said.target
            if True not in self.expected(oid, "deleted"):
                assert oid in listed or not self._is_sure(oid), f"{oid} is lost"
            if oid not in listed:
                assert True in self.expected(oid, "deleted") or not self._is_sure(oid)
                continue
            assert self.expected(oid, "deleted") != [True], f"{oid} is deleted"
            row = listed[oid]
            there = row["label"] if said.what == "label" else row["stats"].get(said.what)
            if said.what not in ("made", "deleted"):
                assert there in self.expected(oid, said.what), (said, there)

    def _is_sure(self, oid: str) -> bool:
        return any(s.target == oid and s.what == "made" and s.sure for s in self.said)

    def _assert_content(self, reader: Repo, listed: dict[str, dict[str, Any]]) -> None:
        with opened(reader) as found:
            for oid in self.contents.keys() & listed.keys():
                blob = reader.git("cat-file", "blob", f"{oid}:data.bin") + "\n"
                fd = found.store.open(Pointer.parse(blob.encode()))
                with open(fd, "rb") as file:
                    assert file.read() == self.contents[oid]


def state(repo: Repo) -> dict[str, dict[str, Any]]:
    """Everything that a listing shows of every snapshot, by id."""
    with opened(repo) as found:
        listed: list[Snapshot] = snapshot.ls(found, all=True)
        return {str(each.id): each.to_dict() for each in listed}


def copied(source: Path, target: Path) -> None:
    """A copy of a folder in the place of another one, as a backup is put back."""
    if target.exists():
        shutil.rmtree(target)
    shutil.copytree(source, target, symlinks=True)
    os.sync()
