"""`git datmo version`, wherever one is."""

from __future__ import annotations

from pathlib import Path

from git_datmo.version import __version__
from tests.kit.program import datmo


def test_every_way_to_ask_for_it(tmp_path: Path):
    for words in (("version",), ("-v",), ("--version",)):
        assert datmo(*words, cwd=tmp_path).stdout == f"git-datmo version: {__version__}\n"
    assert datmo("version", "--json", cwd=tmp_path).json() == {"version": __version__}
