"""Every page in Chromium, as somebody uses it: by links and forms, wide and narrow, light and dark,
by keyboard, on paper, without scripts; and nothing is asked for outside of the machine."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.task import begun, until
from tests.kit.chromium import NARROW, Visitor
from tests.kit.laboratory import Laboratory
from tests.kit.pages import Pages

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

Addresses = dict[str, str]
SPILT = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
LIGHTNESS = """(what) => {
  const [r, g, b] = getComputedStyle(document.body)[what].match(/[\\d.]+/g).map(Number);
  return (0.2126 * r + 0.7152 * g + 0.0722 * b) / 255;
}"""


@pytest.fixture
def visitor(chromium: Browser, pages: Pages) -> Iterator[Visitor]:
    with Visitor(chromium, pages) as found:
        found.adopt(pages.cookie)
        yield found


@pytest.fixture(scope="module")
def addresses(lab: Laboratory) -> Addresses:
    """A page of every kind, by name."""
    run, other = lab.runs["cnn-0.1"], lab.runs["mlp-0.1"]
    commit = lab.snapshots["the end"]
    return {
        "overview": "/",
        "runs": "/runs",
        "snapshots": "/snapshots",
        "artifacts": "/artifacts",
        "sessions": "/sessions",
        "run": f"/runs/{run.id}",
        "files of a run": f"/runs/{run.id}/files",
        "changes of a run": f"/runs/{run.id}/changes",
        "environment of a run": f"/runs/{run.id}/environment",
        "lineage of a run": f"/runs/{run.id}/lineage",
        "failed run": f"/runs/{lab.runs['broken'].id}",
        "snapshot": f"/snapshots/{commit}",
        "artifact": "/artifacts/default/weights",
        "comparison": f"/compare?id={run.id}&id={other.id}&id={commit}",
        "folder": f"/files/{commit}",
        "table file": f"/files/{commit}/data/scores.csv",
        "picture file": f"/files/{commit}/plots/slope.png",
        "text file": f"/files/{commit}/train.py",
    }


def rows(page: Page) -> list[list[str]]:
    """The cells of the first list."""
    found: list[list[str]] = page.evaluate(
        "() => [...document.querySelector('table.list').tBodies[0].rows]"
        ".map(row => [...row.cells].map(cell => cell.innerText.trim()))"
    )
    return found


def column(page: Page, name: str) -> list[str]:
    """One column of the first list, from the top."""
    heads = page.locator("table.list").first.locator("thead th").all_inner_texts()
    place = [head.strip() for head in heads].index(name)
    return [row[place] for row in rows(page)]


class TestTheWayIn:
    def test_the_link_leads_to_the_overview_and_then_to_nothing(
        self, chromium: Browser, lab: Laboratory
    ):
        with Pages(lab.repo.path) as pages, Visitor(chromium, pages) as first:
            first.enter()
            assert "token" not in first.page.url
            first.go("/runs")
            with Visitor(chromium, pages) as second:
                answer = second.page.goto(pages.link)
                assert answer is not None
                assert answer.status == 403
                assert "git datmo ui" in second.page.inner_text("body")
                assert second.context.cookies() == []
            assert first.context.cookies()[0]["httpOnly"]

    def test_the_door_that_the_command_opens_leads_in(
        self, chromium: Browser, lab: Laboratory, tmp_path: Path
    ):
        """From a file, as the browser sees it: another origin began the way."""
        door = tmp_path / "door.html"
        with Pages(lab.repo.path) as pages:
            door.write_text(f'<meta http-equiv="refresh" content="0; url={pages.link}">')
            with Visitor(chromium, pages) as visitor:
                visitor.page.goto(door.as_uri())
                visitor.page.wait_for_url(pages.url("/"))
                visitor.asked.remove(door.as_uri())


class TestEveryPage:
    def test_wide_and_light(self, visitor: Visitor, addresses: Addresses):
        for name, path in addresses.items():
            page = visitor.go(path)
            assert page.locator("h1").count() == 1, name
            assert page.evaluate(SPILT) <= 0, name
            assert page.evaluate(LIGHTNESS, "backgroundColor") > 0.9, name
            assert page.evaluate(LIGHTNESS, "color") < 0.3, name
            unnamed = page.locator(
                "input:not([type=hidden]):not([aria-label]):not(label input), button:empty"
            )
            assert unnamed.count() == 0, f"{name}: a control that says not what it is for"
            assert page.locator("img:not([alt])").count() == 0, name

    def test_narrow_and_dark(self, chromium: Browser, pages: Pages, addresses: Addresses):
        how = {"viewport": NARROW, "color_scheme": "dark", "has_touch": True}
        with Visitor(chromium, pages, **how) as visitor:
            visitor.adopt(pages.cookie)
            for name, path in addresses.items():
                page = visitor.go(path)
                assert page.evaluate(SPILT) <= 0, f"{name}: wider than the screen"
                assert page.evaluate(LIGHTNESS, "backgroundColor") < 0.2, name
                assert page.evaluate(LIGHTNESS, "color") > 0.7, name

    def test_without_scripts(self, chromium: Browser, pages: Pages, addresses: Addresses):
        with Visitor(chromium, pages, java_script_enabled=False) as visitor:
            visitor.adopt(pages.cookie)
            for name, path in addresses.items():
                page = visitor.go(path)
                assert len(page.inner_text("main")) > 20, name
            page = visitor.go("/runs")
            page.get_by_role("link", name="score").first.click()
            assert "sort=" in page.url
            assert column(page, "score") == sorted(column(page, "score"), reverse=True)

    def test_on_paper(self, visitor: Visitor, addresses: Addresses):
        for name in ("runs", "run", "comparison"):
            page = visitor.go(addresses[name])
            page.emulate_media(media="print", color_scheme="dark")
            assert not page.locator("header").is_visible()
            assert page.locator("h1").is_visible()
            for kind in ("form.filter", "button", "input"):
                shown = page.locator(kind).filter(visible=True).count()
                assert shown == 0, f"{name}: nobody can use a {kind} on paper"
            if name == "runs":
                assert page.locator("table.list a.id, table.list td.id a").first.is_visible()
            assert page.evaluate(LIGHTNESS, "color") < 0.4, "ink on paper"
            assert len(page.pdf()) > 5000
            page.emulate_media(media="screen", color_scheme="light")

    def test_by_keyboard(self, visitor: Visitor):
        page = visitor.go("/runs")
        page.keyboard.press("Tab")
        skip = page.get_by_role("link", name="Skip to the content")
        box = skip.bounding_box()
        assert box is not None
        assert box["x"] >= 0, "it is seen once it is reached"
        page.keyboard.press("Enter")
        assert page.url.endswith("#main")
        reached = []
        for _ in range(60):
            page.keyboard.press("Tab")
            reached.append(page.evaluate("() => document.activeElement.outerHTML.slice(0, 60)"))
        assert any("<input" in one for one in reached)
        assert any("/runs/" in one for one in reached)
        assert (
            page.evaluate("() => getComputedStyle(document.activeElement).outlineStyle") != "none"
        )


class TestTables:
    def test_heads_sort_both_ways_and_back(self, visitor: Visitor):
        page = visitor.go("/runs")
        usual = rows(page)
        head = page.locator("th", has_text="score")
        for way in ("descending", "ascending"):
            head.get_by_role("link").click()
            assert head.get_attribute("aria-sort") == way
            found = [float(text) for text in column(page, "score") if text]
            assert found == sorted(found, reverse=way == "descending")
            assert len(found) == 5
        head.get_by_role("link").click()
        assert head.get_attribute("aria-sort") is None
        assert rows(page) == usual

    def test_conditions_texts_and_columns_stand_in_the_address(
        self, visitor: Visitor, pages: Pages
    ):
        page = visitor.go("/runs")
        page.get_by_label("Where").fill("config.model == 'cnn' and results.score < 0.55")
        page.get_by_label("Where").press("Enter")
        page.wait_for_url("**where=*")
        assert len(rows(page)) == 1
        shared = visitor.open()
        shared.goto(page.url)
        assert rows(shared) == rows(page)
        assert (
            shared.get_by_label("Where").input_value() == page.get_by_label("Where").input_value()
        )
        visitor.go("/runs?columns=config.lr,config.optimizer.momentum")
        assert set(column(page, "optimizer.momentum")) == {"0.9", ""}
        visitor.go("/runs?where=config.lr+%3E+100")
        assert "No run" in page.inner_text("main")
        answer = page.goto(pages.url("/runs?where=config.lr+%3E%3E"))
        assert answer is not None
        assert answer.status == 400
        assert "config.lr >>" in page.inner_text("main"), "what was typed can be mended"

    def test_pages_of_a_table(self, visitor: Visitor):
        page = visitor.go("/runs?rows=4&sort=-results.score")
        assert "1–4 of 6" in page.inner_text("main")
        first = rows(page)
        page.locator("a[rel=next]").first.click()
        assert "5–6 of 6" in page.inner_text("main")
        assert page.locator("a[rel=next]").count() == 0
        assert not {row[1] for row in rows(page)} & {row[1] for row in first}
        page.locator("a[rel=prev]").first.click()
        assert rows(page) == first

    def test_sessions_and_labels(self, visitor: Visitor, lab: Laboratory):
        page = visitor.go("/runs")
        page.locator("select[name=session]").select_option("second")
        page.get_by_role("button", name="Show", exact=True).click()
        page.wait_for_url("**session=second*")
        assert len(rows(page)) == 3
        page = visitor.go("/snapshots?label=best")
        assert len(rows(page)) == 1
        page = visitor.go("/snapshots?where=stats.acc+%3E+0.8")
        assert len(rows(page)) == 1

    def test_rows_lead_to_their_pages(self, visitor: Visitor, lab: Laboratory):
        for table, known in (
            ("/runs", {run.id for run in lab.runs.values()}),
            ("/snapshots?all=1", set(lab.snapshots.values())),
        ):
            page = visitor.go(table)
            link = page.locator("table.list tbody td a").first
            address = link.get_attribute("href") or ""
            link.click()
            page.wait_for_url(f"**{address}")
            assert address.rpartition("/")[2] in known or table != "/runs"
            assert page.locator("h1").is_visible()


class TestOneRun:
    def test_it_says_what_it_was(self, visitor: Visitor, lab: Laboratory):
        run = lab.runs["cnn-0.1"]
        page = visitor.go(f"/runs/{run.id}")
        text = page.inner_text("main")
        begin = f"git datmo snapshot checkout {str(run.before_id)[:12]}"
        for said in ("success", begin, "baseline", "momentum", "0.9"):
            assert said in text
        assert "epoch 29 loss" in text
        below = "one => one.scrollHeight - one.clientHeight - one.scrollTop"
        assert page.locator("pre.log").evaluate(below) < 4, "of a log one looks for the end first"

    def test_one_figure_a_metric_with_its_types_together(self, visitor: Visitor, lab: Laboratory):
        page = visitor.go(f"/runs/{lab.runs['cnn-0.1'].id}")
        traces = page.evaluate(
            "() => [...document.querySelectorAll('.js-plotly-plot')].map(one => "
            "one.data.map(trace => [trace.name, trace.x.length]))"
        )
        loss = next(one for one in traces if len(one) == 2)
        assert {length for _, length in loss} == {50}
        assert len(traces) >= 3, "loss, acc, and what the machine did"
        assert page.locator(".modebar-btn").count() > 0
        assert page.locator(".modebar-btn[data-title*=hare]").count() == 0, "a button that sends it"
        drawn = page.locator(".js-plotly-plot .scatterlayer .trace path.js-line")
        assert drawn.count() >= 4

    def test_axes_types_and_smoothing_are_chosen_in_a_form(self, visitor: Visitor, lab: Laboratory):
        page = visitor.go(
            f"/runs/{lab.runs['cnn-0.1'].id}?x=relative&smoothing=0.9&logy=1&type=val"
        )
        layouts = page.evaluate(
            "() => [...document.querySelectorAll('.js-plotly-plot')].slice(0, 1).map(one => "
            "[one.data.length, one.layout.yaxis.type, one.layout.xaxis.title.text])"
        )
        assert layouts == [[1, "log", "seconds since the start"]]
        assert "smoothed by 0.9" in page.inner_text("main")

    def test_every_part_can_be_reached(self, visitor: Visitor, lab: Laboratory):
        page = visitor.go(f"/runs/{lab.runs['mlp-0.1'].id}")
        for name, said in (
            ("Files", "model.txt"),
            ("Changes", "train"),
            ("Environment", "platform"),
            ("Inputs and outputs", "snapshot"),
        ):
            page.get_by_role("link", name=name, exact=True).first.click()
            visitor.settle()
            assert said.lower() in page.inner_text("main").lower(), name

    def test_a_file_is_looked_at_and_downloaded(self, visitor: Visitor, lab: Laboratory):
        commit = lab.snapshots["the end"]
        page = visitor.go(f"/files/{commit}/data/scores.csv")
        assert rows(page)[-1] == ["eve", "4"]
        with page.expect_download() as kept:
            page.get_by_role("link", name="download").first.click()
        assert kept.value.suggested_filename == "scores.csv"
        assert Path(kept.value.path()).read_bytes() == lab.repo.read("data/scores.csv")
        page = visitor.go(f"/files/{commit}/plots/slope.png")
        image = page.locator("main img")
        assert image.evaluate("one => one.complete && one.naturalWidth") == 24


class TestComparing:
    def test_rows_are_ticked_and_compared(self, visitor: Visitor, lab: Laboratory):
        page = visitor.go("/runs?sort=-results.score")
        for box in page.locator("table.list tbody input[type=checkbox]").all()[:3]:
            box.check()
        page.get_by_role("button", name="Compare the chosen").click()
        visitor.settle()
        assert page.url.count("id=") == 3
        curves = page.evaluate(
            "() => [...document.querySelectorAll('.js-plotly-plot')].map(one => one.data.length)"
        )
        assert 3 in curves
        text = page.inner_text("main")
        assert "0.001" in text
        assert "momentum" not in text, "what is equal in all is left out"

    def test_runs_and_snapshots_and_what_does_not_differ(
        self, visitor: Visitor, addresses: Addresses
    ):
        page = visitor.go(addresses["comparison"] + "&same=1")
        assert "momentum" in page.inner_text("main")

    def test_two_are_compared_line_by_line(self, visitor: Visitor, lab: Laboratory):
        ids = [lab.runs[name].id for name in ("cnn-0.1", "vit-0.001")]
        page = visitor.go("/compare?" + "&".join(f"id={one}" for one in ids))
        text = page.inner_text("main")
        assert "training vit" in text
        assert "training cnn" in text


class TestWhileItRuns:
    SCRIPT = """
import json, os, sys, time
folder = os.environ["DATMO_TASK_DIR"]
with open(os.path.join(folder, "metrics.jsonl"), "a") as file:
    for step in range(10_000):
        print("step", step, "<b>", flush=True)
        file.write(json.dumps({"type": "train", "step": step, "loss": 1 / (step + 1)}) + "\\n")
        if step >= 60:
            file.write(json.dumps({"type": "val", "step": step, "loss": 0.5}) + "\\n")
        file.flush()
        if os.path.exists(sys.argv[1]):
            break
        time.sleep(0.05)
print("the end", flush=True)
"""

    def test_its_page_goes_on_by_itself(
        self, chromium: Browser, tmp_path: Path, request: pytest.FixtureRequest
    ):
        lab = Laboratory.at(tmp_path / "live")
        stop = tmp_path / "stop"
        script = tmp_path / "live.py"
        script.write_text(self.SCRIPT)
        words = ("--runner", "local", "--", sys.executable, os.fspath(script), os.fspath(stop))
        started = begun(lab.repo, *words)
        request.addfinalizer(started.communicate)
        request.addfinalizer(stop.touch)
        with Pages(lab.repo.path) as pages, Visitor(chromium, pages) as visitor:
            visitor.enter()
            self.look(visitor, stop)

    def look(self, visitor: Visitor, stop: Path) -> None:
        page = visitor.go("/runs")
        link = page.locator("tr", has_text="running").locator("a").first
        until(lambda: link.count() or (page.reload() and False))
        link.click()
        page.wait_for_selector(".status.running")
        log = page.locator("pre").filter(has_text="step")
        log.first.wait_for()
        seen = last_step(log.first.inner_text())
        until(lambda: last_step(log.first.inner_text()) > seen + 20)
        page.get_by_text("val 0.5").wait_for()
        assert page.get_by_label("val").is_checked(), "what came later is there too"
        visitor.settle()
        points: Callable[[], Any] = lambda: page.evaluate(  # noqa: E731
            "() => document.querySelector('.js-plotly-plot')?.data[0]?.x.length ?? 0"
        )
        many = until(points)
        until(lambda: points() > many)
        last = page.locator("#last-1")
        said, size = last.inner_text(), page.locator("#log-size").inner_text()
        until(lambda: last.inner_text() != said and page.locator("#log-size").inner_text() != size)
        other = visitor.open()
        other.route("**/live", lambda route: route.fulfill(status=404))
        other.goto(page.url)
        other.get_by_text("no answer comes any more").wait_for()
        other.close()
        stop.touch()
        page.wait_for_selector(".status.success")
        visitor.settle()
        assert "the end" in page.inner_text("main")
        assert "git datmo rerun" in page.inner_text("main")
        # A question that was under way when the page was loaded anew.
        visitor.wrong = [said for said in visitor.wrong if "Failed to fetch" not in said]


def last_step(text: str) -> int:
    steps = [line.split()[1] for line in text.splitlines() if line.startswith("step ")]
    return int(steps[-1]) if steps else -1
