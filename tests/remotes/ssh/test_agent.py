"""The agent at the far end: what it does for strangers, and how it leaves a folder."""

from __future__ import annotations

import ast
import os
import tempfile
import time
from importlib import resources
from pathlib import Path

import pytest

from git_datmo.errors import RemoteError
from git_datmo.remotes.ssh import link as links
from git_datmo.remotes.ssh.farstore import FarStore
from git_datmo.remotes.ssh.link import Cut, Link
from git_datmo.remotes.ssh.place import Ssh
from git_datmo.remotes.ssh.upload import ask_present
from git_datmo.storage.git import Git
from git_datmo.storage.store import Store
from tests.contracts.places.ground import fill, nothing, some
from tests.kit import nobody
from tests.kit.sshd import Sshd

KEY, DIGEST = "ab" * 16, "cd" * 32
NAMED = {"key": KEY, "blake3": DIGEST, "size": 4}


@pytest.fixture
def link(sshd: Sshd, ssh_git: Git, folder: Path):
    made = links.connect(ssh_git, sshd.address(folder), repository=False)
    assert isinstance(made, Link)
    yield made
    made.close()


@pytest.mark.parametrize("module", links.MODULES)
def test_an_old_python_can_read_it(module: str):
    text = (resources.files("git_datmo.remotes.ssh") / f"{module}.py").read_text()
    tree = ast.parse(text, feature_version=(3, 6))
    # Annotations are evaluated there, and `list[str]` or `X | None` cannot be.
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            told = [node.returns, *(argument.annotation for argument in node.args.args)]
            for hint in filter(None, told):
                assert isinstance(hint, ast.Name | ast.Constant), ast.unparse(hint)
        assert not isinstance(node, ast.NamedExpr | ast.Match)
        assert not (isinstance(node, ast.ImportFrom) and node.module == "__future__")


@pytest.mark.parametrize(
    "asked",
    [
        {"do": "remove", "names": ["../../etc/passwd"]},
        {"do": "remove", "names": ["ab/" + "a" * 30 + "/../../x"]},
        {"do": "remove", "names": ["parts/" + "a" * 30]},
        {"do": "remove", "names": [7]},
        {"do": "remove", "names": "ab"},
        {"do": "present", "names": [["../" + "a" * 29, DIGEST, 4]]},
        {"do": "present", "names": [[KEY, DIGEST, -1]]},
        {"do": "present", "names": [[KEY, DIGEST]]},
        {"do": "present"},
        {"do": "get", **NAMED, "offset": 2**64},
        {"do": "get", **NAMED, "key": KEY + "\n", "offset": 0},
        {"do": "put", **NAMED, "blake3": "../" * 22},
        {"do": "begin", **NAMED, "nonce": "../../../x"},
        {"do": "data", "size": 4, "offset": 0},
        {"do": "list", "start": "x"},
        {"do": "__init__"},
        {},
    ],
    ids=str,
)
def test_what_no_client_of_ours_says_is_refused(link: Link, asked, folder: Path):
    with pytest.raises(RemoteError):
        link.ask(**asked)
    link.close()
    assert not folder.exists() or not [
        f for f in folder.rglob("*") if f.is_file() and f.name != "lock"
    ]


def test_a_message_without_end_is_refused(link: Link):
    with pytest.raises(RemoteError, match="a message of 4294967295 bytes"):
        link.write(b"\xff\xff\xff\xff")
        link.flush()
        link.answer()


def test_nothing_comes_before_a_store_is_open(sshd: Sshd, ssh_git: Git):
    with pytest.raises(RemoteError, match="no git repository"):
        links.connect(ssh_git, sshd.address(sshd.home), repository=True)


def test_no_link_is_followed(link: Link, folder: Path, tmp_path: Path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / (KEY[2:] + "-" + DIGEST)).write_bytes(b"four")
    folder.mkdir(parents=True)
    (folder / KEY[:2]).symlink_to(outside)
    assert ask_present(link, []) == set()
    assert link.ask(do="present", names=[[KEY, DIGEST, 4]]) == {"there": "0"}
    assert link.ask(do="get", offset=0, **NAMED) == {"missing": True}
    assert link.ask(do="remove", names=[f"{KEY[:2]}/{KEY[2:]}-{DIGEST}"]) == {"freed": 0}
    assert link.ask(do="list", start=0)["files"] == []
    link.write(link.message(do="put", **NAMED) + b"four")
    with pytest.raises(RemoteError):
        link.ask(do="commit")
    assert [f.name for f in outside.iterdir()] == [KEY[2:] + "-" + DIGEST]


def test_a_linked_file_is_no_content(link: Link, folder: Path, tmp_path: Path):
    (tmp_path / "secret").write_bytes(b"four")
    (folder / KEY[:2]).mkdir(parents=True)
    (folder / KEY[:2] / (KEY[2:] + "-" + DIGEST)).symlink_to(tmp_path / "secret")
    assert link.ask(do="present", names=[[KEY, DIGEST, 4]]) == {"there": "0"}
    assert link.ask(do="get", offset=0, **NAMED) == {"missing": True}


def test_what_came_whole_before_the_client_died_is_kept(
    link: Link, place: Ssh, here: Store, folder: Path
):
    whole, half = fill(here, b"whole", b"half of it")
    for pointer, data in ((whole, b"whole"), (half, b"half")):
        named = {"key": pointer.key, "blake3": pointer.blake3, "size": pointer.size}
        link.write(link.message(do="put", **named) + data)
    link.close()
    assert place.present([whole, half]) == {whole}
    assert list(folder.glob("tmp-*")) == []


def test_files_are_read_only_and_folders_as_open_as_the_one_above(
    place: Ssh, here: Store, folder: Path
):
    folder.parent.mkdir(parents=True)
    os.chmod(folder.parent, 0o2770)
    small, large = fill(here, b"small", some(1, 5_000_000))
    place.put(here, [small, large], nothing)
    assert folder.stat().st_mode & 0o7777 == 0o2770
    for pointer in (small, large):
        [file] = (folder / pointer.key[:2]).iterdir()
        assert file.parent.stat().st_mode & 0o7777 == 0o2770
        assert file.stat().st_mode & 0o7777 == 0o440
        assert file.name == f"{pointer.key[2:]}-{pointer.blake3}"


def test_a_folder_for_everyone_is_not_copied(place: Ssh, here: Store, folder: Path):
    folder.parent.mkdir(parents=True)
    os.chmod(folder.parent, 0o1777)
    place.put(here, fill(here, b"small"), nothing)
    assert folder.stat().st_mode & 0o022 == 0


def test_content_with_a_plain_name_is_found(place: Ssh, elsewhere: Store, folder: Path):
    """A clone's own store, and one that was pushed to over a path, name it so."""
    [pointer] = fill(Store(folder), b"made there")
    assert (folder / pointer.key[:2] / pointer.key[2:]).is_file()
    assert place.present([pointer]) == {pointer}
    assert place.get(elsewhere, [pointer], nothing) == {}
    assert elsewhere.has(pointer)
    assert [held.key for held in place.listing()] == [pointer.key]


def test_what_is_asked_for_counts_as_new(place: Ssh, here: Store, folder: Path):
    asked, other = pointers = fill(here, b"asked", b"other")
    place.put(here, pointers, nothing)
    old = time.time() - 30 * 86_400
    for pointer in pointers:
        [file] = (folder / pointer.key[:2]).iterdir()
        os.utime(file, (old, old))
    place.present([asked])
    age = {held.key: held.age for held in place.listing()}
    assert age[asked.key] < 600
    assert age[other.key] > 29 * 86_400


def test_litter_goes_after_its_time(place: Ssh, here: Store, folder: Path):
    (folder / "parts").mkdir(parents=True)
    files = [folder / "tmp-old", folder / "tmp-new", folder / "parts" / "old", folder / "notes"]
    for file in files:
        file.write_text("x")
    old = time.time() - 8 * 86_400
    for file in (files[0], files[2], files[3]):
        os.utime(file, (old, old))
    place.put(here, fill(here, b"small"), nothing)
    assert [file.name for file in files if file.exists()] == ["tmp-new", "notes"]


def test_an_answer_that_does_not_come_is_a_cut(link: Link, sshd: Sshd):
    sshd.cut()
    with pytest.raises(Cut):
        link.ask(do="check")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has other users' files")
def test_a_file_of_another_user_is_made_young_by_a_copy():
    """Only its owner can touch it, and whoever relies on it needs it to count as new."""
    with tempfile.TemporaryDirectory(prefix="datmo-") as shared:
        store = Store(Path(shared) / "store")
        young, old = fill(store, b"young", b"old")
        for pointer, days in ((young, 3), (old, 30)):
            then = time.time() - days * 86_400
            os.utime(store.path(pointer), (then, then))
        for folder in (Path(shared), store.folder, *store.folder.glob("??")):
            folder.chmod(0o777)

        def ask(_: Path) -> None:
            far = FarStore(os.fsencode(store.folder))
            for pointer in (young, old):
                found = far.find(pointer.key, pointer.blake3, pointer.size)
                assert found is not None
                far.refresh(found[0], pointer.key[:2], found[1], found[2])

        nobody.run(ask)
        ages = [time.time() - store.path(pointer).stat().st_mtime for pointer in (young, old)]
        assert ages[0] > 2 * 86_400
        assert ages[1] < 600
        assert store.path(old).stat().st_uid == nobody.NOBODY
        assert store.measure(store.path(old)) == old
        assert [file.name for file in store.folder.glob("tmp-*")] == []
