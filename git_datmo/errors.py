"""Every error git-datmo raises on purpose, as one tree.

DatmoError                              exit code 1
├── UsageError                          2   the request itself is wrong
│   ├── RequiredArgumentMissing
│   ├── MutuallyExclusiveArguments
│   ├── InvalidArgumentType
│   ├── ValidationFailed
│   │   ├── InvalidDestinationName
│   │   └── TooManyArgumentsFound
│   ├── QuerySyntaxError
│   └── FileIOError                     a config or stats file that cannot be read or parsed
├── NotFound                            3
│   ├── EntityNotFound (= DoesNotExist)
│   │   ├── SnapshotNotFound
│   │   ├── RunNotFound
│   │   ├── ArtifactNotFound
│   │   ├── SessionDoesNotExist
│   │   ├── EnvironmentDoesNotExist
│   │   └── CommitDoesNotExist
│   ├── AmbiguousId                     carries the candidates
│   ├── PathDoesNotExist
│   ├── ProjectNotInitialized
│   └── InvalidProjectPath
├── Conflict                            4
│   ├── UnsafeName                      a tree entry that must not be written
│   ├── UnsafePath                      a link or foreign thing stands in the way of a restore
│   ├── FileAlreadyExistsError          two sources for one destination
│   ├── FileChanging                    a file that changed while it was read
│   ├── UnreadableFile
│   ├── IdentityMissing                 git has no user.name or user.email
│   ├── SigningFailed                   git could not sign what was to be recorded
│   ├── NeedsWorkTree
│   ├── RepositoryBusy                  a lock that somebody else holds
│   ├── RunUnderWay (= TaskNotComplete) a run that has not ended yet, or is not to start
│   ├── Purged                          what is not to be recorded again
│   ├── PortTaken
│   ├── ExtraMissing                    packages that only some verbs need are not installed
│   ├── GPUSupportNotEnabled            a GPU was asked for and there is none
│   ├── ReadOnlyRepository
│   └── NoSpace
├── Corrupt                             5
│   ├── InvalidPointer
│   ├── InvalidDocument
│   ├── InvalidOperation
│   ├── DamagedObject                   a git object or ref
│   ├── DamagedContent                  a store file that is not what its name says
│   ├── DamagedIndex                    the derived index; it is dropped and made anew
│   ├── ContentMissing                  a store file that is not here
│   └── NewerFormat                     written by a later git-datmo
├── EngineError                         6
├── RemoteError                         7
├── UnsupportedRepository               128
├── NotARepository                      128
└── GitFailed                           128 git itself refused; carries what it said

The message of an error is one sentence: what happened, and to what. `hint`, when there is
one, is what to do next. `exit_code` is what a command that ends with the error exits with.
"""

from __future__ import annotations

from collections.abc import Sequence


class DatmoError(Exception):
    """Base of the tree. `message` says what happened to what; `hint` what to do next."""

    exit_code = 1
    hint: str | None = None

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        if hint is not None:
            self.hint = hint


class UsageError(DatmoError):
    """The request contradicts itself or cannot be understood."""

    exit_code = 2


class RequiredArgumentMissing(UsageError):
    """An argument without which the verb has no meaning was not given."""


class MutuallyExclusiveArguments(UsageError):
    """Two arguments were given of which only one can hold."""


class InvalidArgumentType(UsageError):
    """An argument has the wrong Python type."""


class ValidationFailed(UsageError):
    """An argument's value is outside what the verb accepts."""


class InvalidDestinationName(ValidationFailed):
    """The `dest` of a `src>dest` path is not a relative path inside the project."""


class TooManyArgumentsFound(ValidationFailed):
    """A `src>dest` path has more than one `>`."""


class QuerySyntaxError(UsageError):
    """A `--where`, `--sort` or `--columns` expression cannot be parsed."""


class FileIOError(UsageError):
    """A config, stats or definition file cannot be read or parsed; a file cannot be written."""


class NotFound(DatmoError):
    """What was named is not here."""

    exit_code = 3


class EntityNotFound(NotFound):
    """No snapshot, session or environment has this id or name."""


DoesNotExist = EntityNotFound


class SnapshotNotFound(EntityNotFound):
    """No snapshot has this id, label or name."""


class RunNotFound(EntityNotFound):
    """No run has this id or label."""


class ArtifactNotFound(EntityNotFound, ValueError):
    """No artifact has this name, version, id or label; squirrel's callers catch ValueError."""


class SessionDoesNotExist(EntityNotFound):
    """No session has this id or name."""


class EnvironmentDoesNotExist(EntityNotFound):
    """No environment has this id."""


class CommitDoesNotExist(EntityNotFound):
    """No commit has this id."""


class AmbiguousId(NotFound):
    """A prefix or label that several objects share; `candidates` are their ids."""

    def __init__(self, message: str, *, candidates: Sequence[str], hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.candidates = tuple(candidates)


class PathDoesNotExist(NotFound):
    """A file or folder that was named does not exist."""


class ProjectNotInitialized(NotFound):
    """The repository has no git-datmo project yet."""

    hint = "run 'git datmo init'"


class InvalidProjectPath(NotFound):
    """`home` or `-C` is not a directory."""


class Conflict(DatmoError):
    """Doing it would lose or overwrite something, or the state does not allow it."""

    exit_code = 4


class UnsafeName(Conflict):
    """A tree holds a name that must not be written to disk."""


class UnsafePath(Conflict):
    """A symbolic link or something foreign stands where a restore would write."""


class FileAlreadyExistsError(Conflict):
    """Two different things claim one place."""


class FileChanging(Conflict):
    """A file kept changing while it was read."""


class UnreadableFile(Conflict):
    """A file of the work tree cannot be read."""


class IdentityMissing(Conflict):
    """git does not know who the user is."""

    hint = (
        "tell git who you are: git config --global user.name 'Your Name'; "
        "git config --global user.email you@example.com"
    )


class SigningFailed(Conflict):
    """git could not sign what was to be recorded."""


class NeedsWorkTree(Conflict):
    """The verb needs a work tree and the repository is bare."""


class RepositoryBusy(Conflict):
    """Another process holds a lock and did not let go of it in time."""


class RunUnderWay(Conflict):
    """A run has not ended yet."""


TaskNotComplete = RunUnderWay


class Purged(Conflict):
    """It was purged, and is not recorded again."""

    hint = "its local directory still holds what was purged: delete that, too"


class PortTaken(Conflict):
    """A port that was asked for is in use."""


class ExtraMissing(Conflict):
    """Packages that only some verbs need are not installed."""

    @classmethod
    def unless(cls, *packages: str, purpose: str, extra: str = "ui") -> None:
        """Raise this unless all of `packages` can be imported, as `purpose` needs."""
        from importlib.util import find_spec

        lacking = [name for name in packages if find_spec(name) is None]
        if lacking:
            raise cls(
                f"{purpose} needs packages that are not installed: {', '.join(lacking)}",
                hint=f"pip install 'git-datmo[{extra}]'",
            )


class GPUSupportNotEnabled(Conflict):
    """A GPU was asked for where there is none."""


class ReadOnlyRepository(Conflict):
    """The git directory cannot be written."""


class NoSpace(Conflict):
    """The disk, the quota or the table of inodes is full."""


class Corrupt(DatmoError):
    """Stored data is not what it should be."""

    exit_code = 5
    hint = "run 'git datmo fsck' to see what is affected"


class InvalidPointer(Corrupt):
    """A pointer file does not follow the grammar of pointers."""


class InvalidDocument(Corrupt):
    """A stored JSON document breaks the rules of the format."""


class InvalidOperation(Corrupt):
    """A line of a note is not an operation."""


class DamagedObject(Corrupt):
    """A git object or ref cannot be read."""


class DamagedContent(Corrupt):
    """Bytes in the store or on a remote differ from their digest."""


class DamagedIndex(Corrupt):
    """The derived index turned out to be damaged; it has been dropped."""

    hint = "run the command again: the index is rebuilt from the notes, nothing is lost"


class ContentMissing(Corrupt):
    """Content that a pointer names is neither in the store nor on a remote that was asked.

    `missing` lists it where that is known: path, key, blake3, size in bytes.
    """

    hint = "ask whoever made the snapshot to push again, or run 'git datmo pull --content'"

    missing: tuple[tuple[bytes, str, str, int], ...] = ()


class NewerFormat(Corrupt):
    """The data was written by a newer git-datmo than this one."""

    hint = "install a newer git-datmo"


class EngineError(DatmoError):
    """A container engine or runner failed."""

    exit_code = 6


class RemoteError(DatmoError):
    """A remote could not be reached, or refused."""

    exit_code = 7


class UnsupportedRepository(DatmoError):
    """A repository format that git-datmo cannot read yet."""

    exit_code = 128


class NotARepository(DatmoError):
    """There is no git repository here."""

    exit_code = 128
    hint = "run 'git datmo init' to make one here, or go to your project's folder"


class GitFailed(DatmoError):
    """git itself failed; `stderr` is what it said."""

    exit_code = 128

    def __init__(self, message: str, *, stderr: str = "", hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.stderr = stderr
