"""The seal: no test sees the machine it runs on, and the unexpected fails at once.

Every outside influence on git, libgit2 and the program is removed here and nowhere else.
`world` seals the process once, so that session fixtures are inside too; `seal` gives each test
a HOME and a current directory of its own and checks that nothing leaked in.
"""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pygit2
import pytest
from hypothesis import settings
from pygit2.enums import ConfigLevel

pytest.register_assert_rewrite("tests.kit.checks", "tests.kit.program", "tests.kit.git")

from git_datmo.api import location  # noqa: E402
from git_datmo.api.project import init as initialize  # noqa: E402
from git_datmo.cli.project import program  # noqa: E402
from tests.kit.git import Repo  # noqa: E402 -- only after asserts in the kit are rewritten
from tests.kit.program import Result, datmo, loaded  # noqa: E402

DATE = "2026-01-02T03:04:05+00:00"
IDENTITY = """\
[user]
	name = Ada Lovelace
	email = ada@example.com
[init]
	defaultBranch = main
[advice]
	detachedHead = false
"""
FIXED = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_DATE": DATE,
    "GIT_COMMITTER_DATE": DATE,
    "GIT_EDITOR": "false",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C.UTF-8",
    "TZ": "UTC",
    "NO_COLOR": "1",
}
UNSET = (
    *("COLUMNS", "EDITOR", "LANG", "LANGUAGE", "LINES", "PAGER", "VISUAL", "FORCE_COLOR"),
    *("EMAIL", "PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "SSH_ASKPASS"),
)
LIBGIT2_LEVELS = (
    ConfigLevel.PROGRAMDATA,
    ConfigLevel.SYSTEM,
    ConfigLevel.XDG,
    ConfigLevel.GLOBAL,
)

pytest_plugins = [
    "tests.kit.engine",
    "tests.kit.jupyter",
    "tests.kit.lfsserver",
    "tests.kit.seaweed",
    "tests.kit.bucketserver",
    "tests.kit.webgit",
    "tests.kit.chunkrefs",
    "tests.kit.sshd",
    "tests.kit.chromium",
    "tests.kit.signatures",
]

settings.register_profile("sealed", database=None, deadline=None, print_blob=True)
settings.load_profile("sealed")


def pytest_collection_finish() -> None:
    """Let the garbage collector leave alone what the tests themselves consist of: a look at all
    of it takes most of a second, and some tests ask for one."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True, scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Take the caller's environment away, for this process and all that it starts."""
    local = subprocess.run(
        ["git", "rev-parse", "--local-env-vars"], capture_output=True, text=True, check=True
    ).stdout.split()
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # A background job of a shell ignores it, and so would all that is started here.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith(("GIT_", "DATMO_", "XDG_", "LC_")) or name in local:
                patch.delenv(name)
        for name in UNSET:
            patch.delenv(name, raising=False)
        for name, value in FIXED.items():
            patch.setenv(name, value)
        programs = Path(sys.executable).parent
        patch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
        move_home(patch, tmp_path_factory.mktemp("session-home"))
        yield
        if loaded.cache_info().currsize:
            loaded().close()


@pytest.fixture(autouse=True)
def seal(
    world: None,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    """A private HOME and an empty current directory; returns the HOME."""
    home = tmp_path_factory.mktemp("home")
    move_home(monkeypatch, home)
    monkeypatch.chdir(tmp_path)
    assert_sealed(home)
    return home


def move_home(patch: pytest.MonkeyPatch, home: Path) -> None:
    """Make `home` the home directory of git, of libgit2 and of everything else."""
    (home / ".gitconfig").write_text(IDENTITY)
    patch.setenv("HOME", str(home))
    for name in ("CONFIG", "CACHE", "DATA", "STATE", "RUNTIME"):
        folder = home / ".xdg" / name.lower()
        folder.mkdir(parents=True, mode=0o700)
        patch.setenv(f"XDG_{name}_{'DIR' if name == 'RUNTIME' else 'HOME'}", str(folder))
    # libgit2 finds its configuration once, when it is loaded: a later HOME changes nothing.
    nowhere = str(home / ".nowhere")
    places = {ConfigLevel.GLOBAL: str(home), ConfigLevel.XDG: str(home / ".xdg" / "config" / "git")}
    for level in LIBGIT2_LEVELS:
        pygit2.settings.search_path[level] = places.get(level, nowhere)


def assert_sealed(home: Path) -> None:
    """Fail the test rather than let it see the machine."""
    allowed = {name for name in FIXED if name.startswith("GIT_")}
    leaked = {name for name in os.environ if name.startswith(("GIT_", "DATMO_"))} - allowed
    assert not leaked, f"the seal is broken: {leaked} reached the test"
    assert Path.home() == home
    assert pygit2.settings.search_path[ConfigLevel.GLOBAL] == str(home)
    assert pygit2.Config.get_global_config()["user.email"] == "ada@example.com"


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repo:
    """A fresh repository without commits, as the current directory."""
    fresh = Repo.init(tmp_path / "repo")
    monkeypatch.chdir(fresh.path)
    return fresh


@pytest.fixture
def project(repo: Repo) -> Repo:
    """`repo` after what `git datmo init` does; in this process, for two thousand tests begin so."""
    initialize(location.find(repo.path), program=program())
    return repo


@pytest.fixture(name="datmo")
def run_datmo() -> Callable[..., Result]:
    """The program, run in the current directory unless told otherwise."""
    return datmo
