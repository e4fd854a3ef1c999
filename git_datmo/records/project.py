"""A project: one repository with its store and its index. What every verb takes first."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from git_datmo.errors import GitFailed, IdentityMissing, ProjectNotInitialized
from git_datmo.records import clones, layout
from git_datmo.storage import refs
from git_datmo.storage import repository as repositories
from git_datmo.storage.index import Index
from git_datmo.storage.repository import Repository

if TYPE_CHECKING:
    from collections.abc import Callable

    from git_datmo.storage.store import Store

DEFAULT_LARGE_FILE = 1024 * 1024
DEFAULT_MAX_REFS = 20
DEFAULT_MAX_SLOTS = 8


class Project:
    """The repository, the content store and the index of one project."""

    def __init__(self, repository: Repository) -> None:
        self.repository = repository
        # Refs of chains that cannot be read, with the reason, as of the last look at them.
        self.unreadable: dict[str, str] = {}

    @classmethod
    def open(cls, start: Path) -> Project:
        """The project of the repository around the folder `start`.

        Raises NotARepository, InvalidProjectPath, UnsupportedRepository.
        """
        return cls(repositories.discover(start))

    @property
    def home(self) -> Path:
        """`<common dir>/datmo`, where everything that is not a git object lies."""
        return self.repository.home

    @property
    def initialized(self) -> bool:
        """Whether `init` was run in this clone."""
        return clones.exists(self.home)

    def require_initialized(self) -> None:
        """Raise ProjectNotInitialized before `init`."""
        if not self.initialized:
            where = self.repository.work_tree or self.repository.git_dir
            raise ProjectNotInitialized(f"{where} is not a git-datmo project yet")

    @property
    def known(self) -> bool:
        """Whether there is anything to read: `init` was run here or snapshots were fetched."""
        common = self.repository.common_dir
        return self.initialized or any(
            refs.read(common, kind).found for kind in (layout.OWN, layout.REMOTES)
        )

    def require_known(self) -> None:
        """Raise ProjectNotInitialized where there is nothing to read."""
        if not self.known:
            self.require_initialized()

    @cached_property
    def store(self) -> Store:
        """The content store."""
        from git_datmo.storage.store import Store

        return Store(self.home / "store", marks=True)

    def let_go(self) -> None:
        """What was read into the store is mentioned by refs now, or given up: it may be freed."""
        if "store" in self.__dict__:
            self.store.lock.release()

    @cached_property
    def index(self) -> Index:
        """The derived index, as it lies on disk; `records.catalogue.refresh` brings it up."""
        return Index.open(self.home / "index.sqlite")

    @property
    def threshold(self) -> int:
        """Files of this many bytes or more go to the store (`datmo.largeFile`)."""
        return max(1, self.repository.config.number("datmo.largeFile", DEFAULT_LARGE_FILE))

    @property
    def durability(self) -> str:
        """`batch`, `full` or `off` (`datmo.durability`)."""
        from git_datmo.storage.durability import MODES

        return self.repository.config.choice("datmo.durability", MODES)

    @property
    def max_refs(self) -> int:
        """How many snapshot refs of our own are kept (`datmo.maxRefs`)."""
        return max(0, self.repository.config.number("datmo.maxRefs", DEFAULT_MAX_REFS))

    @property
    def max_slots(self) -> int:
        """How many isolated work trees are kept for later runs (`datmo.maxSlots`)."""
        return max(1, self.repository.config.number("datmo.maxSlots", DEFAULT_MAX_SLOTS))

    @property
    def sign(self) -> Callable[[bytes], bytes] | None:
        """What signs the commits of snapshots, runs and artifacts; None without `datmo.sign`.

        It is the user's own word alone: no file that is fetched may have them sign anything.
        """
        if not self.repository.config.boolean("datmo.sign", False):
            return None
        from git_datmo.storage.signing import Signer

        objects = self.repository.objects
        return Signer(self.repository.git, self.repository.common_dir, objects.secure).sign

    @cached_property
    def identity(self) -> tuple[str, int, int]:
        """`Name <email>`, seconds and minutes of offset, as git would commit now.

        Raises IdentityMissing, in git's own conditions.
        """
        try:
            text = self.repository.git.run("var", "GIT_COMMITTER_IDENT").decode(errors="replace")
        except GitFailed as error:
            raise IdentityMissing("git does not know your name and email") from error
        who, _, rest = text.strip().rpartition("> ")
        seconds, zone = rest.split(" ")
        offset = int(zone[1:3]) * 60 + int(zone[3:5])
        return who + ">", int(seconds), -offset if zone[0] == "-" else offset
