"""What is taken for a secret, and what is not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from git_datmo.storage import secrets
from tests.kit import tokens

ROOT = Path(__file__).parents[2]
EVERY = tokens.every()


@pytest.mark.parametrize("kind", EVERY)
def test_every_kind_is_known_wherever_it_stands(kind: str):
    line = EVERY[kind]
    alone = [line, f"  {line}", f"# x\n{line}\n# y\n", f"{line}\r\n"]
    if "dotenv" not in kind:
        alone += [f"key = '{line}'", f"x {line} y", json.dumps({"key": f"a\n{line}"})]
    for text in alone:
        assert secrets.in_content(text.encode()) is not None, text


@pytest.mark.parametrize("line", tokens.HARMLESS)
def test_what_only_looks_a_little_like_it(line: str):
    assert secrets.in_content(line.encode()) is None


def test_a_project_without_secrets_has_none():
    found = {
        str(file): kind
        for folder in ("git_datmo", "docs", "hooks")
        for file in (ROOT / folder).rglob("*")
        if file.is_file() and file.suffix not in (".pyc", ".png")
        if (kind := secrets.in_content(file.read_bytes())) is not None
    }
    assert found == {}
