"""Real folders that look to git-datmo as they look to pip."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Put = Callable[..., Path]


@pytest.fixture
def put() -> Put:
    """Put a package's metadata folder into a folder, as pip writes it."""

    def put_package(
        folder: Path, name: str, version: str, url: dict[str, object] | None = None
    ) -> Path:
        place = folder / f"{name.replace('-', '_')}-{version}.dist-info"
        place.mkdir(parents=True)
        (place / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        )
        if url is not None:
            (place / "direct_url.json").write_text(json.dumps(url))
        return place

    return put_package


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """An installation of Python 3.12.4 with its headers, where a program would be one."""
    return make_base(tmp_path / "base")


def make_base(prefix: Path, version: str = "3.12.4", name: str = "python3.12") -> Path:
    (prefix / "lib" / name / "site-packages").mkdir(parents=True)
    header = prefix / "include" / name / "patchlevel.h"
    header.parent.mkdir(parents=True)
    header.write_text(f'#define PY_MAJOR_VERSION 3\n#define PY_VERSION      "{version}"\n')
    make_program(prefix / "bin" / name, "echo 'this must not be started' >&2; exit 1")
    (prefix / "bin" / "python3").symlink_to(name)
    return prefix


def make_program(path: Path, body: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


def make_asking(path: Path) -> Path:
    """A Python whose files do not say what it is: it has to be started."""
    return make_program(path, f'exec "{sys.executable}" "$@"')
