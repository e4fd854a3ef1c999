"""Filters name sessions as people do."""

from __future__ import annotations

import pytest

from git_datmo.api import filters
from git_datmo.model.query import parse

IDS = {"exp": "a" * 40, "default": "b" * 40}


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ('session == "exp"', f'session == "{"a" * 40}"'),
        ('session != "exp"', f'session != "{"a" * 40}"'),
        ('session == "unknown"', 'session == "unknown"'),
        ('session in ("exp", "default")', f'session in ("{"a" * 40}", "{"b" * 40}")'),
        (
            'not (session == "exp") and stats.acc > 1 or session is null',
            f'not (session == "{"a" * 40}") and stats.acc > 1 or session is null',
        ),
        ('config.session == "exp"', 'config.session == "exp"'),
    ],
)
def test_sessions_are_named(written: str, meant: str):
    assert filters.read(written, IDS) == parse(meant)
