"""Git LFS pointer files of all that was put, on a ref beside the list.

Hosts free an LFS object that no pointer file in the repository names: GitLab in its housekeeping,
Gitea and Forgejo in `gc_lfs`. Our own pointers mean nothing to them, so each writer keeps
`refs/datmo-store/<writer>/pointers`: a commit without parents with a pointer file per object. Any
git-lfs can read it too.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping

from git_datmo.errors import GitFailed
from git_datmo.remotes.gitwire import Change, Scratch, Wire
from git_datmo.remotes.ledger import ROOT
from git_datmo.remotes.lfs.batch import Object

ATTRIBUTES = b"* filter=lfs diff=lfs merge=lfs -text\n.gitattributes !filter !diff !merge text\n"


def text_of(thing: Object) -> bytes:
    """The one encoding of a pointer file, version 1."""
    version = "version https://git-lfs.github.com/spec/v1"
    return f"{version}\noid sha256:{thing.oid}\nsize {thing.size}\n".encode()


def change(
    wire: Wire, scratch: Scratch, refs: Mapping[str, str], writer: str, things: Iterable[Object]
) -> Change | None:
    """What to push so that a writer's pointer files name all these objects; None when they do.
    `refs` is what is there now.

    Raises RemoteError when those that are there cannot be fetched.
    """
    ref = f"{ROOT}{writer}/pointers"
    old = refs.get(ref)
    env = {**scratch.env, "GIT_INDEX_FILE": os.fspath(scratch.folder / "pointers-index")}

    def git(*args: str, data: bytes = b"") -> bytes:
        return scratch.git.run("-c", "core.splitIndex=false", *args, data=data, env=env)

    before = _read(wire, scratch, old, git) if old is not None else None
    there = set(git("ls-files", "-z").decode(errors="replace").split("\0"))
    files = {".gitattributes": ATTRIBUTES}
    for thing in things:
        name = f"{thing.oid[:2]}/{thing.oid[2:]}"
        if thing.size and name not in there:
            files[name] = text_of(thing)
    folder = scratch.folder / "pointer-files"
    folder.mkdir()
    paths = []
    for number, data in enumerate(files.values()):
        path = folder / str(number)
        path.write_bytes(data)
        paths.append(os.fsencode(path) + b"\n")
    blobs = git("hash-object", "-w", "--no-filters", "--stdin-paths", data=b"".join(paths))
    names = zip(blobs.decode().split(), files, strict=True)
    entries = "".join(f"100644 {blob}\t{name}\n" for blob, name in names)
    git("update-index", "--add", "--index-info", data=entries.encode())
    tree = git("write-tree").decode().strip()
    if tree == before:
        return None
    return Change(ref, old, git("commit-tree", "-m", "git-datmo", tree).decode().strip())


def _read(wire: Wire, scratch: Scratch, old: str, git: Callable[..., bytes]) -> str | None:
    """Bring what is there into the index; its tree, None when it is nothing to go on from."""
    try:
        wire.fetch([old], scratch)
        git("read-tree", old)
    except GitFailed:
        return None
    return git("rev-parse", f"{old}^{{tree}}").decode().strip()
