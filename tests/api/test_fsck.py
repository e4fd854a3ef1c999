"""Every kind of damage has a plain finding that names what it touches; the rest stays usable."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from git_datmo.model.pointer import Pointer
from git_datmo.records import layout
from git_datmo.storage.objects import EMPTY_TREE
from tests.e2e.team import large, snap, state
from tests.kit.checks import assert_clean, untouched
from tests.kit.git import Repo
from tests.kit.program import datmo
from tests.records.chains import TRAILERS, Someone

AT = 1_700_000_000_000 << 12


@pytest.fixture
def two(project: Repo) -> tuple[Repo, str, str]:
    """A project, a snapshot of it that will be hurt, and one that will not."""
    project.write("a/large.bin", large(1))
    project.write("a/small.txt", "first\n")
    hurt = snap(project, "hurt")
    (project.path / "a/large.bin").unlink()
    project.write("a/small.txt", "second\n")
    project.write("other.bin", large(2))
    return project, hurt, snap(project, "well")


def findings(repo: Repo, *args: str) -> list[dict[str, Any]]:
    """What fsck finds; it must end with 5 and change nothing."""
    with untouched(repo):
        done = datmo("fsck", "--json", *args, cwd=repo.path, check=False)
    assert done.code == 5, done.stdout + done.stderr
    told = datmo("fsck", *args, cwd=repo.path, check=False).stdout
    found: list[dict[str, Any]] = done.json()["findings"]
    assert found
    assert all(finding["message"] in told for finding in found)
    return found


def touching(found: list[dict[str, Any]], oid: str) -> str:
    return " ".join(f["message"] for f in found if oid in f["snapshots"])


def assert_usable(repo: Repo, well: str, into: Path) -> None:
    assert well in state(repo)
    datmo("snapshot", "checkout", well, "--into", into, cwd=repo.path)
    assert (into / "other.bin").read_bytes() == large(2)
    assert (into / "a/small.txt").read_text() == "second\n"


def stored(repo: Repo, content: bytes) -> Path:
    files = (repo.git_dir / "datmo" / "store").glob("??/*")
    return next(file for file in files if file.read_bytes() == content)


def loose(repo: Repo, oid: str) -> Path:
    return repo.git_dir / "objects" / oid[:2] / oid[2:]


def test_nothing_wrong(two: tuple[Repo, str, str]) -> None:
    assert_clean(two[0])
    done = datmo("fsck", "--fast", "--json", cwd=two[0].path).json()
    assert done["ok"]
    assert done["checked"]["pointers"] == 2


@pytest.mark.parametrize("damage", ["truncated", "bit flip", "missing", "a folder", "a link"])
def test_store(two: tuple[Repo, str, str], damage: str, tmp_path: Path) -> None:
    repo, hurt, well = two
    file = stored(repo, large(1))
    data = file.read_bytes()
    file.chmod(0o644)
    times = file.stat()
    match damage:
        case "truncated":
            file.write_bytes(data[:-1])
        case "bit flip":
            file.write_bytes(data[:5000] + bytes([data[5000] ^ 1]) + data[5001:])
            os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
        case "missing":
            file.unlink()
        case "a folder":
            file.unlink()
            file.mkdir()
        case "a link":
            file.unlink()
            (tmp_path / "elsewhere").write_bytes(data)
            file.symlink_to(tmp_path / "elsewhere")
    [finding] = findings(repo)
    assert finding["snapshots"] == [hurt]
    assert "a/large.bin" in finding["message"]
    assert ("not here" if damage == "missing" else "damaged") in finding["message"]
    if damage != "bit flip":
        assert findings(repo, "--fast") == [finding]
    assert_usable(repo, well, tmp_path / "out")
    done = datmo(
        "snapshot", "checkout", hurt, "--into", tmp_path / "no", cwd=repo.path, check=False
    )
    assert done.code == 5
    assert not (tmp_path / "no" / "a" / "large.bin").exists()


def test_all_snapshots_that_share_damaged_content_are_named(project: Repo) -> None:
    project.write("x/large.bin", large(1))
    project.write("code.py", "1")
    one = snap(project, "one")
    project.write("code.py", "2")
    two = snap(project, "two")
    stored(project, large(1)).unlink()
    [finding] = findings(project)
    assert set(finding["snapshots"]) == {one, two}


@pytest.mark.parametrize("what", ["blob", "tree", "commit"])
@pytest.mark.parametrize("damage", ["missing", "garbage"])
def test_objects(two: tuple[Repo, str, str], what: str, damage: str, tmp_path: Path) -> None:
    repo, hurt, well = two
    path = {"blob": ":a/small.txt", "tree": ":a", "commit": ""}[what]
    oid = repo.git("rev-parse", hurt + path)
    file = loose(repo, oid)
    file.chmod(0o644)
    if damage == "missing":
        file.unlink()
    else:
        file.write_bytes(b"garbage")
    found = findings(repo)
    assert oid in touching(found, hurt)
    assert well not in {oid for finding in found for oid in finding["snapshots"]}
    (repo.git_dir / "datmo" / "index.sqlite").unlink()
    assert_usable(repo, well, tmp_path / "out")


def test_a_damaged_pointer(two: tuple[Repo, str, str], tmp_path: Path) -> None:
    repo, _, well = two
    other = Someone(repo)
    good = Pointer("0" * 32, "0" * 64, 1_200_000).encode()
    blob = other.objects.write_blob(good.replace(b"size ", b"size 0"))
    tree = other.objects.write_tree([(b"weights.bin", 0o100644, blob)])
    oid = other.commit(layout.message("bad", TRAILERS), tree)
    other.tell({oid: other.line(AT, message="bad")})
    found = findings(repo)
    assert "weights.bin" in touching(found, oid)
    assert_usable(repo, well, tmp_path / "out")
    done = datmo("snapshot", "checkout", oid, "--into", tmp_path / "no", cwd=repo.path, check=False)
    assert done.code == 5


def test_a_damaged_note(two: tuple[Repo, str, str], tmp_path: Path) -> None:
    repo, hurt, well = two
    other = Someone(repo)
    other.tell({hurt: b"{}\n" + other.line(AT, label="x")})
    assert "line 1" in touching(findings(repo), hurt)
    assert_usable(repo, well, tmp_path / "out")


@pytest.mark.parametrize("text", ["", "garbage", "1" * 40, "ref: refs/heads/main"])
def test_refs(two: tuple[Repo, str, str], text: str, tmp_path: Path) -> None:
    repo, hurt, well = two
    name = f"refs/datmo-remotes/origin/snapshots/{hurt}"
    (repo.git_dir / name).parent.mkdir(parents=True)
    (repo.git_dir / name).write_text(text + "\n")
    assert name in " ".join(finding["message"] for finding in findings(repo))
    assert_usable(repo, well, tmp_path / "out")


def test_our_own_chain_cannot_be_read(two: tuple[Repo, str, str]) -> None:
    repo, *_ = two
    [tip] = repo.refs("refs/datmo-local").values()
    loose(repo, tip).unlink()
    assert tip in " ".join(finding["message"] for finding in findings(repo))
    done = datmo("snapshot", "create", "-m", "x", "--stats", '{"a": 1}', cwd=repo.path, check=False)
    assert done.code == 5
    assert tip in done.stderr
    assert EMPTY_TREE not in done.stderr
