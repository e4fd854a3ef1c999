"""Running part of a test as a user whom permissions bind; root may do anything."""

from __future__ import annotations

import os
import subprocess
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path

import pygit2
from pygit2.enums import ConfigLevel

NOBODY = 65534
LEVELS = (
    ConfigLevel.PROGRAMDATA,
    ConfigLevel.SYSTEM,
    ConfigLevel.XDG,
    ConfigLevel.GLOBAL,
)


def run(function: Callable[[Path], None]) -> None:
    """Call `function` with a folder that belongs to nobody; as nobody when we are root."""
    with tempfile.TemporaryDirectory(prefix="datmo-") as folder:
        root = os.geteuid() == 0
        if root:
            os.chown(folder, NOBODY, NOBODY)
        child = os.fork()
        if child == 0:
            _become(function, Path(folder), root)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        subprocess.run(["chmod", "-R", "u+rwX", folder], check=True)
        assert code == 0


def _become(function: Callable[[Path], None], folder: Path, root: bool) -> None:
    code = 1
    try:
        if root:
            os.setgid(NOBODY)
            os.setuid(NOBODY)
        os.environ["HOME"] = str(folder)
        for name in [name for name in os.environ if name.startswith("XDG_")]:
            del os.environ[name]
        os.chdir(folder)
        for level in LEVELS:
            pygit2.settings.search_path[level] = str(folder)
        function(folder)
        code = 0
    finally:
        if code:
            traceback.print_exc()
        # Nothing of pytest may run twice.
        os._exit(code)
