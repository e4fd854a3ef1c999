"""What strangers wrote, on every page: it is shown as the text it is, and does nothing."""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

import pytest

from git_datmo.api import artifact, files, run, snapshot
from git_datmo.records import artifacts, chain, layout, runs, snapshots
from git_datmo.storage.objects import BLOB, EMPTY_TREE, TREE
from tests.kit.chromium import Visitor
from tests.kit.hostile import DOCUMENTS, PAYLOADS, TWISTED, infested
from tests.kit.laboratory import Laboratory
from tests.kit.pages import Answer, Markup, Pages
from tests.kit.program import datmo

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

MANY = 100  # pages of a walk
NEVER = {"iframe", "object", "embed", "base", "animate", "applet", "audio", "video", "frame"}
# Controls and marks that turn the direction of writing; line feed and tab may stay.
CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


@pytest.fixture(scope="module")
def lab(world: None, tmp_path_factory: pytest.TempPathFactory) -> Laboratory:
    return infested(tmp_path_factory.mktemp("infested") / "here")


@pytest.fixture(scope="module")
def pages(lab: Laboratory) -> Iterator[Pages]:
    with Pages(lab.repo.path) as found:
        found.enter()
        yield found
        code, said = found.stop()
        assert code in (0, 130)
        assert "Traceback" not in said, said


def assert_harmless(pages: Pages, path: str, answer: Answer) -> Markup:
    """Nothing in a page acts but our own script."""
    assert answer.headers["content-type"].startswith("text/html"), path
    assert CONTROLS.findall(answer.text) == [], path
    found = Markup.of(answer.text)
    assert found.handlers == [], path
    assert all(src and src.startswith("/static/") for src in found.scripts), (path, found.scripts)
    assert found.names & NEVER == set(), path
    for address in (*found.loads, *found.links, *(action for _, action in found.forms)):
        assert re.match(r"(https?://|/(?!/)|[?#]|data:,$|data:image/|$)", address), (path, address)
    for address in found.loads:
        assert not address.startswith("http"), (path, address)
    assert {method for method, _ in found.forms} <= {"get"}, path
    assert "1337" not in answer.text, f"{path}: a text was taken for a template"
    return found


def kind_of(path: str) -> str:
    """What pages of one make have in common: the first word, and which parameters they have."""
    whole = urlsplit(path)
    first = whole.path.split("/")[1]
    return first + "?" + "&".join(sorted({pair.split("=")[0] for pair in whole.query.split("&")}))


def walked(pages: Pages, most: int) -> Iterator[tuple[str, Answer]]:
    """Every page that can be reached by links, each kind of page by turns, at most so many."""
    waiting: dict[str, list[str]] = {"": ["/"]}
    seen = {"/"}
    for _ in range(most):
        waiting = {kind: paths for kind, paths in waiting.items() if paths}
        if not waiting:
            return
        # The kind that was asked for least: the first in order.
        kind = next(iter(waiting))
        path = waiting[kind].pop(0)
        waiting[kind] = waiting.pop(kind)
        answer = pages.ask(path)
        yield path, answer
        if not answer.headers.get("content-type", "").startswith("text/html"):
            continue
        for link in Markup.of(answer.text).own(pages.url(path)):
            if link not in seen:
                seen.add(link)
                waiting.setdefault(kind_of(link), []).append(link)


def test_every_page_that_links_lead_to_is_there_and_harmless(pages: Pages):
    kinds: dict[str, int] = {}
    for path, answer in walked(pages, MANY):
        assert answer.status == 200, f"{path}: {answer.status}\n{answer.text[:1500]}"
        first = path.split("?")[0].split("/")[1]
        kinds[first] = kinds.get(first, 0) + 1
        if first == "raw":
            assert_sealed_off(answer)
        elif first != "data":
            assert_harmless(pages, path, answer)
    expected = {"", "runs", "snapshots", "artifacts", "sessions", "files", "raw"}
    assert expected <= kinds.keys(), kinds


def test_records_that_are_twisted_are_shown_as_far_as_they_go(pages: Pages, lab: Laboratory):
    listed = Markup.of(pages.get("/runs?rows=1000").text).text
    ids = [f"{number:032x}" for number in range(len(TWISTED))]
    for one in ids:
        assert one[:12] in listed
        for part in ("", "/files", "/changes", "/environment", "/lineage", "/log"):
            address = f"/runs/{one}{part}"
            assert_harmless(pages, address, pages.get(address))
        for part in ("log", "live"):
            pages.get(f"/data/runs/{one}/{part}")
        answer = pages.ask(f"/data/curves?id={one}")
        assert answer.status in (200, 404)
    chosen = "&".join(f"id={one}" for one in ids)
    assert_harmless(pages, "/compare", pages.get(f"/compare?{chosen}&same=1"))
    for path in ("/data/parallel?axis=config.a&axis=stats.x&by=stats.y", "/data/best?by=stats.y"):
        pages.get(f"{path}&{chosen}")


def assert_sealed_off(answer: Answer) -> None:
    """A file as it is: to be kept, not to be shown, and powerless if it is."""
    heads = answer.headers
    assert heads["content-disposition"].startswith("attachment")
    assert "\n" not in heads["content-disposition"]
    policy = heads["content-security-policy"]
    assert "sandbox" in policy
    assert "allow-scripts" not in policy
    assert "allow-same-origin" not in policy
    assert heads["x-content-type-options"] == "nosniff"
    assert "set-cookie" not in heads
    assert heads["content-type"].partition(";")[0] not in (
        *("text/html", "image/svg+xml", "text/xml", "application/xhtml+xml"),
        *("text/javascript", "application/javascript", "application/pdf", "text/css"),
    )


def test_files_are_given_byte_by_byte_and_powerless(pages: Pages, lab: Laboratory):
    commit = lab.snapshots["script"]
    for name, text in DOCUMENTS.items():
        answer = pages.get(f"/raw/{commit}/files/{name}")
        assert answer.body == text.encode()
        assert_sealed_off(answer)


def test_texts_are_shown_whole(pages: Pages, lab: Laboratory):
    """Escaping is no removing: what was written can be read."""
    for name, text in PAYLOADS.items():
        if name == "bidi":
            continue
        page = pages.get(f"/runs/{lab.runs[name].id}")
        assert text in Markup.of(page.text).text, name
        page = pages.get(f"/snapshots/{lab.snapshots[name]}")
        assert text in Markup.of(page.text).text, name


def test_paths_in_commits_do_not_climb(pages: Pages, lab: Laboratory):
    commit = lab.snapshots["script"]
    climbing = [
        *("../../../../etc/passwd", "..%2f..%2f..%2fetc/passwd", "%2e%2e/%2e%2e/etc/passwd"),
        *("..%252f..%252fetc%252fpasswd", "/etc/passwd", "%2fetc%2fpasswd", "files/../../x", "."),
        *("files%00.txt", "%00", "files/page.html%00", "files//page.html", "files/./page.html"),
        *(".git/config", ".git%2fconfig", "files\\page.html", "nowhere", "..", "files/page.html/x"),
        *("files/%ff%fe", "%c0%ae%c0%ae/x", ":/", "HEAD:train.py", "a" * 5000, "a/" * 3000),
    ]
    for room in ("raw", "files"):
        for path in climbing:
            answer = pages.ask(f"/{room}/{commit}/{path}")
            assert answer.status in (400, 404), f"/{room}/…/{path[:60]}: {answer.status}"
            assert b"root:" not in answer.body


def test_only_commits_that_were_recorded_have_files(pages: Pages, lab: Laboratory):
    repo = lab.repo
    git = repo.git
    blob = git("rev-parse", "HEAD:train.py")
    tree = git("rev-parse", "HEAD^{tree}")
    note = next(iter(repo.refs("refs/datmo/notes").values()))
    odd = [
        *("HEAD", "main", repo.head(), repo.head()[:12], blob, tree, note, "0" * 40, "f" * 40),
        *("refs%2fheads%2fmain", "--help", "-", "HEAD^{tree}", ":/begin", "@", "latest~1", "%00"),
        *("..", "%2e%2e", "", "evil", lab.snapshots["script"] + "^", "a" * 400),
    ]
    for room in ("raw", "files"):
        for name in odd:
            answer = pages.ask(f"/{room}/{name}/train.py")
            assert answer.status in (307, 400, 404), f"/{room}/{name}: {answer.status}"
            assert b"print(1)" not in answer.body


def test_a_link_of_a_snapshot_is_shown_and_never_followed(pages: Pages, lab: Laboratory):
    commit = lab.snapshots["script"]
    for room in ("raw", "files"):
        answer = pages.ask(f"/{room}/{commit}/other/leads-out")
        assert b"root:" not in answer.body
        answer = pages.ask(f"/{room}/{commit}/other/leads-out/x")
        assert answer.status in (400, 404)


VALUES = [
    *(
        "",
        "%00",
        "%ff%fe",
        "-1",
        "0",
        "1e9",
        "99999999999999999999",
        "NaN",
        "%F0%9F%92%A9",
        "a%20b",
    ),
    *("'", '"', "<script>", "((((", "a.b.c.d", "__proto__", "%0d%0aX-Evil:%201", "x" * 5000, "-"),
    *("%27%20or%201=1%20--", "results.acc%20>", "..%2f..", "%E2%80%AE", "%5B%5D", "latest", "%25"),
    *("a%3Db%26c", "status%20%3D%3D%20%22success%22", "-results.loss,config.lr", "train%2Floss"),
]
PLACES = {
    "/runs": (*("where", "q", "sort", "columns", "session", "remote", "label", "status"), "page"),
    "/snapshots": (*("where", "q", "sort", "columns", "session", "remote", "label"), "rows"),
    "/artifacts": ("where", "q", "sort", "collection", "name", "page", "rows"),
    "/sessions": ("q", "page"),
    "/compare": (
        *("id", "where", "by", "axis", "top", "across", "up", "shade", "color", "metric", "type"),
        *("order", "same", "turn", "a", "b", "limit", "session"),
    ),
    "/runs/{run}": ("x", "smoothing", "type", "figures", "logy"),
    "/runs/{run}/lineage": ("depth",),
    "/lineage/{run}": ("depth",),
    "/files/{commit}": ("page", "rows"),
    "/data/curves": (
        *("id", "metric", "type", "x", "smoothing", "logx", "color", "title", "limit", "where"),
    ),
    "/data/best": ("id", "by", "order"),
    "/data/parallel": ("id", "where", "axis", "by", "top", "order"),
    "/data/scatter": ("id", "across", "up", "shade"),
}


@pytest.mark.parametrize("path", PLACES)
def test_odd_parameters_are_answered_in_words(pages: Pages, lab: Laboratory, path: str):
    names = PLACES[path]
    path = path.format(run=lab.runs["script"].id, commit=lab.snapshots["script"])
    for number, name in enumerate(names):
        # A quarter of them each, that all come to be tried somewhere.
        for value in VALUES[number % 4 :: 4]:
            more = "&across=config.a&up=results.b" if path == "/data/scatter" else ""
            if path == "/compare" and name not in ("id", "where"):
                more = "".join(f"&id={lab.runs[one].id}" for one in ("script", "image"))
            address = f"{path}?{name}={value}{more}"
            answer = pages.ask(address)
            assert answer.status in (200, 400, 404), f"{address[:200]}: {answer.status}"
            assert "x-evil" not in answer.headers
            if path.startswith("/data/"):
                assert json.loads(answer.body, parse_constant=pytest.fail) is not None, address
            else:
                assert_harmless(pages, address[:200], answer)


@pytest.mark.parametrize("room", ["runs", "snapshots", "artifacts/id", "data/runs"])
def test_odd_ids_are_answered_in_words(pages: Pages, lab: Laboratory, room: str):
    tail = "/log?from=0" if room == "data/runs" else ""
    for value in VALUES:
        if value in ("", "latest"):
            continue
        answer = pages.ask(f"/{room}/{value}{tail}")
        assert answer.status in (307, 400, 404), f"/{room}/{value[:80]}: {answer.status}"
        assert CONTROLS.findall(answer.text) == []
    for value in ("-1", "x", "9" * 30, "1e3", "%00"):
        answer = pages.ask(f"/data/runs/{lab.runs['script'].id}/log?from={value}")
        assert answer.status in (200, 400), answer.text[:500]


class TestInABrowser:
    """Chromium itself finds nothing to run, to load, or to complain about."""

    @pytest.fixture
    def visitor(self, chromium: Browser, pages: Pages) -> Iterator[Visitor]:
        with Visitor(chromium, pages) as found:
            found.adopt(pages.cookie)
            yield found

    def test_pages_and_their_figures(self, visitor: Visitor, lab: Laboratory):
        ids = [one.id for one in lab.runs.values()]
        chosen = "&".join(f"id={one}" for one in ids[:6])
        for path in (
            *("/", "/runs?rows=1000", "/snapshots?rows=1000", "/artifacts", "/sessions"),
            *(
                f"/runs/{lab.runs[name].id}"
                for name in ("script", "image", "anchor", "odd metrics")
            ),
            f"/snapshots/{lab.snapshots['quote']}",
            f"/compare?{chosen}",
        ):
            page = visitor.go(path)
            touch_everything(page)

    def test_files_are_looked_at(self, visitor: Visitor, lab: Laboratory):
        commit = lab.snapshots["script"]
        for name in DOCUMENTS:
            visitor.go(f"/files/{commit}/files/{quote(name)}")
            for image in visitor.page.locator("main img").all():
                source = image.get_attribute("src") or ""
                assert source.startswith(("/raw/", "/files/", "data:image/"))
        # A picture that is none is the one thing that may fail to load.
        visitor.wrong = [said for said in visitor.wrong if "img" not in said]

    def test_a_page_among_the_files_is_kept_and_not_opened(self, visitor: Visitor, lab: Laboratory):
        commit = lab.snapshots["script"]
        for name in ("page.html", "drawing.svg", "page.xhtml"):
            visitor.go(f"/files/{commit}/files/{name}")
            with visitor.page.expect_download() as kept:
                visitor.page.locator("a[href^='/raw/']").first.click()
            assert kept.value.suggested_filename == name

    def test_even_where_it_is_opened_it_can_do_nothing(self, visitor: Visitor, lab: Laboratory):
        """As a frame of our own page, asked for by a script that should not be there."""
        commit = lab.snapshots["script"]
        page = visitor.go("/runs")
        for tag in ("iframe", "object", "embed", "script", "link"):
            page.evaluate(
                "([tag, address]) => { const one = document.createElement(tag);"
                "one.src = one.data = one.href = address; one.rel = 'stylesheet';"
                "document.body.append(one); }",
                [tag, f"/raw/{commit}/files/{'code.js' if tag == 'script' else 'page.html'}"],
            )
        page.wait_for_timeout(300)
        # It is told that it may not; what counts is that nothing ran.
        visitor.wrong = [said for said in visitor.wrong if said.startswith(("ran", "dialog"))]


@pytest.mark.parametrize("words", [("report",), ("plot", "loss")])
def test_files_that_are_sent_to_others(
    chromium: Browser, pages: Pages, lab: Laboratory, tmp_path: Path, words: tuple[str, ...]
):
    """Reports and curves as one file: whoever opens it runs nothing of what was recorded."""
    written = tmp_path / "out.html"
    ids = [lab.runs[name].id for name in ("script", "anchor", "end", "frame", "style", "meta")]
    datmo(*words, *ids, "--html", os.fspath(written), cwd=lab.repo.path)
    found = Markup.of(written.read_text())
    assert found.handlers == []
    assert found.names & NEVER == set()
    assert not [one for one in found.loads if not re.match(r"data:|f\d+$", one)]
    with Visitor(chromium, pages) as visitor:
        visitor.page.goto(written.as_uri())
        visitor.page.wait_for_selector(".js-plotly-plot")
        touch_everything(visitor.page)
        visitor.page.wait_for_timeout(200)
        outside = [url for url in visitor.asked if not url.startswith(("file:", "blob:", "data:"))]
        assert outside == []
        visitor.asked.clear()


def touch_everything(page: Page) -> None:
    """Move over and focus what might be waiting for that."""
    page.evaluate(
        """() => {
            for (const one of document.querySelectorAll("body *")) {
                for (const kind of ["mouseover", "mouseenter", "focus", "load", "error"])
                    one.dispatchEvent(new Event(kind, { bubbles: false }));
            }
        }"""
    )


def test_what_is_small_in_git_and_without_end_when_unpacked(pages: Pages, lab: Laboratory):
    """Ten folders that are one, twelve deep: a million million files. A gigabyte of zeros is as
    small. Who only looks at such a thing waits for nothing and fills no memory."""
    project = lab.project
    objects = project.repository.objects
    zeros = objects.write_blob(bytes(files.MOST_BYTES + 1))
    inside = objects.write_tree([(b"a.txt", BLOB, objects.write_blob(b"hello"))])
    bomb = inside
    for _ in range(12):
        bomb = objects.write_tree([(b"%d" % n, TREE, bomb) for n in range(10)])
    large = objects.write_tree([(b"zeros", BLOB, zeros)])

    def recorded(tree: str, environment: str = EMPTY_TREE) -> str:
        with chain.writing(project) as writer:
            oid = snapshots.write(
                project,
                tree=tree,
                parents=[lab.repo.head()],
                message="unpacks",
                code=tree,
                environment=environment,
                files=EMPTY_TREE,
                paths=[],
            )
            writer.mention(oid)
            writer.note(oid, set={"session": layout.DEFAULT_SESSION_ID})
        return oid

    small, many, huge = recorded(inside), recorded(bomb), recorded(large)
    odd = recorded(inside, environment=bomb)
    run_id = "7" * 32
    with chain.writing(project) as writer:
        said: dict[str, object] = {
            "id": run_id,
            "type": "script",
            "command": ["python"],
            "runner": "local",
        }
        said |= {"status": "success", "created": 5, "before_id": small, "after_id": many}
        oid = runs.write(project, said, {}, [lab.repo.head()])
        writer.mention(oid)
        writer.note(oid, set={"session": layout.DEFAULT_SESSION_ID})
    versions = []
    for number, tree in enumerate((bomb, inside), 1):
        with chain.writing(project) as writer:
            oid = artifacts.write(
                project, collection="model", name="unpacks", version=number, files=tree, counts={}
            )
            writer.mention(oid)
            writer.note(oid, set={"session": layout.DEFAULT_SESSION_ID})
            versions.append(oid)
    begun = time.monotonic()
    assert pages.ask(f"/artifacts/id/{versions[0]}").status == 409
    for path, words in (
        (f"/artifacts/id/{versions[1]}", "too large for a page"),
        ("/artifacts/model/unpacks", "too large for a page"),
        (f"/snapshots/{many}?against={small}", "paths differ"),
        (f"/compare?id={many}&id={small}", "paths differ"),
        (f"/compare?id={odd}&id={small}", "environment"),
        (f"/snapshots/{odd}", "larger than any definition"),
        (f"/runs/{run_id}/files", "paths differ"),
        (f"/runs/{run_id}/changes", "paths differ"),
        (f"/files/{many}/0/1/2/3/4/5/6/7/8/9/0/1", "a.txt"),
        (f"/snapshots/{huge}?against={small}", "of code differ"),
        (f"/compare?id={huge}&id={small}", "of code differ"),
        (f"/files/{huge}/zeros", "git cat-file blob"),
    ):
        answer = pages.get(path)
        assert words in answer.text, path
        assert_harmless(pages, path, answer)
    assert pages.ask(f"/raw/{huge}/zeros").status == 409
    assert time.monotonic() - begun < 30
    assert memory(pages, "VmHWM") < 250_000
    snapshot.delete(project, many)


def memory(pages: Pages, what: str) -> int:
    """What the server has taken, in kilobytes; 0 where that cannot be told."""
    if not sys.platform.startswith("linux"):
        return 0
    status = Path(f"/proc/{pages.process.pid}/status").read_text()
    found = re.search(rf"{what}:\s*(\d+) kB", status)
    assert found is not None
    return int(found[1])


def test_a_message_of_ten_megabytes_does_not_pile_up(tmp_path: Path):
    lab = Laboratory.at(tmp_path / "here")
    project = lab.project
    tree = project.repository.objects.commit(lab.repo.head()).tree
    with chain.writing(project) as writer:
        oid = snapshots.write(
            project,
            tree=tree,
            parents=[lab.repo.head()],
            message="long " * 2_000_000,
            code=tree,
            environment=EMPTY_TREE,
            files=EMPTY_TREE,
            paths=[],
        )
        writer.mention(oid)
        writer.note(oid, set={"session": layout.DEFAULT_SESSION_ID})
    with Pages(lab.repo.path) as pages:
        pages.enter()
        for _ in range(16):
            answer = pages.get("/snapshots?all=1")
            assert oid[:12] in answer.text
            assert len(answer.body) < 100_000
        assert memory(pages, "VmRSS") < 200_000


def test_a_log_of_a_hundred_megabytes(pages: Pages, lab: Laboratory):
    line = b"\x1b[31mstep\x1b[0m \r<script>pwned('log')</script> \x9b\x00\xff\x07\n"
    count = (100 << 20) // len(line) + 1
    made = lab.run("talks a lot", log=b"begin\n" + line * count + b"end\n")
    page = pages.get(f"/runs/{made.id}")
    assert len(page.body) < 2 << 20
    assert_harmless(pages, "/runs/ID", page)
    text = Markup.of(page.text).text
    assert "begin" in text
    assert "end" in text
    assert "<script>pwned('log')</script>" in text
    assert "MiB" in text, "how long it is"
    middle = pages.get(f"/data/runs/{made.id}/log?from={50 << 20}")
    assert len(middle.body) < 4 << 20
    assert CONTROLS.findall(middle.json()["text"]) == []


def test_numbers_that_are_none_and_very_many(pages: Pages, lab: Laboratory):
    odd = lab.runs["odd metrics"].id
    answer = pages.get(f"/data/curves?id={odd}")
    figure = json.loads(answer.body, parse_constant=pytest.fail)
    assert "no finite number" in figure["note"]
    assert "too far to be drawn" in figure["note"]
    many = lab.run("many", points={"train": {"loss": [n % 997 / 997 for n in range(100_000)]}})
    answer = pages.get(f"/data/curves?id={many.id}&metric=loss")
    figure = json.loads(answer.body, parse_constant=pytest.fail)
    assert sum(len(trace["x"]) for trace in figure["data"]) <= 2000
    assert "of 100,000 points" in figure["note"]
    assert len(answer.body) < 200_000


def test_what_was_recorded_is_what_was_meant(lab: Laboratory):
    """The corpus is as bad as it should be: nothing of it was refused or mended on its way in."""
    project = lab.project
    assert {one.message for one in snapshot.ls(project)} >= set(PAYLOADS)
    assert {one.label for one in run.ls(project)} >= {"run " + text for text in PAYLOADS.values()}
    assert len(artifact.ls(project)) >= 4
