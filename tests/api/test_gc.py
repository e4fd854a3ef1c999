"""What a gc of this clone frees, and above all what it never does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from git_datmo.api import gc as verb
from git_datmo.api import snapshot as snapshots
from git_datmo.errors import Conflict, Corrupt, RepositoryBusy, UsageError, ValidationFailed
from git_datmo.model.freed import Amount, Freed
from git_datmo.model.pointer import Pointer
from git_datmo.records import layout
from git_datmo.records.project import Project
from git_datmo.storage.storelock import StoreLock
from tests.e2e.team import large, snap, update
from tests.kit.checks import assert_clean, untouched
from tests.kit.content import age, at_once, stored
from tests.kit.git import Repo
from tests.kit.program import datmo
from tests.records.chains import SOMEONE, TRAILERS, Someone


@pytest.fixture
def two(project: Repo) -> tuple[Repo, str, str]:
    """A project with two snapshots, each with a large file of its own, the first deleted."""
    project.write("large.bin", large(1))
    gone = snap(project, "gone")
    project.write("large.bin", large(2))
    well = snap(project, "well")
    datmo("snapshot", "delete", gone, cwd=project.path)
    return project, gone, well


def gc(repo: Repo, **given: object) -> Freed:
    """A gc in this process, of a project just opened."""
    time.sleep(0.005)  # the clock of operations is in milliseconds
    return verb.gc(Project.open(repo.path), **given)  # type: ignore[arg-type]


def test_content_of_what_is_deleted_goes_and_the_rest_stays(two: tuple[Repo, str, str]):
    repo, gone, _ = two
    at_once(repo)
    with untouched(repo):
        planned = gc(repo, dry_run=True)
        assert stored(repo).keys() == {large(1), large(2)}
        done = gc(repo)
    assert stored(repo).keys() == {large(2)}
    for found in (planned, done):
        [row] = found.rows
        assert (row.path, row.snapshot, row.size) == ("large.bin", gone, len(large(1)))
        assert found.needed == Amount(1, len(large(2)))
    assert (planned.dry_run, done.dry_run) == (True, False)
    assert gc(repo).rows == ()
    assert_clean(repo)


def test_young_content_and_what_was_deleted_lately_stay(two: tuple[Repo, str, str]):
    repo, _, _ = two
    repo.git("config", "datmo.gcGrace", "7d")
    age(repo, 8)
    assert gc(repo).rows == ()  # its file is old, but the deletion is new
    orphan = repo.write("orphan", b"nobody's" * 200_000)
    store = Project.open(repo.path).store
    with orphan.open("rb") as file:
        store.ingest(file.fileno(), sync=False)
    store.lock.release()
    assert gc(repo).young.files == 1
    age(repo, 8)
    assert [row.size for row in gc(repo).rows] == [1_600_000]
    assert stored(repo).keys() == {large(1), large(2)}


def test_content_that_two_snapshots_share_stays(two: tuple[Repo, str, str]):
    repo, _, well = two
    at_once(repo)
    repo.write("large.bin", large(1))
    repo.write("copy/of.bin", large(2))
    snap(repo, "both")
    datmo("snapshot", "delete", well, cwd=repo.path)
    assert gc(repo).rows == ()
    assert stored(repo).keys() == {large(1), large(2)}


def test_content_of_runs_in_a_tree_under_way_stays(two: tuple[Repo, str, str]):
    repo, gone, _ = two
    at_once(repo)
    flight = repo.git_dir / "datmo" / "runs" / ("a" * 32)
    flight.mkdir(parents=True)
    (flight / "run.json").write_text(json.dumps({"before_id": gone}))
    assert gc(repo).rows == ()
    (flight / "run.json").unlink()
    flight.rmdir()
    assert len(gc(repo).rows) == 1


def test_content_of_what_only_a_ref_names_stays(two: tuple[Repo, str, str]):
    """A plain fetch of one snapshot's ref, without its maker's chain."""
    repo, gone, _ = two
    at_once(repo)
    tree = repo.git("rev-parse", f"{gone}^{{tree}}")
    someone = Someone(repo)
    lone = someone.commit(layout.message("lone", TRAILERS), tree)
    repo.git("update-ref", f"refs/datmo-remotes/away/snapshots/{lone}", lone)
    assert gc(repo).rows == ()
    repo.git("update-ref", "-d", f"refs/datmo-remotes/away/snapshots/{lone}")
    assert len(gc(repo).rows) == 1


def test_another_clones_living_snapshot_protects(two: tuple[Repo, str, str]):
    repo, gone, _ = two
    at_once(repo)
    tree = repo.git("rev-parse", f"{gone}^{{tree}}")
    someone = Someone(repo)
    theirs = someone.commit(layout.message("theirs", TRAILERS), tree)
    someone.tell({theirs: someone.line(message="theirs")})
    assert gc(repo).rows == ()


@pytest.mark.parametrize("harm", ["chain", "format", "ref", "snapshot", "later line"])
def test_nothing_goes_when_not_all_can_be_read(two: tuple[Repo, str, str], harm: str):
    repo, gone, _ = two
    at_once(repo)
    someone = Someone(repo)
    if harm == "chain":
        repo.git("update-ref", someone.ref, someone.commit("no notes of ours"))
    elif harm == "format":
        someone.tell({}, message=layout.NOTES_MESSAGE.replace(": 1", ": 2"))
    elif harm == "ref":
        broken = repo.git_dir / "refs/datmo-remotes/away/notes" / SOMEONE
        broken.parent.mkdir(parents=True)
        broken.write_text("")
    elif harm == "snapshot":
        theirs = someone.snapshot()
        someone.tell({theirs: someone.line(message="theirs")})
        (repo.git_dir / "objects" / theirs[:2] / theirs[2:]).unlink()
    else:
        # What a newer git-datmo said of the deleted one may have brought it back.
        someone.tell({gone: someone.line(deleted=True).replace(b'"set"', b'"undo"')})
        assert gc(repo).rows == ()
        assert stored(repo).keys() == {large(1), large(2)}
        return
    with pytest.raises(Corrupt, match="nothing was freed"):
        gc(repo)
    assert stored(repo).keys() == {large(1), large(2)}


def test_a_missing_snapshot_that_is_deleted_hinders_nothing(two: tuple[Repo, str, str]):
    repo, _, _ = two
    at_once(repo)
    someone = Someone(repo)
    theirs = someone.snapshot()
    someone.tell({theirs: someone.line(message="theirs", deleted=True, at=1 << 40)})
    (repo.git_dir / "objects" / theirs[:2] / theirs[2:]).unlink()
    assert len(gc(repo).rows) == 1


def test_litter_goes_when_nobody_can_go_on_with_it(two: tuple[Repo, str, str]):
    repo, _, _ = two
    repo.git("config", "datmo.gcGrace", "10d")
    home = repo.git_dir / "datmo"
    old = time.time() - 11 * 86_400
    for name, kind in (
        ("store/tmp-x", "temporary"),
        ("store/parts/abc", "part"),
        ("bad/abc", "damaged"),
    ):
        for end, moment in (("old", old), ("new", time.time())):
            path = home / f"{name}-{end}"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(b"x" * 100)
            os.utime(path, (moment, moment))
        assert kind in gc(repo, dry_run=True).kinds
    stranger = home / "store" / "ab" / "not-ours"
    stranger.parent.mkdir(exist_ok=True)
    stranger.write_text("somebody's")
    os.utime(stranger, (old, old))
    done = gc(repo)
    assert done.kinds == {"temporary": 1, "part": 1, "damaged": 1}
    assert done.size == 300
    assert stranger.exists()
    left = {path.name for path in home.rglob("*-new")}
    assert left == {"tmp-x-new", "abc-new"}


def test_a_snapshot_that_counts_on_old_content_is_safe(two: tuple[Repo, str, str]):
    """The work tree's file is not read again: the store's file is all there is."""
    repo, _, well = two
    at_once(repo)
    time.sleep(0.1)
    snap(repo, "again", "--stats", '{"a": 1}')  # now the capture knows the file
    age(repo, 30)
    file = stored(repo)[large(2)]
    store = Project.open(repo.path).store
    pointer = store.measure(file)
    assert pointer is not None
    os.close(store.open(pointer))  # verified as it looks now
    snap(repo, "once more", "--stats", '{"a": 2}')
    assert time.time() - file.stat().st_mtime < 60
    assert store.stamps.recall(file) == pointer  # it stays verified
    datmo("snapshot", "delete", well, cwd=repo.path)
    assert [row.path for row in gc(repo).rows] == ["large.bin"]
    assert large(2) in stored(repo)


def test_freed_content_of_an_unchanged_file_is_stored_again(two: tuple[Repo, str, str]):
    repo, _, well = two
    at_once(repo)
    datmo("snapshot", "delete", well, cwd=repo.path)
    gc(repo)
    assert stored(repo) == {}
    snap(repo, "anew", "--stats", '{"b": 1}')
    assert stored(repo).keys() == {large(2)}
    assert_clean(repo)


def test_it_waits_for_whoever_is_recording(two: tuple[Repo, str, str]):
    repo, _, _ = two
    at_once(repo)
    folder = repo.git_dir / "datmo" / "store"
    program = (
        "import sys; from pathlib import Path; from git_datmo.storage.storelock import StoreLock\n"
        "lock = StoreLock(Path(sys.argv[1])); lock.hold(); print('held', flush=True)\n"
        "sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", program, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdin is not None
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    with pytest.raises(RepositoryBusy), StoreLock(folder).alone(wait=0.1):
        raise AssertionError("it was held")
    waiting = subprocess.Popen([sys.executable, "-m", "git_datmo", "gc"], cwd=repo.path)
    with pytest.raises(subprocess.TimeoutExpired):
        waiting.wait(1.5)
    assert stored(repo).keys() == {large(1), large(2)}
    holder.stdin.close()
    holder.wait()
    holder.stdout.close()
    assert waiting.wait(30) == 0
    assert stored(repo).keys() == {large(2)}


def test_what_comes_to_life_while_it_looks_is_left(two: tuple[Repo, str, str]):
    """Between the look and the taking away, the deleted snapshot is brought back."""
    repo, gone, _ = two
    at_once(repo)

    def agree(found: Freed) -> bool:
        assert len(found.rows) == 1
        datmo("snapshot", "undelete", gone, cwd=repo.path)
        return True

    done = gc(repo, agree=agree)
    assert done.rows == ()
    assert "stayed" in done.notices[0]
    assert stored(repo).keys() == {large(1), large(2)}


def test_nothing_goes_without_consent(two: tuple[Repo, str, str]):
    repo, _, _ = two
    at_once(repo)
    with pytest.raises(Conflict, match="not confirmed"):
        gc(repo, agree=lambda found: False)
    assert len(stored(repo)) == 2


def test_two_contents_under_one_name(two: tuple[Repo, str, str]):
    """A living pointer keeps the file of its name, whichever of the two contents that holds."""
    repo, _, _ = two
    at_once(repo)
    store = Project.open(repo.path).store
    file = stored(repo)[large(2)]
    twin = Pointer(file.parent.name + file.name, "e" * 64, 5)
    apart = store.candidates(twin)[1]
    apart.write_bytes(b"twins")
    done = gc(repo)
    assert {row.size for row in done.rows} == {5, len(large(1))}
    assert stored(repo).keys() == {large(2)}


def test_wrong_settings_and_options(two: tuple[Repo, str, str]):
    repo, _, _ = two
    repo.git("config", "datmo.gcGrace", "soon")
    with pytest.raises(UsageError, match="gcGrace"):
        gc(repo)
    at_once(repo)
    with pytest.raises(ValidationFailed):
        gc(repo, older_than="a while")
    with pytest.raises(ValidationFailed):
        gc(repo, keep_last=-1)
    with pytest.raises(UsageError, match="for this clone"):
        gc(repo, remote="origin", keep_last=1)


def test_a_linked_work_tree_and_a_bare_hub(two: tuple[Repo, str, str], tmp_path: Path):
    repo, _, _ = two
    hub = Repo.bare(tmp_path / "hub.git")
    repo.git("remote", "add", "hub", str(hub.path))
    repo.write("more.bin", large(3))
    more = snap(repo, "more")
    datmo("push", "hub", cwd=repo.path)
    datmo("snapshot", "delete", more, cwd=repo.path)
    datmo("push", "hub", cwd=repo.path)
    repo.commit("to check out")
    repo.git("worktree", "add", "-q", str(tmp_path / "linked"))
    linked = Repo(tmp_path / "linked")
    for place in (linked, hub):
        place.git("config", "datmo.gcGrace", "0")
        gc(place)
        assert stored(place).keys() == {large(2)}


def test_the_lock_is_let_go_of_once_a_snapshot_is_recorded(two: tuple[Repo, str, str]):
    repo, _, _ = two
    project = Project.open(repo.path)
    repo.write("new.bin", large(4))
    made = snapshots.create(project, message="in this process")
    with StoreLock(project.store.folder).alone(wait=0.1):
        assert made.id


def test_it_says_what_a_policy_would_do_with_what_was_never_pushed(two: tuple[Repo, str, str]):
    repo, _, well = two
    update(repo, well, "--message", "still here")
    (repo.path / "large.bin").unlink()
    snap(repo, "without")
    done = gc(repo, keep_last=0)
    assert done.only_copy == Amount(1, len(large(2)))
    assert done.rows == ()
