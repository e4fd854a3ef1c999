"""Doctor and the store: which one it is, what is damaged in it, and where it can be had again."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

import pytest

from git_datmo.api import location, snapshot
from git_datmo.errors import Conflict, ContentMissing
from git_datmo.model.checkup import LEFT, REMARK
from git_datmo.model.pointer import Pointer
from tests.e2e.team import Team, large, snap
from tests.kit.content import stored
from tests.kit.git import Repo
from tests.kit.program import datmo
from tests.kit.sickness import assert_cured, assert_named, assert_well, home, look, told

NOBODYS = Pointer("0" * 32, "0" * 64, 1)


def store(repo: Repo) -> Path:
    return home(repo) / "store"


def record(repo: Repo, seed: int) -> None:
    repo.write("other.bin", large(seed))
    snapshot.create(location.find(repo.path), message=f"with {seed}")


def test_a_store_that_is_gone(ill: Repo) -> None:
    shutil.rmtree(store(ill))
    with pytest.raises(Conflict, match="is missing"):
        record(ill, 2)
    assert not store(ill).exists(), "nothing was put into a place that may be a mount point"
    with pytest.raises(Conflict, match="is missing"):
        location.find(ill.path).store.open(NOBODYS)
    found = look(ill, dry=True)
    assert [one.subject for one in told(found)] == [str(store(ill))]
    assert not store(ill).exists()
    assert look(ill).ok
    # The content comes back from the file that still has it.
    assert_cured(ill, [stored_key(large(1))], full=True)
    record(ill, 2)


def stored_key(data: bytes) -> str:
    import xxhash

    return xxhash.xxh3_128(data).hexdigest()


def test_reading_makes_no_store(project: Repo) -> None:
    found = location.find(project.path)
    with pytest.raises(ContentMissing):
        found.store.open(NOBODYS)
    assert not found.store.folder.exists()


def test_a_store_that_was_swapped(ill: Repo) -> None:
    elsewhere = ill.path.parent / "disk"
    shutil.move(store(ill), elsewhere)
    store(ill).mkdir()
    with pytest.raises(Conflict, match="not mounted"):
        record(ill, 2)
    assert list(store(ill).iterdir()) == []
    assert_named(ill, [str(store(ill))])
    [left] = told(look(ill))
    assert left.state == LEFT
    assert "is empty, and was not" in left.message
    # Another one's store is as wrong as none.
    (store(ill) / "store-id").write_text("0" * 32 + "\n")
    with pytest.raises(Conflict, match="not mounted"):
        record(ill, 2)
    shutil.rmtree(store(ill))
    store(ill).symlink_to(elsewhere)
    assert_well(ill)
    record(ill, 2)


def test_the_user_goes_on_with_another_store(ill: Repo) -> None:
    shutil.rmtree(store(ill))
    store(ill).mkdir()
    [left] = told(look(ill))
    words = left.advice.split("'")
    assert words[0].endswith("rm ")
    Path(words[1]).unlink()
    assert told(look(ill)) == []
    record(ill, 2)


def test_a_store_behind_a_link_to_nowhere(ill: Repo) -> None:
    shutil.rmtree(store(ill))
    store(ill).symlink_to("/nowhere/at/all")
    assert_named(ill, [str(store(ill))])
    [left] = told(look(ill))
    assert "/nowhere/at/all" in left.message
    with pytest.raises(Conflict):
        record(ill, 2)


def test_a_store_from_before_there_were_marks(ill: Repo) -> None:
    (home(ill) / "store-id").unlink()
    (store(ill) / "store-id").unlink()
    assert_cured(ill, [str(store(ill))])
    assert (home(ill) / "store-id").read_text() == (store(ill) / "store-id").read_text()
    record(ill, 2)


def damage(file: Path, how: str) -> None:
    data = file.read_bytes()
    file.chmod(0o644)
    if how == "truncated":
        file.write_bytes(data[:-1])
    elif how == "flipped":
        times = file.stat()
        file.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
        os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    else:
        file.unlink()


def test_content_that_the_work_tree_still_has(ill: Repo) -> None:
    for how in ("missing", "truncated", "flipped"):
        [file] = stored(ill).values()
        damage(file, how)
        assert told(look(ill)) == [], "reading it all takes --full"
        assert_cured(ill, [stored_key(large(1))], full=True)
        assert file.read_bytes() == large(1)
        assert stat.S_IMODE(file.stat().st_mode) == 0o444
        remarks = [one for one in look(ill).ailments if one.state == REMARK and one.kind == "store"]
        assert len(remarks) == (how != "missing"), "what was damaged was put aside"


def test_content_that_a_remote_has(tmp_path: Path) -> None:
    team = Team(tmp_path)
    ann = team.clone("ann")
    ann.write("model.bin", large(1))
    ann.write("lost.bin", large(2))
    oid = snap(ann, "models")
    datmo("push", cwd=ann.path)
    for file in stored(ann).values():
        damage(file, "truncated")
    stored(team.origin)[large(2)].unlink()
    for name in ("model.bin", "lost.bin"):
        (ann.path / name).unlink()
    assert_named(ann, [stored_key(large(1)), stored_key(large(2))], full=True)
    done = datmo("doctor", "--full", "--json", cwd=ann.path, check=False)
    assert done.code == 1
    [left] = [one for one in done.json()["ailments"] if one["state"] == "left"]
    assert left["subject"] == stored_key(large(2))
    assert oid[:12] in left["message"]
    assert "lost.bin" in left["message"]
    # As the advice says: a snapshot of the same content brings it again.
    ann.write("found.bin", large(2))
    snap(ann, "found again")
    assert_well(ann, full=True)


def test_remotes_that_are_not_there_are_only_mentioned(ill: Repo) -> None:
    ill.git("remote", "add", "usb", str(ill.path.parent / "usb.git"))
    look(ill)
    [remark] = look(ill).ailments
    assert (remark.state, remark.subject) == (REMARK, "usb")


def test_objects_that_git_borrows(ill: Repo, tmp_path: Path) -> None:
    info = ill.git_dir / "objects" / "info"
    info.mkdir(exist_ok=True)
    (info / "alternates").write_text(f"{tmp_path / 'away'}\n")
    assert_named(ill, [str(tmp_path / "away")])
    assert [one.state for one in told(look(ill))] == [LEFT]
