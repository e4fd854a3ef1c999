"""Runs under way in other clones: shown as they were last heard of here, and nobody is asked."""

from __future__ import annotations

import shlex
import subprocess
import time
from pathlib import Path

import pytest

from git_datmo.api import heard, inline, live, private, runs
from git_datmo.errors import RunNotFound
from git_datmo.model.folder import SILENT_SECONDS
from git_datmo.model.series import line
from git_datmo.records.project import Project
from tests.kit.git import Repo
from tests.kit.pages import Markup, Pages

LINES = "+refs/datmo-live/*:refs/datmo-live/*"
AGAIN = f"git fetch --prune origin '{LINES}'"


def clone(hub: Repo, path: Path) -> Project:
    repo = hub.clone(path)
    repo.write("train.py", "print(1)\n")
    repo.commit()
    project = Project.open(repo.path)
    private.settle(project)
    return project


def begun(project: Project, folder: Path) -> tuple[inline.Inline, live.Upload]:
    """A run that is under way, and was sent once."""
    run = inline.start(project, name="talks", alternative_name="talks_1")
    (folder / "log").write_bytes(b"a word <i>\x1b[31m\n" * 20_000 + b"the last word\n")
    with (run.task / "metrics.jsonl").open("ab") as file:
        for step in range(3):
            file.write(line({"loss": 0.5 - step / 8}, type="train", step=step, time=1.0))
    upload = live.Upload(project, run_id=run.id, name="talks", alternative_name="talks_1")
    said = {
        "name": "talks <i>",
        "alternative_name": "talks_1",
        "status": "running",
        "created": 1_790_000_000_000,
        "labels": ["night"],
        "hyperparameters": {"lr": 0.125},
    }
    upload.send(said, {"log": folder / "log", "metrics": run.task / "metrics.jsonl"})
    return run, upload


def text_of(pages: Pages, path: str) -> str:
    page = Markup.of(pages.get(path).text)
    assert not page.handlers
    assert "i" not in page.names
    return " ".join(page.text.split())


def test_a_run_of_another_clone(tmp_path: Path):
    hub = Repo.bare(tmp_path / "hub.git")
    ada, bob = clone(hub, tmp_path / "ada"), clone(hub, tmp_path / "bob")
    run, upload = begun(ada, tmp_path)
    git = bob.repository.git
    assert heard.ls(bob) == [], "nothing of it came here"
    git.run("fetch", "-q", "origin", LINES)
    (node,) = heard.ls(bob)
    assert (node.run_id, node.name, node.status, node.is_dead) == (
        *(run.id, "talks <i>", "running", False),
    )
    ada.repository.git.run("fetch", "-q", "origin", LINES)
    assert heard.ls(ada) == [], "it is under way here"

    with Pages(bob.repository.git_dir.parent) as pages:
        pages.enter()
        address = f"/elsewhere/{run.id}"
        for path in ("/", "/runs"):
            assert address in Markup.of(pages.get(path).text).links
            assert "running talks <i> last heard of" in text_of(pages, path)
        assert address not in pages.get("/runs?q=talks").text, "the filters know nothing of it"
        page = text_of(pages, address)
        for said in (
            "night",
            "lr0.125",
            "train/loss0.25",
            "the last word",
            "git datmo pull",
            AGAIN,
        ):
            assert said in page
        assert "\x1b" not in page
        assert "Ended" not in page
        assert page.count("a word <i>") < 20_000, "of a long log the end is shown"
        pages.get("/elsewhere/" + "a" * 32, status=404)
        pages.get("/elsewhere/..%2f..%2fdatmo%2fnotes", status=404)

        subprocess.run(shlex.split(AGAIN), cwd=bob.repository.git_dir.parent, check=True)
        upload.close()
        runs.delete(ada, run.finish().id)
        ada.repository.git.run("push", "-q", "origin", "refs/datmo/*")
        git.run("fetch", "-q", "origin")
        assert heard.ls(bob) == [], "it is recorded here, and deleted"
        pages.get(address, status=404)


def test_what_says_nothing_of_a_run(tmp_path: Path):
    hub = Repo.bare(tmp_path / "hub.git")
    ada = clone(hub, tmp_path / "ada")
    objects, git = ada.repository.objects, ada.repository.git
    head = git.run("rev-parse", "HEAD").decode().strip()
    blob = objects.write_blob(b"no commit")
    now = int(time.time() * 1000)

    def commit(facts: str) -> str:
        made = objects.write_blob(facts.encode())
        return (
            git.run("commit-tree", "-m", "x", objects.write_tree([(b"live.json", 0o100644, made)]))
            .decode()
            .strip()
        )

    good = '{"format": %d, "run_id": "%s", "updated": %s}'
    names = {letter: letter * 32 for letter in "abcdef"}
    kept = {
        names["a"]: commit(good % (1, names["a"], now)),
        names["b"]: commit(good % (1, names["b"], now - SILENT_SECONDS * 1000 - 60_000)),
    }
    odd = {
        names["c"]: head,
        names["d"]: blob,
        names["e"]: commit(good % (99, names["e"], now)),
        names["f"]: kept[names["a"]],
        "short": kept[names["a"]],
        "0" * 32: commit("[" * 100_000),
    }
    for name, oid in (kept | odd).items():
        git.run("update-ref", f"refs/datmo-live/{name}", oid)
    assert [(node.run_id, node.is_dead) for node in heard.ls(ada)] == [
        (names["a"], False),
        (names["b"], True),
    ]
    for name in odd:
        with pytest.raises(RunNotFound, match="nothing was heard"):
            heard.inspect(ada, name)
    with Pages(ada.repository.git_dir.parent) as pages:
        pages.enter()
        assert "it may have died" in text_of(pages, "/runs")
        assert "It had printed nothing" in text_of(pages, f"/elsewhere/{names['a']}")
