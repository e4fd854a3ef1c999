"""Moving out: every hook is left as it would be had we never been there.

What others wrote outside our block since stays. Only when they wrote into a file that calls a
hook we moved aside do both have to stay as they are: the file then keeps the call.
"""

from __future__ import annotations

from pathlib import Path

from git_datmo.hooks import block, files
from git_datmo.hooks.block import EVENTS
from git_datmo.hooks.files import Change


def uninstall(hooks_dir: Path) -> list[Change]:
    """Take our hooks out; one Change for each file that held one.

    Raises Conflict, before anything is changed, when a block has lost a marker.
    """
    found = [
        (event, hook)
        for event in EVENTS
        for hook in map(files.read, files.slots(hooks_dir, event))
        if hook is not None and hook.blocks(event)
    ]
    changes = [_uninstall(event, hook) for event, hook in found]
    if any(block.DIRECTORY in each.made for event, hook in found for each in hook.blocks(event)):
        files.remove_folder(hooks_dir)
    return changes


def _uninstall(event: str, hook: files.Hook) -> Change:
    if hook.link:
        return Change(event, hook.path, "kept", "it is a link")
    rest, made = block.remove(hook.data, event)
    only_ours = block.FILE in made and rest == block.SHEBANG
    aside = hook.path.parent / block.chained_name(event)

    if block.CHAIN in made and files.read(aside) is not None:
        if only_ours:
            files.move(aside, hook.path)
            return Change(event, hook.path, "removed")
        files.replace(hook, _call(event, rest))
        return Change(event, hook.path, "kept", f"it still calls {aside.name}")
    if only_ours:
        files.delete(hook.path)
        return Change(event, hook.path, "deleted")
    files.replace(hook, rest)
    return Change(event, hook.path, "removed")


def _call(event: str, rest: bytes) -> bytes:
    top = block.SHEBANG if rest.startswith(block.SHEBANG) else b""
    return top + block.chain_line(event) + rest[len(top) :]
