"""The local directory of a run while it is written: its files, its points, and its lock."""

from __future__ import annotations

import fcntl
import json
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from git_datmo.compat.em import layout, place
from git_datmo.errors import NoSpace

METADATA: Final = "metadata.yaml"
LINK: Final = ".datmo.json"
OPEN: Final = 64
"""How many files of points are kept open at a time."""


class Local:
    """The directory `path`, as it is called; the files stay where they are when the current
    directory changes. Points of one type are lines of one file, written at once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.root = Path(os.path.abspath(path))
        self._lock: int | None = None
        self._files: dict[str, int] = {}
        self._guard = threading.Lock()

    @property
    def exists(self) -> bool:
        """Whether there is such a directory, with its metadata."""
        return (self.root / METADATA).is_file()

    @property
    def log(self) -> Path:
        """Where what is printed goes."""
        return self.root / "stdout.log"

    def make(self) -> None:
        """Make what is missing of it. Raises NoSpace."""
        try:
            place.sheltered(self.root)
            (self.root / "metrics").mkdir(exist_ok=True)
            self.log.touch()
        except OSError as error:
            raise NoSpace(f"cannot make {self.root}: {error.strerror}") from error

    def hold(self) -> bool:
        """Take the directory's lock for as long as this process lives: who finds it free and the
        status `Running` knows that the run died. False: somebody else has it."""
        if self._lock is not None:
            return True
        with suppress(OSError):
            fd = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(fd)
                return False
            except OSError:
                os.close(fd)
                raise
            self._lock = fd
        return True

    def release(self) -> None:
        """Let go of the lock and of the open files."""
        with self._guard:
            files, self._files = self._files, {}
            lock, self._lock = self._lock, None
        for fd in (*files.values(), *(() if lock is None else (lock,))):
            os.close(fd)

    def write(self, name: str, value: Any) -> None:
        """Replace one of its documents. Raises NoSpace."""
        layout.write_yaml(self.root / name, value)

    def link(self, run_id: str, commit: str | None = None) -> None:
        """Write down which run of git-datmo it belongs to, and as what that was recorded. Raises
        NoSpace."""
        said = {"run": run_id} if commit is None else {"run": run_id, "commit": commit}
        try:
            (self.root / LINK).write_text(json.dumps(said) + "\n", "utf-8")
        except OSError as error:
            raise NoSpace(f"cannot write to {self.root}: {error.strerror}") from error

    def index(self) -> None:
        """Write `index.yaml`: where the rest lies. Raises NoSpace."""
        listed = {kind: os.fspath(Path("metrics") / path.name) for kind, path in self._types()}
        rest = {"platform": "platform.yaml", "git": "git.yaml", "log": "stdout.log"}
        self.write(
            "index.yaml", {"hyperparameters": "hyperparameters.yaml", "metrics": listed, **rest}
        )

    def append(self, type: str, line: bytes) -> None:
        """Add a point's line. Raises NoSpace."""
        fd = self._files.get(type)
        if fd is None:
            fd = self._open(type)
        try:
            written = os.write(fd, line)
            while written < len(line):
                written += os.write(fd, line[written:])
        except OSError as error:
            raise NoSpace(f"cannot add to {self.root}: {error.strerror}") from error

    def points(self) -> Iterator[Path]:
        """The files of points."""
        yield from sorted((self.root / "metrics").glob("*.jsonl"))

    def _open(self, type: str) -> int:
        path = self.root / "metrics" / f"{layout.file_name(type)}.jsonl"
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        with self._guard:
            if type in self._files:
                return self._files[type]
            new = not path.exists()
            try:
                fd = os.open(path, flags, 0o644)
                size = os.fstat(fd).st_size
                if size and os.pread(fd, 1, size - 1) != b"\n":
                    os.write(fd, b"\n")
            except OSError as error:
                raise NoSpace(f"cannot write {path}: {error.strerror}") from error
            while len(self._files) >= OPEN:
                os.close(self._files.pop(next(iter(self._files))))
            self._files[type] = fd
        if new:
            self.index()
        return fd

    def _types(self) -> Iterator[tuple[str, Path]]:
        from git_datmo.errors import InvalidDocument
        from git_datmo.model.series import parse

        known = {layout.file_name(kind): kind for kind in self._files}
        for path in self.points():
            kind = known.get(path.stem)
            if kind is None:
                with path.open("rb") as file, suppress(InvalidDocument):
                    kind = parse(file.readline()).type
            yield path.stem if kind is None else kind, path


def documents(
    metadata: Mapping[str, Any],
    hparams: Mapping[str, Any],
    platform: Mapping[str, Any],
    git: Mapping[str, Any],
) -> dict[str, Any]:
    """What the files of a run hold, by name."""
    return {
        METADATA: {"kind": "Run", **metadata},
        "hyperparameters.yaml": dict(hparams),
        "platform.yaml": dict(platform),
        "git.yaml": dict(git),
    }
