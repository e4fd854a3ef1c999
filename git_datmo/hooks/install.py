"""Putting our hooks beside whatever hooks there are, in any order of arrival.

1. No hook yet: a new file that holds nothing but our block.
2. A hook of ours, here or where the pre-commit framework moved it: its block is renewed.
3. A hook that sh reads: our block goes into it. (Were it moved aside instead, installing the
   pre-commit framework twice would make its hook call itself.)
4. Any other hook (Python, a binary, a link to somewhere, one that is switched off by its mode):
   it moves aside under a new name, and ours calls it with the same input and exit status.

Callers keep two installs or uninstalls in one repository apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from git_datmo.errors import Conflict
from git_datmo.hooks import block, files
from git_datmo.hooks.block import EVENTS
from git_datmo.hooks.files import Change

State = Literal["missing", "installed", "disabled", "damaged", "outdated", "orphaned", "elsewhere"]


def install(
    hooks_dir: Path, program: Sequence[str], events: Sequence[str] = EVENTS
) -> list[Change]:
    """Install or renew the hooks for `events`; one Change for each.

    `program` is the words that start git-datmo: absolute paths, and flags. Raises
    ValidationFailed when it is not that, Conflict when what is there cannot be added to.
    """
    texts = [(event, block.body(event, program)) for event in events]
    new = files.make_folder(hooks_dir)
    return [_install(hooks_dir, event, text, new) for event, text in texts]


def installed(hooks_dir: Path, program: Sequence[str] = ()) -> dict[str, State]:
    """How each of our hooks is doing.

    missing: git runs no hook of ours · disabled: the file is not executable · damaged: our
    block has lost a marker. With `program` also orphaned: the program that it starts is gone ·
    elsewhere: it starts another one, which is there · outdated: its text is another one.
    """
    return {event: _state(hooks_dir, event, program) for event in EVENTS}


def _install(hooks_dir: Path, event: str, text: bytes, new: bool) -> Change:
    hook = _ours(hooks_dir, event) or files.read(hooks_dir / event)
    directory = [block.DIRECTORY] if new else []

    # 1. No hook yet.
    if hook is None:
        path = hooks_dir / event
        files.create(path, _own(event, text, [block.FILE, *directory]))
        return Change(event, path, "created")

    # 2. A hook of ours. A link to one is somebody's doing, and not ours to write through.
    if hook.blocks(event):
        if hook.link:
            return Change(event, hook.path, "kept", "it is a link")
        data = block.add(hook.data, event, text)
        if data == hook.data:
            return Change(event, hook.path, "unchanged")
        files.replace(hook, data)
        return Change(event, hook.path, "updated")

    # 3. A hook that sh reads.
    if block.is_shell(hook.data) and hook.runs and not hook.link:
        files.replace(hook, block.add(hook.data, event, text))
        return Change(event, hook.path, "added")

    # 4. Any other hook. It is never without a name, so no push or commit slips past it.
    aside = hooks_dir / block.chained_name(event)
    files.duplicate(hook.path, aside)
    files.create(hook.path, _own(event, text, [block.FILE, block.CHAIN]))
    return Change(event, hook.path, "chained", f"the hook that was there is now {aside.name}")


def _ours(hooks_dir: Path, event: str) -> files.Hook | None:
    """The hook that holds our block, if git gets to run it."""
    hook, legacy = (files.read(path) for path in files.slots(hooks_dir, event))
    if hook is None or hook.blocks(event):
        return hook
    if legacy is not None and legacy.blocks(event) and b"pre-commit" in hook.data:
        return legacy
    return None


def _own(event: str, text: bytes, made: Sequence[str]) -> bytes:
    return block.SHEBANG + block.render(event, text, made)


def _state(hooks_dir: Path, event: str, program: Sequence[str]) -> State:
    try:
        hook = _ours(hooks_dir, event)
        found = hook.blocks(event) if hook is not None else []
    except Conflict:
        return "damaged"
    if hook is None or not found:
        return "missing"
    if not hook.runs:
        return "disabled"
    if not program:
        return "installed"
    started = block.program(hook.data[found[0].start : found[0].end])
    if not started or not all(Path(word).exists() for word in started if word.startswith("/")):
        return "orphaned"
    if started != tuple(program):
        return "elsewhere"
    renewed = block.add(hook.data, event, block.body(event, program))
    return "installed" if renewed == hook.data else "outdated"
