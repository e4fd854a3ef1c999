"""The block as text: in and out again without a trace."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from git_datmo.errors import Conflict, ValidationFailed
from git_datmo.hooks import block
from git_datmo.hooks.handle import UNDER_WAY

HOOKS = [
    b"",
    b"\n",
    b"#!/bin/sh",
    b"#!/bin/sh\n",
    b"#!/bin/sh\n\n\necho no end of line",
    b"echo no interpreter\n",
    b"#!/bin/bash\r\necho dos\r\n",
    "#!/bin/sh\necho 'gr\u00fc\u00df dich'\n".encode("latin-1"),
    b"\xef\xbb\xbf#!/bin/sh\necho mark\n",
    b"#!/bin/sh\nexec true\n# >>> git-datmo like >>>\n",
]


@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize("event", block.EVENTS)
def test_removing_what_was_added_gives_the_same_bytes(hook: bytes, event: str) -> None:
    added = block.add(hook, event, block.body(event, ["/x"]))
    again = block.add(added, event, block.body(event, ["/another/place"]))

    assert again.count(b"/another/place") == 1
    assert b"set -- /x" not in again
    assert block.add(again, event, block.body(event, ["/x"])) == added
    assert block.remove(again, event)[0] == hook


@given(
    st.binary() | st.lists(st.sampled_from([b"#!", b"/bin/sh", b"\n", b"\r\n", b"a"])).map(b"".join)
)
def test_removing_what_was_added_gives_any_bytes(hook: bytes) -> None:
    assert block.remove(block.add(hook, "pre-push", b"text\n"), "pre-push")[0] == hook


def test_edits_around_the_block_stay() -> None:
    added = block.add(b"#!/bin/sh\nold\n", "pre-push", b"text\n")
    edited = (
        added.replace(b"#!/bin/sh\n", b"#!/bin/bash\nabove\n").replace(b"old", b"new") + b"below"
    )

    assert block.remove(edited, "pre-push")[0] == b"#!/bin/bash\nabove\nnew\nbelow"


def test_a_line_end_added_for_the_block_stays_when_text_follows() -> None:
    added = block.add(b"#!/bin/sh", "pre-push", b"text\n")

    assert block.remove(added + b"echo later\n", "pre-push")[0] == b"#!/bin/sh\necho later\n"


def test_doubled_blocks_become_one() -> None:
    text = block.render("pre-push", b"text\n")

    assert block.add(b"a\n" + text + b"b\n" + text + b"c\n", "pre-push", b"new\n") == (
        b"a\n" + block.render("pre-push", b"new\n") + b"b\nc\n"
    )


def test_a_block_whose_line_ends_an_editor_changed_is_still_ours() -> None:
    added = block.add(b"#!/bin/sh\nx\n", "pre-push", b"text\n").replace(b"\n", b"\r\n")

    assert block.remove(added, "pre-push")[0] == b"#!/bin/sh\r\nx\r\n"


@pytest.mark.parametrize(
    "lost", [b"# >>> git-datmo pre-push >>>\n", b"# <<< git-datmo pre-push <<<\n"]
)
def test_a_marker_without_its_partner_is_not_guessed_about(lost: bytes) -> None:
    text = block.render("pre-push", b"text\n")

    for hook in (text.replace(lost, b""), text.replace(lost, b"") + text):
        with pytest.raises(Conflict, match="first or last line"):
            block.add(hook, "pre-push", b"new\n")


@pytest.mark.parametrize(
    ("hook", "expected"),
    [
        (b"#!/bin/sh\n", True),
        (b"#! /usr/bin/bash -e\n", True),
        (b"#!/usr/bin/env bash\n", True),
        (b"#!/usr/bin/env -S zsh -f\n", True),
        (b"#!/usr/bin/env A=b dash\n", True),
        (b"echo hello\n", True),
        (b"", True),
        (b"#!/bin/sh\r\n", False),
        (b"#!/usr/bin/env python3\n", False),
        (b"#!/usr/bin/env\n", False),
        (b"#!\n", False),
        (b"#!/usr/bin/fish\n", False),
        (b"\x7fELF\x02\x01\x01\0\0", False),
    ],
)
def test_what_sh_reads(hook: bytes, expected: bool) -> None:
    assert block.is_shell(hook) is expected


@pytest.mark.parametrize("program", [[], ["git-datmo"], ["/a\0b"], ["bin/git-datmo"]])
def test_a_program_without_an_absolute_path_is_refused(program: list[str]) -> None:
    with pytest.raises(ValidationFailed):
        block.body("post-commit", program)


@pytest.mark.parametrize("event", block.EVENTS)
def test_the_hooks_are_short_sh_that_a_linter_accepts(event: str, tmp_path: Path) -> None:
    text = block.source(event)
    script = tmp_path / event
    script.write_bytes(text)

    assert text.startswith(block.SHEBANG)
    assert text.count(b"\n") <= 20
    for shell in filter(shutil.which, ("dash", "bash", "ksh", "zsh", "busybox")):
        words = [shell, "sh"] if shell == "busybox" else [shell]
        subprocess.run([*words, "-n", script], check=True)


def test_the_hook_and_the_module_name_the_same_operations() -> None:
    line = next(line for line in block.source("post-commit").splitlines() if b" busy in " in line)

    assert set(line.decode().partition(" in ")[2].removesuffix("; do").split()) == set(UNDER_WAY)
