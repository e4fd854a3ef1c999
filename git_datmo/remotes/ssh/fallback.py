"""Hosts that serve git over ssh and nothing else: their content lies elsewhere."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from git_datmo.errors import ContentMissing, DatmoError, RemoteError
from git_datmo.model.pointer import Pointer
from git_datmo.remotes.base import Advance, Checkup, Held, Place
from git_datmo.remotes.ssh.place import Ssh
from git_datmo.storage.durability import write_file
from git_datmo.storage.store import Store

# What was learned about a host is asked again after so many seconds.
REMEMBERED = 7 * 86_400


class Fallback:
    """`first` where its host runs python3 for us, else what `second` makes.

    Which one is asked of the host, once a week: `memory`, a JSON file, keeps the refusals. A host
    that cannot be reached is an error, and no reason to take the second.
    """

    def __init__(self, first: Ssh, second: Callable[[], Place], memory: Path) -> None:
        self._first, self._make, self._memory = first, second, memory
        self._second: Place | None = None
        self._chosen: Place | None = None

    @property
    def name(self) -> str:
        """The address of the first."""
        return self._first.name

    @property
    def removes(self) -> bool:
        """Whether content can be taken away from where it lies, as far as that is known."""
        if self._chosen is not None:
            return self._chosen.removes
        return self._other().removes if self._remembered() else self._first.removes

    def present(self, pointers: Sequence[Pointer]) -> set[Pointer]:
        """Those that are there whole."""
        return self._place().present(pointers) if pointers else set()

    def put(self, source: Store, pointers: Sequence[Pointer], advance: Advance) -> None:
        """Bring content there."""
        if pointers:
            self._place().put(source, pointers, advance)

    def get(
        self, target: Store, pointers: Sequence[Pointer], advance: Advance
    ) -> dict[Pointer, DatmoError]:
        """Fetch content from there; what the first does not have, others whom the host gives no
        shell may have brought to the second."""
        if not pointers:
            return {}
        failed = self._place().get(target, pointers, advance)
        missing = [p for p, error in failed.items() if isinstance(error, ContentMissing)]
        if missing and self._place() is self._first:
            with suppress(RemoteError):
                left = self._other().get(target, missing, advance)
                for pointer in set(missing) - set(left):
                    del failed[pointer]
                failed.update(left)
        return failed

    def listing(self) -> Iterator[Held]:
        """Everything that is there."""
        return self._place().listing()

    def remove(self, held: Sequence[Held]) -> int:
        """Take files away; returns the bytes freed."""
        return self._place().remove(held)

    def check(self) -> Checkup:
        """Ask the host itself, whatever is remembered; then the place that it leaves."""
        self._chosen = None
        try:
            chosen = self._place(anew=True)
        except DatmoError as error:
            return Checkup(False, None, None, (error.message,))
        found = chosen.check()
        if chosen is self._first:
            return found
        why = self._remembered() or "it gives no shell"
        remark = (
            f"{self._first.address.host} runs no python3 for us ({why}): content is in git refs"
        )
        return Checkup(found.reached, found.writable, found.free, (remark, *found.remarks))

    def close(self) -> None:
        """Hang up."""
        self._first.close()
        if self._second is not None:
            self._second.close()

    def _other(self) -> Place:
        if self._second is None:
            self._second = self._make()
        return self._second

    def _place(self, *, anew: bool = False) -> Place:
        """Which of the two it is. Raises RemoteError when the host cannot be reached."""
        if self._chosen is None:
            reason = None if anew else self._remembered()
            if reason is None:
                reason = self._first.refusal()
                self._remember(reason)
            self._chosen = self._first if reason is None else self._other()
        return self._chosen

    @property
    def _host(self) -> str:
        address = self._first.address
        return f"{address.target}:{address.port}" if address.port else address.target

    def _hosts(self) -> dict[str, Any]:
        try:
            read = json.loads(self._memory.read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return read if isinstance(read, dict) else {}

    def _remembered(self) -> str | None:
        """What the host said not long ago when it refused."""
        known = self._hosts().get(self._host)
        if not isinstance(known, dict) or not isinstance(known.get("at"), int | float):
            return None
        recent = 0 <= time.time() - known["at"] < REMEMBERED
        return str(known.get("refused")) if recent else None

    def _remember(self, reason: str | None) -> None:
        hosts = self._hosts()
        if reason is None and self._host not in hosts:
            return
        hosts.pop(self._host, None)
        if reason is not None:
            hosts[self._host] = {"refused": reason, "at": int(time.time())}
        try:
            write_file(self._memory, json.dumps(hosts, indent=1).encode(), sync=False)
        except (DatmoError, OSError):
            return  # a folder that cannot be written asks again next time
