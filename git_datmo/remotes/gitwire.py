"""Objects and refs to and from a git server, past the user's own objects and refs.

The repository's configuration applies (credentials, proxies, ssh), so everything asks, signs in
and is refused as a plain `git push` there is. What is sent or fetched lies in a scratch folder
of objects, which goes when the work is done; the repository's own refs are neither read for it
nor written.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from git_datmo.errors import RemoteError
from git_datmo.model.frozen import frozen
from git_datmo.remotes.refusals import refusal, without_secrets
from git_datmo.remotes.signingin import signing_in
from git_datmo.storage.durability import disk_errors
from git_datmo.storage.git import Git, failure
from git_datmo.storage.objects import EMPTY_TREE

# A scratch folder this old, in seconds, belongs to a process that was killed.
LITTER_SECONDS = 2 * 86_400
# One identity and date: equal lists are equal commits, whoever makes them.
_NOBODY = {
    f"GIT_{role}_{part}": value
    for role in ("AUTHOR", "COMMITTER")
    for part, value in (("NAME", "git-datmo"), ("EMAIL", "git-datmo"), ("DATE", "@1 +0000"))
}
_WRITTEN = re.compile(rb"Writing objects: .*?, ([0-9.]+) (bytes|KiB|MiB|GiB)")
_FULL = re.compile(rb"^(?!remote:).*(No space left|Disk quota|Out of diskspace)", re.M)
_REF = re.compile(r"([0-9a-f]{40})\t([^\s]+)")
_UNITS = {b"bytes": 1, b"KiB": 1024, b"MiB": 1024**2, b"GiB": 1024**3}


def advertised_refs(listed: bytes) -> dict[str, str]:
    """What `git ls-remote` printed, as name and object; lines of another shape are a server's
    and mean nothing."""
    found = (_REF.fullmatch(line) for line in os.fsdecode(listed).split("\n"))
    return {match[2]: match[1] for match in found if match is not None}


@frozen
class Change:
    """A ref at the server to be moved from `old` to `new`; None where there is none."""

    ref: str
    old: str | None
    new: str | None


class Scratch:
    """Objects for the time of a call: those of the repository are seen, none is added there."""

    def __init__(self, git: Git, parent: Path) -> None:
        with disk_errors(parent):
            parent.mkdir(parents=True, exist_ok=True)
            _sweep(parent)
            self.folder = Path(tempfile.mkdtemp(prefix="tmp-", dir=parent))
            (self.folder / "info").mkdir()
            (self.folder / "pack").mkdir()
            objects = git.run("rev-parse", "--path-format=absolute", "--git-path", "objects")
            line = _quoted(objects.removesuffix(b"\n"))
            (self.folder / "info" / "alternates").write_bytes(line + b"\n")
        self.git = git
        # A shallow or partial clone's rules say nothing about what lies here.
        self.env = {
            **_NOBODY,
            "GIT_OBJECT_DIRECTORY": os.fspath(self.folder),
            "GIT_SHALLOW_FILE": "",
            "GIT_NO_LAZY_FETCH": "1",
            "GIT_DATMO_IN_HOOK": "1",
        }

    def __enter__(self) -> Scratch:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Remove the folder with all that is in it."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def run(self, *args: str, data: bytes | None = None) -> bytes:
        """Run git on these objects. Raises GitFailed, or NoSpace when our own disk is full."""
        code, out, err = self.git.attempt(*args, data=data, env=self.env)
        if code != 0:
            room_left(self.folder, err)
            raise failure(args, code, err)
        return out

    def blob(self, data: bytes) -> str:
        """Write a blob; its id."""
        return self.run("hash-object", "-w", "--stdin", data=data).decode().strip()

    def commit(self, files: Mapping[str, bytes]) -> str:
        """Write a commit without parents that holds `files`; its id."""
        made = {name: self.blob(data) for name, data in files.items()}
        entries = "".join(f"100644 blob {oid}\t{name}\n" for name, oid in sorted(made.items()))
        tree = self.run("mktree", data=entries.encode()).decode().strip()
        return self.run("commit-tree", "-m", "git-datmo", tree).decode().strip()

    def read(self, name: str, limit: int) -> bytes | None:
        """The blob that `name` (an id, or `<commit>:<path>`) stands for; None when there is no
        such blob, or it is longer than `limit` bytes."""
        code, out, _ = self.git.attempt("cat-file", "-s", name, env=self.env)
        if code != 0 or int(out) > limit:
            return None
        code, out, _ = self.git.attempt("cat-file", "blob", name, env=self.env)
        return out if code == 0 else None


class Wire:
    """A git server, reached as git reaches it from one repository.

    Every method raises RemoteError when the server refuses or cannot be reached: Stale, Cut and
    TooLarge of `refusals` where more can be said.
    """

    def __init__(self, git: Git, url: str) -> None:
        self.git, self.url = git, url
        self._signing_in: dict[str, str] | None = None

    @property
    def name(self) -> str:
        """The address without a password or token."""
        return without_secrets(self.url)

    def refs(self, pattern: str) -> dict[str, str]:
        """The refs whose names match, with what they point to."""
        out = self._ask(("ls-remote", "--refs", "--", self.url, pattern), {})
        return advertised_refs(out)

    def fetch(self, oids: Iterable[str], scratch: Scratch) -> None:
        """Bring objects, with everything they refer to; git checks them as they come."""
        options = ["-c", "fetch.fsckObjects=true", "-c", "fetch.unpackLimit=1"]
        options += ["-c", "fetch.negotiationAlgorithm=noop", "-c", "core.bigFileThreshold=512k"]
        flags = ["--no-tags", "--no-write-fetch-head", "--refmap=", "--no-prune", "--quiet"]
        flags += ["--no-recurse-submodules", "--no-auto-gc", "--no-write-commit-graph"]
        wanted = "".join(f"{oid}\n" for oid in oids).encode()
        command = (*options, "fetch", *flags, "--stdin", "--", self.url)
        self._ask(command, scratch.env, wanted, room=scratch.folder)

    def push(
        self,
        changes: Sequence[Change],
        scratch: Scratch,
        written: Callable[[int], None] | None = None,
    ) -> None:
        """Move refs, all or none, each only from where it was known to be.

        `written` is told how many bytes have gone out so far, about once a second.
        """
        options = ["-c", "pack.compression=0", "-c", "pack.window=0", "-c", "pack.threads=1"]
        options += ["-c", "core.bigFileThreshold=512k", "-c", "push.gpgSign=false"]
        options += ["-c", "core.packedGitWindowSize=4m", "-c", "core.packedGitLimit=64m"]
        flags = ["--porcelain", "--atomic", "--no-verify", "--no-follow-tags"]
        flags += ["--recurse-submodules=no", "--progress" if written else "--no-progress"]
        leases = [f"--force-with-lease={c.ref}:{c.old or ''}" for c in changes]
        specs = [f"{c.new or ''}:{c.ref}" for c in changes]
        self._ask(
            (*options, "push", *flags, *leases, "--", self.url, *specs),
            scratch.env,
            written=written,
        )

    def refuses_pushes(self) -> RemoteError | None:
        """What the server says against a push, or None; nothing is sent."""
        spec = f"{EMPTY_TREE}:refs/datmo-store/check"
        try:
            self._ask(("push", "--dry-run", "--no-verify", "--porcelain", "--", self.url, spec), {})
        except RemoteError as error:
            return error
        return None

    def _ask(
        self,
        args: Sequence[str],
        env: Mapping[str, str],
        data: bytes = b"",
        written: Callable[[int], None] | None = None,
        room: Path | None = None,
    ) -> bytes:
        full = ("-c", "protocol.ext.allow=never", "-c", "protocol.version=2", *args)
        if self._signing_in is None:
            self._signing_in = signing_in(self.git)
        env = {"GIT_DATMO_IN_HOOK": "1", **self._signing_in, **env}
        code, out, err = self._talk(full, env, data, written)
        if code == 0:
            return out
        if room is not None:
            room_left(room, err)
        verb = next(word for word in args if word in ("push", "fetch", "ls-remote"))
        raise refusal(verb, self.name, out, err)

    def _talk(
        self,
        args: Sequence[str],
        env: Mapping[str, str],
        data: bytes,
        written: Callable[[int], None] | None,
    ) -> tuple[int, bytes, bytes]:
        if written is None:
            return self.git.attempt(*args, data=data, env=env)
        process = self.git.start(*args, env=env)
        said = b""
        try:
            if process.stdout is None or process.stderr is None:
                raise RemoteError("git could not be started")
            while part := os.read(process.stderr.fileno(), 65536):
                said = (said + part)[-65536:]
                if found := _WRITTEN.findall(part):
                    number, unit = found[-1]
                    written(int(float(number) * _UNITS[unit]))
            out = process.stdout.read()
            return process.wait(), out, said
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()
            for pipe in (process.stdout, process.stderr):
                if pipe is not None:
                    pipe.close()


def room_left(folder: Path, said: bytes) -> None:
    """Raise NoSpace when what git said is that our own disk is full."""
    if _FULL.search(said):
        with disk_errors(folder):
            raise OSError(errno.ENOSPC, "no space left", os.fspath(folder))


def _quoted(path: bytes) -> bytes:
    """A line of `info/alternates`: quoted as C would where it must be."""
    if path[:1] not in (b'"', b"#") and b"\n" not in path:
        return path
    escaped = path.replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n")
    return b'"' + escaped + b'"'


def litter(parent: Path) -> Iterator[Path]:
    """The folders of processes that were killed while they had objects on their way."""
    before = time.time() - LITTER_SECONDS
    for folder in parent.glob("tmp-*"):
        with suppress(OSError):
            if folder.stat().st_mtime < before:
                yield folder


def _sweep(parent: Path) -> None:
    for folder in litter(parent):
        shutil.rmtree(folder, ignore_errors=True)
