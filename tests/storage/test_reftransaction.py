"""Refs that move together: what git would have left, and nothing where one cannot move."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from git_datmo.errors import Conflict
from git_datmo.storage.reftransaction import Transaction
from tests.kit.git import Repo

NAMES = ("refs/datmo/a", "refs/datmo/snapshots/b", "refs/datmo/deep/er/c", "refs/datmo-local/notes")


@pytest.fixture
def oids(repo: Repo) -> list[str]:
    """Three commits."""
    return [repo.commit(f"number {n}") for n in range(3)]


def move(repo: Repo, changes: dict[str, str | None], first: str | None = None) -> None:
    with Transaction(repo.common_dir, durable=True) as transaction:
        transaction.move(changes, first)


def locks(repo: Repo) -> list[Path]:
    return [*repo.common_dir.rglob("*.lock")]


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.one_of(
            st.just("pack"),
            st.just("prune"),
            st.dictionaries(st.sampled_from(NAMES), st.sampled_from([0, 1, 2, None]), min_size=1),
        ),
        max_size=6,
    )
)
def test_sequences_leave_what_git_sees(repo: Repo, oids: list[str], steps: list[object]):
    known: dict[str, str] = {}
    move(repo, dict.fromkeys(NAMES))
    for step in steps:
        if isinstance(step, dict):
            changes = {n: oids[o] if o is not None else None for n, o in step.items()}
            move(repo, changes, first=NAMES[3])
            known = {n: o for n, o in {**known, **changes}.items() if o is not None}
        else:
            repo.git("pack-refs", "--all", *(["--no-prune"] if step == "pack" else []))
        assert repo.refs("refs/datmo", "refs/datmo-local") == known
        assert locks(repo) == []
    assert "error" not in repo.try_git("fsck", "--strict").stderr


def test_a_tag_beside_keeps_what_it_points_to(repo: Repo, oids: list[str]):
    repo.git("tag", "-a", "-m", "m", "v1")
    move(repo, dict.fromkeys(NAMES, oids[0]))
    repo.git("pack-refs", "--all")
    before = (repo.common_dir / "packed-refs").read_text().splitlines()
    assert any(line.startswith("^") for line in before)
    move(repo, {NAMES[0]: None})
    after = (repo.common_dir / "packed-refs").read_text().splitlines()
    assert after == [line for line in before if not line.endswith(NAMES[0])]


def test_a_lock_that_is_taken_changes_nothing(repo: Repo, oids: list[str]):
    move(repo, {NAMES[0]: oids[0], NAMES[1]: oids[0]})
    for lock in (f"{NAMES[1]}.lock", "packed-refs.lock"):
        (repo.common_dir / lock).write_text("")
        with pytest.raises(BlockingIOError, match=lock):
            move(repo, {NAMES[0]: oids[1], NAMES[3]: oids[1], NAMES[1]: None}, first=NAMES[3])
        assert repo.refs("refs/datmo", "refs/datmo-local") == dict.fromkeys(NAMES[:2], oids[0])
        assert locks(repo) == [repo.common_dir / lock]
        (repo.common_dir / lock).unlink()


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("name", ["refs/datmo/a/below", "refs/datmo/deep"])
def test_a_ref_in_the_way_changes_nothing(repo: Repo, oids: list[str], name: str, packed: bool):
    there = {NAMES[0]: oids[0], NAMES[2]: oids[0]}
    move(repo, {**there})
    if packed:
        repo.git("pack-refs", "--all")
        shutil.rmtree(repo.common_dir / "refs" / "datmo", ignore_errors=True)
    with pytest.raises(Conflict, match=r"way|below"):
        move(repo, {NAMES[1]: oids[1], name: oids[1]})
    assert repo.refs("refs/datmo") == there
    assert locks(repo) == []
    assert not packed or [*(repo.common_dir / "refs/datmo").iterdir()] == []


def test_empty_folders_are_no_refs(repo: Repo, oids: list[str]):
    (repo.common_dir / NAMES[0] / "empty" / "inside").mkdir(parents=True)
    move(repo, {NAMES[0]: oids[0]})
    move(repo, {NAMES[2]: oids[0]})
    move(repo, {NAMES[2]: None})
    assert repo.refs("refs/datmo") == {NAMES[0]: oids[0]}
    assert not (repo.common_dir / "refs/datmo/deep").exists()


def test_a_log_that_is_kept_is_gone_on_with(repo: Repo, oids: list[str]):
    repo.git("-c", "core.logAllRefUpdates=always", "update-ref", NAMES[0], oids[0])
    repo.git("pack-refs", "--all")
    move(repo, {NAMES[0]: oids[1], NAMES[1]: oids[1]})
    assert repo.git("rev-parse", f"{NAMES[0]}@{{0}}", f"{NAMES[0]}@{{1}}").split() == [
        oids[1],
        oids[0],
    ]
    assert not (repo.common_dir / "logs" / NAMES[1]).exists()
    assert repo.try_git("fsck", "--strict").returncode == 0
    move(repo, {NAMES[0]: None})
    assert not (repo.common_dir / "logs" / NAMES[0]).exists()


def test_what_git_packs_at_the_same_time_is_deleted_too(
    repo: Repo, oids: list[str], monkeypatch: pytest.MonkeyPatch
):
    move(repo, {NAMES[0]: oids[0]})
    lock = Transaction._lock

    def beside(self: Transaction, name: str, path: str, data: bytes) -> None:
        if name == "packed-refs":
            repo.git("pack-refs", "--all", "--no-prune")
        lock(self, name, path, data)

    monkeypatch.setattr(Transaction, "_lock", beside)
    move(repo, {NAMES[0]: None, NAMES[1]: oids[1]})
    assert repo.refs("refs/datmo") == {NAMES[1]: oids[1]}


def test_packed_refs_that_lie_elsewhere_are_locked_there(repo: Repo, oids: list[str]):
    """As in a folder that git-new-workdir made."""
    move(repo, {NAMES[0]: oids[0]})
    repo.git("pack-refs", "--all")
    there = repo.path.parent / "there"
    (repo.common_dir / "packed-refs").rename(there)
    (repo.common_dir / "packed-refs").symlink_to(there)
    lock = there.with_name("there.lock")
    lock.write_text("")
    assert repo.try_git("update-ref", "-d", NAMES[0]).returncode != 0
    with pytest.raises(BlockingIOError):
        move(repo, {NAMES[0]: None})
    lock.unlink()
    move(repo, {NAMES[0]: None})
    assert repo.refs("refs/datmo") == {}
    assert (repo.common_dir / "packed-refs").is_symlink()


def test_folders_that_git_removes_meanwhile_need_no_flush(
    repo: Repo, oids: list[str], monkeypatch: pytest.MonkeyPatch
):
    sync = Transaction._sync

    def late(self: Transaction) -> None:
        repo.git("pack-refs", "--all")
        sync(self)

    monkeypatch.setattr(Transaction, "_sync", late)
    move(repo, {NAMES[3]: oids[0], NAMES[2]: oids[0]}, first=NAMES[3])
    assert repo.refs("refs/datmo") == {NAMES[2]: oids[0]}


def test_two_new_refs_in_each_others_way_change_nothing(repo: Repo, oids: list[str]):
    for names in (("refs/datmo/p", "refs/datmo/p/q"), ("refs/datmo/p/q", "refs/datmo/p")):
        with pytest.raises(Conflict):
            move(repo, {NAMES[3]: oids[0], **dict.fromkeys(names, oids[0])}, first=NAMES[3])
        assert repo.refs("refs/datmo", "refs/datmo-local") == {}
        assert locks(repo) == []


def test_a_log_that_cannot_be_written_changes_nothing(
    repo: Repo, oids: list[str], monkeypatch: pytest.MonkeyPatch
):
    repo.git("-c", "core.logAllRefUpdates=always", "update-ref", NAMES[0], oids[0])
    log = repo.common_dir / "logs" / NAMES[0]
    log.rename(log.with_name("kept"))
    log.symlink_to("/dev/full")
    monkeypatch.setattr("os.path.isfile", lambda path: True)
    with pytest.raises(OSError, match="No space"):
        move(repo, {NAMES[0]: oids[1]})
    assert repo.refs("refs/datmo") == {NAMES[0]: oids[0]}
    assert locks(repo) == []
