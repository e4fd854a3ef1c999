"""What a purge did, and who still holds what it took away."""

from __future__ import annotations

from git_datmo.model.frozen import frozen


@frozen
class Doomed:
    """One object that is purged: `kind` is `snapshot`, `run` or `artifact`; `message` its first
    line; `named` is False for what only stands on one that was named."""

    id: str
    kind: str
    message: str
    named: bool


@frozen
class Holder:
    """Somewhere that purged objects or content still are.

    `kind` is `clone` (a chain that its clone has not let go of yet), `ref`, `reflog`, `history`
    (the user's own commits), `content` or `objects`; `where` names it, `by` is who made it, and
    `advice` says what takes it away.
    """

    kind: str
    where: str
    advice: str
    by: str | None = None


@frozen
class Cleared:
    """What a purge took away on one remote: refs, and content in files and bytes. `error` says
    why it could not be finished there."""

    remote: str
    refs: int = 0
    files: int = 0
    size: int = 0
    error: str | None = None


@frozen
class Purge:
    """What a purge did, or with `dry_run` would do.

    `clone` is the new id of this clone where its chain was written anew, else None; `absorbed`
    are the clones whose chains were taken over. `files` and `size` (bytes) are the content freed
    here. What could not be had back lies with the `holders`.
    """

    purged: tuple[Doomed, ...]
    clone: str | None
    absorbed: tuple[str, ...]
    files: int
    size: int
    remotes: tuple[Cleared, ...]
    holders: tuple[Holder, ...]
    notices: tuple[str, ...] = ()
    dry_run: bool = False

    @property
    def complete(self) -> bool:
        """Whether every remote that was asked did its part."""
        return all(remote.error is None for remote in self.remotes)
