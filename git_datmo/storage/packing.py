"""Many small files as packs, of a size that packs may have."""

from __future__ import annotations

from types import TracebackType

from git_datmo.storage.pack import PackWriter
from git_datmo.storage.repository import Repository

_BYTES = 1 << 30  # a pack of ours may hold 2 GiB


class Packing:
    """Writes blobs into packs that git leaves alone until a ref names what is inside.

    Used as a context manager: on an error the pack that was begun does not stay.
    """

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._pack = self._begin()
        self._size = 0

    def write_blob(self, data: bytes) -> str:
        """Add a blob and return its id."""
        self._size += len(data)
        if self._size > _BYTES:
            self._finish()
            self._pack, self._size = self._begin(), len(data)
        return self._pack.add(data)

    def __enter__(self) -> Packing:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self._finish()
        else:
            self._pack.__exit__(kind, error, trace)

    def _begin(self) -> PackWriter:
        return PackWriter(self._repository.common_dir, keep=True)

    def _finish(self) -> None:
        self._pack.__exit__(None, None, None)
        if self._pack.kept is not None:
            self._repository.objects.fresh.kept.append(self._pack.kept)
