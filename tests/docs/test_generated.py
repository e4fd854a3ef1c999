"""What is written from the code agrees with it; what is written by hand names what is there."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from git_datmo import errors

ROOT = Path(__file__).parents[2]
MAN = ROOT / "docs" / "man" / "git-datmo.1"
SETTING = re.compile(r"datmo\.([a-z][a-zA-Z]*)")


def test_generated_pages_are_up_to_date():
    done = subprocess.run(
        [sys.executable, str(ROOT / "docs" / "generate.py"), "--check"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_exit_code_is_in_the_man_page():
    section = MAN.read_text().partition(".SH EXIT STATUS")[2].partition(".SH CONFIG")[0]
    documented = {int(code) for code in re.findall(r"^\\fB(\d+)\\fR$", section, re.MULTILINE)}
    assert {kind.exit_code for kind in every_error(errors.DatmoError)} <= documented


def every_error(base: type[errors.DatmoError]) -> Iterator[type[errors.DatmoError]]:
    yield base
    for kind in base.__subclasses__():
        yield from every_error(kind)


def test_the_man_page_has_every_setting_and_no_other():
    section = MAN.read_text().partition(".SH CONFIGURATION")[2].partition(".SH FILES")[0]
    documented = {name.lower() for name in SETTING.findall(section)}
    assert settings_in_code() == documented


def settings_in_code() -> set[str]:
    """Literals that are git configuration keys `datmo.<name>`, folded as git folds them."""
    found = set()
    for file in (ROOT / "git_datmo").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                match = SETTING.fullmatch(node.value)
                found |= {match[1].lower()} if match else set()
    return found


def test_man_has_no_complaints_about_the_page():
    try:
        done = subprocess.run(
            ["groff", "-man", "-ww", "-z", str(MAN)], capture_output=True, text=True
        )
    except FileNotFoundError:
        pytest.skip("groff is not installed")
    assert (done.returncode, done.stderr) == (0, "")
