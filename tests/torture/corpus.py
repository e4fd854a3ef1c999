"""What somebody who means harm could put into a repository, written byte by byte."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from git_datmo.records import layout
from tests.kit.git import Repo
from tests.kit.trees import EXECUTABLE, FILE, FOLDER, GITLINK, LINK, Exec, Link, Trees
from tests.records.chains import TRAILERS, Someone

OUTSIDE = b"../outside"
NAMES = (
    *(b".git", b".GIT", b".Git", b"git~1", b"GIT~1", b".git.", b".git ", b".git. ."),
    *(b".git::$INDEX_ALLOCATION", b"git~1:x", b".git\\hooks", b"a\\..\\.git"),
    *(".g\u200cit".encode(), "\u200d.GIT".encode(), b".git\xef\xbb\xbf"),
    *(b"..", b".", b"../outside/f", b"a/b", b"x" * 300),
)
MODES = (0o104755, 0o100666, 0o020644, 0o010644, 0o060644)
START = b"git-datmo pointer 1\n"
DIGESTS = b"xxh3-128 " + b"0" * 32 + b"\nblake3 " + b"0" * 64 + b"\n"
POINTERS = (
    START,
    START + b"xxh3-128 ../../../../outside/f\nblake3 " + b"0" * 64 + b"\nsize 9\n",
    START + DIGESTS + b"size -1\n",
    START + DIGESTS + b"size %d\n" % 2**63,
    START + DIGESTS + b"size 07\n",
    START + DIGESTS.replace(b"\n", b"\r\n") + b"size 7\n",
    START + DIGESTS + b"size 7\nx 1\n",
    START + DIGESTS + b"size 7\n",
    b"git-datmo pointer 99\n" + b"x" * 400,
)
NOTES = (
    b"[" * 5000 + b"\n",
    b'{"at":1e400,"by":"x","clone":"x","set":{}}\n',
    b'{"at":-5,"clone":"ffffffffffffffff","by":"A <a@b>","set":{"label":"x"}}\n',
    b'{"at":9,"clone":"../../x","by":"A <a@b>","set":{"label":"x"}}\n',
    b'{"at":9,"clone":"ffffffffffffffff","by":"\x1b[2J","set":{"__proto__":{"x":1}}}\n',
    b'{"at":9,"clone":"ffffffffffffffff","by":"A <a@b>","set":{"label":"a","label":"b"}}\n',
    b'{"at":9,"clone":"ffffffffffffffff","by":"A <a@b>","set":{"stats":{"x":1e999}}}\n',
    b"\xff\xfe\x00" * 100,
)
MESSAGES = (
    "\x1b]0;title\x07\x1b[2J\u202e gnp",
    "x" * 1_000_000,
    "Datmo-Id: " + "2" * 32,
    "",
)
REFS = ("snapshots/-x", "snapshots/$(id)", "snapshots/<b>", "snapshots/é", "notes/../x")


def trees(evil: Trees) -> Iterator[tuple[str, list[str]]]:
    """Name -> the trees to restore, one after the other."""
    text = evil.blob(b"evil")
    inner = evil.tree({b"post-commit": Exec(b"#!/bin/sh\n"), b"f": b"evil", b"config": b"evil"})
    for name in NAMES:
        yield f"name {name[:30]!r}", [evil.entries((name, FOLDER, inner))]
    for name in (b".git", b"../outside/f"):
        yield f"file {name!r}", [evil.entries((name, EXECUTABLE, text))]
    for mode in MODES:
        yield f"mode {mode:o}", [evil.entries((b"dev", mode, text))]
    link = evil.blob(OUTSIDE)
    yield "twice", [evil.entries((b"d", LINK, link), (b"d", FOLDER, inner))]
    yield "case", [evil.entries((b"D", LINK, link), (b"d", FOLDER, inner))]
    pair = ("é".encode(), "e\u0301".encode())
    yield "composed", [evil.entries((pair[1], LINK, link), (pair[0], FOLDER, inner))]
    for where in (OUTSIDE, b".git/hooks", b".git"):
        first = evil.tree({b"d": Link(where)})
        yield f"two steps to {where!r}", [first, evil.entries((b"d", FOLDER, inner))]
    yield (
        "a file through a link",
        [evil.tree({b"f": Link(OUTSIDE + b"/f")}), evil.tree({b"f": b"x"})],
    )
    yield "a module", [evil.entries((b".gitmodules", LINK, link), (b"m", GITLINK, "1" * 40))]
    yield "deep", [evil.nest(700, {b"f": b""})]
    yield "nul in a link", [evil.tree({b"l": Link(b"a\0b")})]
    for number, pointer in enumerate(POINTERS):
        yield f"pointer {number}", [evil.entries((b"f", FILE, evil.blob(pointer)))]


def plant(evil: Trees, repo: Repo) -> dict[str, list[str]]:
    """Put all of it into a repository as what a remote called `away` had; snapshots by name."""
    kinds = dict(trees(evil))
    shutil.copytree(evil.path / "objects", repo.git_dir / "objects", dirs_exist_ok=True)
    someone, planted = Someone(repo), dict[str, list[str]]()
    notes: dict[str, bytes] = {}
    for name, oids in kinds.items():
        made = layout.message(name, {**TRAILERS, "Datmo-Id": f"{len(notes):032x}"})
        planted[name] = [someone.commit(made, oid) for oid in oids]
        notes |= {oid: someone.line(label=name) for oid in planted[name]}
    for number, note in enumerate(NOTES):
        oid = someone.snapshot(f"note {number}", {**TRAILERS, "Datmo-Id": f"{number:031x}f"})
        planted[f"note {number}"] = [oid]
        notes[oid] = note + someone.line(label=f"note {number}")
    for number, text in enumerate(MESSAGES):
        oid = someone.snapshot(text, {**TRAILERS, "Datmo-Id": f"{number:031x}e"})
        planted[f"message {number}"] = [oid]
        notes[oid] = someone.line()
    for number, environment in enumerate(("0" * 40, "../../outside", "x" * 4000)):
        oid = someone.snapshot("environment", {**TRAILERS, "Datmo-Environment": environment})
        planted[f"environment {number}"] = [oid]
        notes[oid] = someone.line()
    someone.tell(notes)
    head = repo.head()
    for name in REFS:
        file = repo.git_dir / "refs" / "datmo-remotes" / "away" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{head}\n")
    symbolic = Path(repo.git_dir, "refs", "datmo-remotes", "away", "snapshots", head)
    symbolic.write_text("ref: refs/heads/main\n")
    return planted
