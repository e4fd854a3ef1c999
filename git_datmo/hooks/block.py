"""The marked block that a hook of ours is, inside whatever hook there is already. Text in,
text out: nothing here reads or writes a file, except `source`, which reads our own.

The block goes to the top, right after the `#!` line, because nothing before it can `exit` or
`exec` away from it there; it runs in a subshell and gives standard input back, so what follows
notices nothing. A hook is bytes: its encoding and line ends are its own.

The opening marker says what was made to put the block there, which is what undoing it needs:
`file` the hook was not there before; `directory` nor was the folder; `newline` the line above
had no end; `chain` the hook that was there is another file now, which the block calls.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Sequence
from os import fsdecode, fsencode
from pathlib import Path

from git_datmo.errors import Conflict, DatmoError, ValidationFailed
from git_datmo.model.frozen import frozen

EVENTS = ("post-commit", "pre-push")
SHEBANG = b"#!/bin/sh\n"

FILE = "file"
DIRECTORY = "directory"
NEWLINE = "newline"
CHAIN = "chain"

_PROGRAM = re.compile(rb"^( *set -- )git-datmo #.*$", re.MULTILINE)
_SHELLS = {b"sh", b"bash", b"dash", b"ash", b"ksh", b"mksh", b"zsh"}
_CHAIN = '[ ! -x "${{0%/*}}/{name}" ] || "${{0%/*}}/{name}" "$@" || exit\n'


@frozen
class Block:
    """Where a block lies in a hook, line end included, and what was made for it."""

    start: int
    end: int
    made: frozenset[str]


def source(event: str) -> bytes:
    """The text of hooks/<event>: beside the package in a checkout, inside it in a wheel."""
    package = Path(__file__).parents[1]
    for folder in (package / "_hooks", package.parent / "hooks"):
        if (folder / event).is_file():
            return (folder / event).read_bytes()
    raise DatmoError(
        f"this installation of git-datmo lacks its {event} hook", hint="install git-datmo again"
    )


def body(event: str, program: Sequence[str]) -> bytes:
    """What goes between the markers: the text of the hook with `program` filled in.

    `program` is the words that start git-datmo, the first an absolute path. The hook takes the
    program for gone when any word that is an absolute path does not exist any more.
    """
    if not program or not program[0].startswith("/") or any("\0" in word for word in program):
        raise ValidationFailed(f"hooks need the program's absolute path, not {list(program)}")
    words = fsencode(" ".join(shlex.quote(word) for word in program))
    text = source(event).removeprefix(SHEBANG)
    filled, count = _PROGRAM.subn(lambda match: match[1] + words, text)
    if count != 1:
        raise DatmoError(f"the {event} hook names its program {count} times instead of once")
    return filled


def program(text: bytes) -> tuple[str, ...]:
    """The words by which a block starts git-datmo; none where it does not say."""
    match = re.search(rb"^ *set -- (.+)$", text, re.MULTILINE)
    try:
        return tuple(shlex.split(fsdecode(match[1]))) if match is not None else ()
    except ValueError:
        return ()


def render(event: str, text: bytes, made: Iterable[str] = ()) -> bytes:
    """The whole block: markers, `text`, and with `chain` the call of the hook moved aside."""
    flags = sorted(made)
    note = f" made: {', '.join(flags)}" if flags else ""
    call = chain_line(event) if CHAIN in flags else b""
    return b"%s%s\n%s%s%s\n" % (_opening(event), note.encode(), text, call, _closing(event))


def chained_name(event: str) -> str:
    """What a hook that cannot hold a block is called after it made room for ours."""
    return f"{event}.datmo-chained"


def chain_line(event: str) -> bytes:
    """The line of sh that runs the hook moved aside, as git would have."""
    return _CHAIN.format(name=chained_name(event)).encode()


def find(hook: bytes, event: str) -> list[Block]:
    """The blocks of `event` in `hook`, first to last.

    Raises Conflict when a marker has lost its partner: then nobody knows whose the lines are.
    """
    start, end = re.escape(_opening(event)), re.escape(_closing(event))
    whole = re.compile(
        rb"^%s(?: made: ([a-z, ]+))?\r?\n.*?^%s\r?(?:\n|\Z)" % (start, end), re.M | re.S
    )
    blocks = [
        Block(match.start(), match.end(), frozenset((match[1] or b"").decode().split(", ")) - {""})
        for match in whole.finditer(hook)
    ]
    counts = [len(re.findall(rb"^%s" % marker, hook, re.M)) for marker in (start, end)]
    if counts != [len(blocks)] * 2:
        raise Conflict(
            f"git-datmo's part of the {event} hook has lost its first or last line",
            hint="remove what is left of it by hand, then run 'git datmo init'",
        )
    return blocks


def add(hook: bytes, event: str, text: bytes) -> bytes:
    """`hook` with the block in it: where one is already, else at the top."""
    blocks = find(hook, event)
    if blocks:
        first = blocks[0]
        kept = _cut(hook[first.end :], find(hook[first.end :], event))
        return hook[: first.start] + render(event, text, first.made) + kept
    top, made = b"", []
    if hook.startswith(b"#!"):
        line, newline, _ = hook.partition(b"\n")
        top, made = line + b"\n", [] if newline else [NEWLINE]
    return top + render(event, text, made) + hook[len(top) :]


def remove(hook: bytes, event: str) -> tuple[bytes, frozenset[str]]:
    """`hook` as it would be had the block never been there, and what was made for the block."""
    blocks = find(hook, event)
    rest = _cut(hook, blocks)
    made = frozenset[str]().union(*(block.made for block in blocks))
    if NEWLINE in made and rest.count(b"\n") == 1:
        rest = rest.removesuffix(b"\n")
    return rest, made


def is_shell(hook: bytes) -> bool:
    """Whether git would have some kind of sh read this hook."""
    if not hook.startswith(b"#!"):
        return b"\0" not in hook[:1024]  # git gives a script without #! to sh
    # Split at blanks only: a carriage return is part of the name that the kernel looks for.
    words = re.split(rb"[ \t]+", hook[2:].partition(b"\n")[0].strip(b" \t"))
    if words[0].endswith(b"/env"):
        words = [word for word in words[1:] if word[:1] != b"-" and b"=" not in word] or [b""]
    return words[0].rpartition(b"/")[2] in _SHELLS


def _opening(event: str) -> bytes:
    return f"# >>> git-datmo {event} >>>".encode()


def _closing(event: str) -> bytes:
    return f"# <<< git-datmo {event} <<<".encode()


def _cut(hook: bytes, blocks: Sequence[Block]) -> bytes:
    for block in reversed(blocks):
        hook = hook[: block.start] + hook[block.end :]
    return hook
