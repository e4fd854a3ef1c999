"""What is not here, damaged or empty: pages say so, and which command helps."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.team import Team, large
from tests.kit.laboratory import Laboratory
from tests.kit.pages import Markup, Pages
from tests.kit.program import datmo


def text_of(pages: Pages, path: str, status: int = 200) -> str:
    return Markup.of(pages.get(path, status=status).text).text


def test_an_empty_project_says_how_to_begin(tmp_path: Path):
    lab = Laboratory.at(tmp_path / "new")
    with Pages(lab.repo.path) as pages:
        pages.enter()
        for path, command in (
            ("/", "git datmo run"),
            ("/runs", "git datmo run"),
            ("/snapshots", "git datmo snapshot create"),
            ("/artifacts", "git datmo artifact create"),
            ("/sessions", "default"),
        ):
            assert command in text_of(pages, path), path
        assert pages.ask("/compare").status in (200, 400, 404)
        for path in ("/runs/latest", "/runs/" + "a" * 40, "/snapshots/" + "b" * 40):
            assert "git datmo pull" in text_of(pages, path, 404), "others may have it"
        said = text_of(pages, "/sessions?page=9")
        assert "none of them here" in said
        assert "No session is like that" not in said


def test_content_that_is_elsewhere(tmp_path: Path):
    """In a clone that has the records and not the large files."""
    team = Team(tmp_path)
    maker, reader = team.clone("maker"), team.clone("reader")
    lab = Laboratory(maker)
    maker.write("data/big.bin", large(1))
    run = lab.run("talks", log=b"word\n" * 300_000, points={"train": {"loss": [3.0, 2.0, 1.0]}})
    made = lab.artifact("weights", "data")
    datmo("push", cwd=maker.path)
    datmo("pull", cwd=reader.path)
    with Pages(reader.path) as pages:
        pages.enter()
        page = text_of(pages, f"/runs/{run.id}")
        assert "success" in page
        assert "git datmo pull" in page, "the log"
        for path in (
            f"/files/{run.after_id}/data/big.bin",
            f"/files/{run.after_id}/data",
            f"/artifacts/id/{made}",
        ):
            assert "git datmo pull" in text_of(pages, path), path
        answer = pages.ask(f"/raw/{run.after_id}/data/big.bin")
        assert answer.status >= 400
        assert "git datmo pull" in answer.text
        assert "content-disposition" not in answer.headers
        log = pages.ask(f"/data/runs/{run.id}/log?from=0")
        assert log.status >= 400
        assert "git datmo pull" in str(log.json())
        datmo("pull", "--content", cwd=reader.path)
        assert pages.get(f"/raw/{run.after_id}/data/big.bin").body == large(1)
        assert "word" in text_of(pages, f"/runs/{run.id}")


@pytest.mark.parametrize("what", ["deleted", "cleaned up"])
def test_what_was_deleted_meanwhile(tmp_path: Path, what: str):
    lab = Laboratory.at(tmp_path / "here")
    oid = lab.snapshot("going", stats={"acc": 1})
    with Pages(lab.repo.path) as pages:
        pages.enter()
        assert "going" in text_of(pages, "/snapshots")
        if what == "deleted":
            datmo("snapshot", "delete", oid, cwd=lab.repo.path)
            assert "going" not in text_of(pages, "/snapshots")
            answer = pages.ask(f"/snapshots/{oid}")
            assert answer.status in (200, 404)
            assert "deleted" in answer.text.lower() or answer.status == 404
        else:
            # Everything of ours is taken away under the open server.
            datmo("cleanup", "--yes", cwd=lab.repo.path)
            for path in ("/", "/snapshots", f"/snapshots/{oid}"):
                answer = pages.ask(path)
                assert answer.status in (200, 400, 404, 500), path
                assert "Internal Server Error" not in answer.text, path
        code, said = pages.stop()
        assert code in (0, 130)
        assert "Traceback" not in said


def test_looking_sets_no_refs_in_order(tmp_path: Path):
    """Commands move what a plain fetch brought; a page that is looked at changes nothing."""
    lab = Laboratory.at(tmp_path / "here")
    oid = lab.snapshot("one", stats={"acc": 1})
    with Pages(lab.repo.path) as pages:
        pages.enter()
        [notes] = lab.repo.refs("refs/datmo/notes").values()
        lab.repo.git("update-ref", "refs/datmo/notes/" + "a" * 16, notes)
        before = lab.repo.refs("refs")
        for path in ("/", "/runs", "/snapshots", f"/snapshots/{oid}", f"/files/{oid}"):
            pages.get(path)
        assert lab.repo.refs("refs") == before


def test_a_repository_that_nobody_may_write_to(tmp_path: Path):
    """Pages read alone; where nothing may be written there is nothing that keeps them from it."""
    lab = Laboratory.at(tmp_path / "here")
    lab.snapshot("one", stats={"acc": 1})
    before = {path: path.stat().st_mtime_ns for path in lab.repo.path.rglob("*") if path.is_file()}
    with Pages(lab.repo.path) as pages:
        pages.enter()
        for path in ("/", "/runs", "/snapshots", f"/snapshots/{lab.snapshots['one']}"):
            pages.get(path)
    after = {path: path.stat().st_mtime_ns for path in lab.repo.path.rglob("*") if path.is_file()}
    changed = {
        str(path.relative_to(lab.repo.path))
        for path in before.keys() | after.keys()
        if before.get(path) != after.get(path)
    }
    assert not [path for path in changed if "index.sqlite" not in path], "only our own index"
