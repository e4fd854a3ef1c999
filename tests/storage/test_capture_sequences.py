"""Whatever was done to a work tree, a capture holds what a walk of its files finds.

Each example is a sequence of things people do. After each of them a capture that remembers all
earlier ones, a capture that remembers nothing, and a plain walk must agree.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.kit.capture import THRESHOLD, expected, flat, forget, take
from tests.kit.git import Repo

NAMES = ("a", "b.txt", "d/a", "d/b.txt", "d/e/c", "x/y", "link", "odd \n\u00e9")
FOLDERS = ("d", "d/e", "x", "empty/deep", "b.txt")
DATA = (
    b"",
    b"one\ntwo\n",
    b"one\r\ntwo\r\n",
    b"uno\ntwo\n",
    b"$Id: 0123 $\n",
    b"L" * THRESHOLD,
    b"M" * THRESHOLD,
    b"S" * (THRESHOLD - 1),
    b"git-datmo pointer 1\n",
)
IGNORES = ("", "a\n", "*.txt\n", "d/\n", "x\n!x/y\n", "/d/e/\nempty/\n")
ATTRIBUTES = (
    "",
    "* text=auto\n",
    "* text eol=crlf\n*.txt ident\n",
    "*.txt datmo\n",
    "* -datmo\n",
    "a text eol=lf\nd/* datmo\n",
)


def write(repo: Repo, name: str, n: int) -> None:
    path = repo.path / name
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.is_dir():
        shutil.rmtree(path)
    for parent in reversed(path.parents):
        if parent != repo.path and (parent.is_symlink() or parent.is_file()):
            parent.unlink()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(DATA[n % len(DATA)])


def rewrite(repo: Repo, name: str, n: int) -> None:
    """Other bytes of the same length, in place."""
    path = repo.path / name
    if path.is_file() and not path.is_symlink():
        data = bytes((byte + 1 + n) % 256 for byte in path.read_bytes())
        with path.open("r+b") as file:
            file.write(data)


def append(repo: Repo, name: str, n: int) -> None:
    path = repo.path / name
    if path.is_file() and not path.is_symlink():
        with path.open("ab") as file:
            file.write(b"+" * (n + 1))


def delete(repo: Repo, name: str, n: int) -> None:
    path = repo.path / name
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.is_dir():
        shutil.rmtree(path)


def rename(repo: Repo, name: str, n: int) -> None:
    target = repo.path / NAMES[n % len(NAMES)]
    source = repo.path / name
    free = target.parent.is_dir() and not os.path.lexists(target)
    if free and (source.is_file() or source.is_symlink()):
        source.rename(target)


def chmod(repo: Repo, name: str, n: int) -> None:
    path = repo.path / name
    if path.is_file() and not path.is_symlink():
        path.chmod(0o755 if n % 2 else 0o644)


def link(repo: Repo, name: str, n: int) -> None:
    write(repo, name, 0)
    (repo.path / name).unlink()
    (repo.path / name).symlink_to(("nowhere", ".", "d", "a", "../..")[n % 5])


def folder(repo: Repo, name: str, n: int) -> None:
    path = repo.path / FOLDERS[n % len(FOLDERS)]
    if path.is_symlink() or path.is_file():
        path.unlink()
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        return


def ignore(repo: Repo, name: str, n: int) -> None:
    where = repo.path / "d" if n % 3 == 0 and (repo.path / "d").is_dir() else repo.path
    (where / ".gitignore").write_text(IGNORES[n % len(IGNORES)])


def attributes(repo: Repo, name: str, n: int) -> None:
    where = repo.path / "d" if n % 4 == 0 and (repo.path / "d").is_dir() else repo.path
    (where / ".gitattributes").write_text(ATTRIBUTES[n % len(ATTRIBUTES)])


def add(repo: Repo, name: str, n: int) -> None:
    repo.try_git("add", *(("-f", name), ("-N", name), ("-A",), (name,))[n % 4])


def commit(repo: Repo, name: str, n: int) -> None:
    repo.try_git("commit", "--quiet", "--allow-empty", *("-a",)[: n % 2], "-m", "work")


def remove(repo: Repo, name: str, n: int) -> None:
    repo.try_git("rm", "-r", "--quiet", "--cached", "-f", name)


def checkout(repo: Repo, name: str, n: int) -> None:
    if n % 3 == 0:
        repo.try_git("checkout", "--quiet", "-b", f"branch{n}")
    elif n % 3 == 1:
        repo.try_git("checkout", "--quiet", "-f", f"branch{n - 1}")
    else:
        repo.try_git("checkout", "--quiet", "-f", "HEAD~1")


def stash(repo: Repo, name: str, n: int) -> None:
    repo.try_git("stash", *(("push", "-q"), ("pop", "-q"), ("push", "-q", "-u"))[n % 3])


def flag(repo: Repo, name: str, n: int) -> None:
    """Tell git not to look at a file."""
    repo.try_git("update-index", ("--no-assume-unchanged", "--assume-unchanged")[n % 2], name)


def expire(repo: Repo, name: str, n: int) -> None:
    """Everything that nothing refers to is gone."""
    repo.git("-c", "gc.reflogExpire=now", "gc", "--quiet", "--prune=now")


ACTIONS: tuple[Callable[[Repo, str, int], None], ...] = (
    *(write, rewrite, append, delete, rename, chmod, link, folder, ignore, attributes),
    *(add, commit, remove, checkout, stash, flag, expire),
)
Step = tuple[Callable[[Repo, str, int], None], str, int]
STEPS = st.tuples(
    st.sampled_from((*ACTIONS, write, write, add)), st.sampled_from(NAMES), st.integers(0, 11)
)


@settings(
    max_examples=int(os.environ.get("SEQUENCES", "25")),
    suppress_health_check=list(HealthCheck),
    derandomize="SEQUENCES" not in os.environ,
)
@given(st.lists(st.lists(STEPS, min_size=1, max_size=4), min_size=2, max_size=7))
def test_captures_that_remember_forget_and_walk_agree(rounds: list[list[Step]]):
    with tempfile.TemporaryDirectory() as place:
        repo = Repo.init(Path(place) / "repo")
        for steps in rounds:
            for action, name, n in steps:
                action(repo, name, n)
            wanted = expected(repo)
            warm = take(repo)
            assert flat(repo, warm.tree) == wanted
            assert take(repo, dry=True).tree == warm.tree
            shutil.copytree(repo.git_dir / "datmo", Path(place) / "kept", symlinks=True)
            forget(repo)
            assert take(repo).tree == warm.tree
            forget(repo)
            shutil.move(Path(place) / "kept", repo.git_dir / "datmo")
