"""Runs and snapshots beside each other: the page, its figures, and what is asked wrongly."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest

from git_datmo.api import run as runs
from tests.kit.chromium import Visitor
from tests.kit.laboratory import Laboratory
from tests.kit.pages import Markup, Pages

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

NAMES = ("cnn-0.1", "cnn-0.01", "mlp-0.1")


@pytest.fixture(scope="module")
def visitor(chromium: Browser, pages: Pages) -> Iterator[Visitor]:
    with Visitor(chromium, pages) as found:
        found.adopt(pages.cookie)
        yield found


def asked(lab: Laboratory, *names: str, **more: Any) -> str:
    ids = [lab.runs[name].id if name in lab.runs else lab.snapshots[name] for name in names]
    return urlencode({"id": ids, **more}, doseq=True)


def figure(pages: Pages, name: str, query: str) -> Any:
    return pages.get(f"/data/{name}?{query}").json()


class TestFigures:
    def test_curves_of_runs(self, pages: Pages, lab: Laboratory):
        found = figure(pages, "curves", asked(lab, *NAMES, metric="train/loss"))
        assert len({one["name"] for one in found["data"]}) == 3
        assert all(len(one["x"]) == 50 for one in found["data"])
        by_model = asked(lab, *NAMES, metric="loss", type="val", color="config.model", logy=1)
        grouped = figure(pages, "curves", by_model)
        assert [one["name"] for one in grouped["data"]] == ["cnn", "cnn", "mlp"]
        assert grouped["layout"]["yaxis"]["type"] == "log"
        means = figure(pages, "curves", by_model + "&mean=1")
        assert [one.get("fill") for one in means["data"]] == ["toself", "toself", None, None]
        assert [one["name"] for one in means["data"][2:]] == ["cnn", "mlp"]
        assert "the mean of 1 to 2 runs" in means["note"]
        none = figure(pages, "curves", asked(lab, *NAMES, metric="loss", mean=1))
        assert "choose what to colour by" in none["note"]

    def test_a_snapshot_has_the_curves_of_the_run_that_left_it(self, pages: Pages, lab: Laboratory):
        run = lab.runs["cnn-0.1"]
        found = figure(pages, "curves", f"id={run.after_id}&metric=loss&type=train")
        assert len(found["data"]) == 1
        assert found["data"][0]["y"][0] == 1.0
        first = lab.snapshots["the beginning"]
        assert figure(pages, "curves", f"id={first}")["note"] == "nothing was logged"

    def test_figures_of_many_runs(self, pages: Pages, lab: Laboratory):
        measured = {"axis": ["config.model", "config.lr"], "by": "results.score"}
        found = figure(pages, "parallel", asked(lab, *NAMES, **measured))
        assert len(found["data"]) == 3
        assert found["layout"]["xaxis"]["ticktext"] == ["model", "lr"]
        best = figure(pages, "parallel", asked(lab, *NAMES, **measured, top=34))
        assert len(best["data"]) == 1
        assert best["note"] == "1 of 3: the best 34 %"
        points = figure(
            pages, "scatter", asked(lab, *NAMES, across="config.lr", up="results.score")
        )
        assert points["data"][0]["x"] == [0.1, 0.01, 0.1]
        assert points["data"][0]["customdata"] == [f"/runs/{lab.runs[n].id}" for n in NAMES]
        so_far = figure(pages, "best", asked(lab, *NAMES, by="results.score"))
        assert so_far["data"][1]["y"] == [0.5, 0.6, 0.7]
        lowest = figure(pages, "best", asked(lab, *NAMES, by="results.score", order="lowest"))
        assert lowest["data"][1]["y"] == [0.5, 0.5, 0.5]

    @pytest.mark.parametrize(
        ("query", "status"),
        [
            ("curves?id=" + "0" * 40, 404),
            ("curves?smoothing=much", 400),
            ("curves?smoothing=2", 400),
            ("curves?smoothing=nan", 400),
            ("curves?x=sideways", 400),
            ("curves?color=" + "a" * 9, 200),
            ("curves?color=%60", 400),
            ("curves?where=lr+%3E", 400),
            ("parallel?top=many", 400),
            ("scatter?across=config.lr", 400),
            ("best", 400),
        ],
    )
    def test_what_is_asked_wrongly_is_said(self, pages: Pages, query: str, status: int):
        answer = pages.get(f"/data/{query}", status=status)
        assert answer.headers["content-type"] == "application/json"
        assert set(json.loads(answer.body)) >= ({"data"} if status == 200 else {"error"})


class TestPage:
    def test_what_differs_and_what_does_not(self, pages: Pages, lab: Laboratory):
        text = Markup.of(pages.get("/compare?" + asked(lab, *NAMES)).text).text
        assert "optimizer.momentum" not in text
        every = Markup.of(pages.get("/compare?" + asked(lab, *NAMES, same=1)).text).text
        assert "optimizer.momentum" in every

    def test_some_are_not_here(self, pages: Pages, lab: Laboratory):
        page = pages.get("/compare?" + asked(lab, "cnn-0.1") + "&id=feedfeed").text
        assert "feedfeed" in page
        assert "git datmo pull" in page
        assert "feedfeed" in pages.get("/compare?id=feedfeed", status=404).text

    def test_without_ids_it_is_the_newest_runs(self, pages: Pages, lab: Laboratory):
        found = Markup.of(pages.get("/compare?where=config.model+%3D%3D+%22cnn%22").text)
        shown = {link for link in found.links if link.startswith("/runs/")}
        assert f"/runs/{lab.runs['cnn-0.1'].id}" in shown
        assert f"/runs/{lab.runs['mlp-0.1'].id}" not in shown
        assert "No run is like that" in pages.get("/compare?where=config.model+%3D%3D+1").text

    def test_all_that_a_table_shows_are_compared(self, pages: Pages, lab: Laboratory):
        table = pages.get("/runs?status=success&where=config.lr+%3C+1").text
        [link] = [one for one in Markup.of(table).links if one.startswith("/compare?")]
        shown = {one for one in Markup.of(table).links if one.startswith("/runs/")}
        compared = Markup.of(pages.get(link).text)
        assert shown == {one for one in compared.links if one.startswith("/runs/")}
        assert len(shown) > 2
        assert "are compared" not in compared.text
        assert "Compare all" not in pages.get("/runs?deleted=1&all=1").text

    def test_what_was_chosen_is_offered_though_equal_in_all(self, pages: Pages, lab: Laboratory):
        chosen = "color=config.optimizer.name&shade=session"
        page = pages.get("/compare?" + asked(lab, *NAMES) + "&" + chosen).text
        assert '<option value="config.optimizer.name" selected>optimizer.name (config)<' in page
        assert '<option value="session" selected>session<' in page
        bare = pages.get("/compare?" + asked(lab, *NAMES, color="model")).text
        assert '<option value="config.model" selected>' in bare

    def test_what_is_left_out_is_said(self, pages: Pages, lab: Laboratory):
        few = Markup.of(pages.get("/compare?limit=2").text).text
        assert f"2 of the {len(lab.runs)} runs, the newest, are compared" in few
        many = [f"{n:032x}" for n in range(1000)]
        query = urlencode({"id": [lab.runs["cnn-0.1"].id, *many]}, doseq=True)
        page = Markup.of(pages.get(f"/compare?{query}").text).text
        assert "1,000 of the 1,001 that were chosen are compared: more than 1,000 cannot be" in page
        assert page.count("no run and no snapshot has") == 10
        assert "and so for 989 more" in page
        assert "cannot be" not in pages.get("/compare?" + asked(lab, *NAMES)).text

    def test_an_expression_that_is_none_can_be_mended(self, pages: Pages):
        page = pages.get("/compare?where=config.lr+%3E").text
        assert 'value="config.lr &gt;"' in page
        assert "at column" in page

    def test_packages_are_compared_line_by_line(self, pages: Pages, lab: Laboratory):
        ids = []
        for version in ("1.0", "2.0"):
            lab.repo.write("requirements.txt", f"numpy=={version}\n")
            name = f"packages {version}"
            ids.append(
                lab.snapshot(name, environment_paths=[str(lab.repo.path / "requirements.txt")])
            )
        page = Markup.of(pages.get(f"/compare?id={ids[0]}&id={ids[1]}").text)
        place = page.text.index("Definition of the environment")
        assert "-numpy==1.0" in page.text[place:]
        assert "+numpy==2.0" in page.text[place:]

    def test_runs_and_snapshots_are_told_apart(self, pages: Pages, lab: Laboratory):
        page = pages.get("/compare?" + asked(lab, "cnn-0.1", "the end", a="nowhere")).text
        found = Markup.of(page)
        assert f"/snapshots/{lab.snapshots['the end']}" in found.links
        # Two that cannot be compared spoil their own part of the page only.
        assert "nowhere" in found.text
        assert len(found.loads) > 4


class TestInTheBrowser:
    def test_what_is_under_way_goes_on(self, visitor: Visitor, lab: Laboratory):
        going = lab.started("going", points={"train": {"loss": [3.0, 2.0]}})
        try:
            page = visitor.go(f"/compare?id={going.id}&id={lab.runs['cnn-0.1'].id}")
            points = (
                "() => document.querySelector('[aria-label=\"Curves of loss\"]').data[0].y.length"
            )
            assert page.evaluate(points) == 2
            with (going.task / "metrics.jsonl").open("ab") as file:
                file.write(b'{"type": "train", "step": 2, "loss": 1}\n')
            page.wait_for_function(f"() => ({points})() === 3", timeout=30_000)
        finally:
            going.finish(0)
            runs.delete(lab.project, going.id)

    def test_every_figure_is_drawn(self, visitor: Visitor, lab: Laboratory):
        page = visitor.go("/compare?" + asked(lab, *NAMES, "the end", type=["train", "system"]))
        assert drawn(page)["Curves of loss"] == 3
        assert drawn(page)["Curves of memory"] == 3
        assert drawn(page)["Parallel coordinates"] == 4
        assert set(drawn(page)) >= {"The best results.score so far"}
        assert page.locator(".plot:not(.js-plotly-plot)").count() == 0

    def test_choices_stand_in_the_address(self, visitor: Visitor, lab: Laboratory):
        page = visitor.go("/compare?" + asked(lab, *NAMES))
        page.get_by_label("Smoothing").fill("0.5")
        page.locator("#curves select[name=color]").select_option("config.model")
        page.get_by_label("mean of each colour").check()
        page.locator("#curves").get_by_role("button", name="Show").first.click()
        page.wait_for_url("**smoothing=0.5**")
        visitor.settle()
        assert page.url.endswith("#curves")
        assert "color=config.model" in page.url
        assert "mean=1" in page.url
        # Two types of two models, and their bands.
        assert drawn(page)["Curves of loss"] == 8
        assert "the mean of 1 to 2 runs" in page.inner_text("#curves")
        assert "top=" not in page.url, "what is empty is left out"
        assert "smoothed by 0.5" in page.inner_text("#curves")
        assert page.locator("#curves select[name=color]").input_value() == "config.model"

    def test_the_best_percent_is_left(self, visitor: Visitor, lab: Laboratory):
        page = visitor.go("/compare?" + asked(lab, *NAMES))
        page.get_by_label("Only the best %").fill("30")
        page.keyboard.press("Enter")
        page.wait_for_url("**top=30**")
        visitor.settle()
        assert drawn(page)["Parallel coordinates"] == 1
        assert "1 of 3" in page.inner_text("#parallel")

    def test_a_point_leads_to_its_run(self, visitor: Visitor, lab: Laboratory):
        page = visitor.go("/compare?" + asked(lab, *NAMES))
        point = page.locator("#scatter .plot .points path").first
        point.scroll_into_view_if_needed()
        box = point.bounding_box()
        assert box is not None
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        page.mouse.move(x - 3, y)
        page.mouse.move(x, y)
        page.mouse.click(x, y)
        page.wait_for_url("**/runs/*")

    def test_one_is_left_out_and_one_more_is_added(self, visitor: Visitor, lab: Laboratory):
        page = visitor.go("/compare?" + asked(lab, *NAMES))
        page.locator(".chips .drop").first.click()
        visitor.settle()
        assert page.locator(".chips li").count() == 2
        page.get_by_label("One more").fill("best")
        page.get_by_role("button", name="Add").click()
        visitor.settle()
        assert page.locator(".chips li").count() == 3
        assert "snapshot" in page.inner_text(".chips")

    def test_two_are_compared_line_by_line(self, visitor: Visitor, lab: Laboratory):
        page = visitor.go("/compare?" + asked(lab, *NAMES))
        page.locator("select[name=a]").select_option(lab.runs["cnn-0.1"].id)
        page.locator("select[name=b]").select_option(lab.runs["mlp-0.1"].id)
        page.get_by_role("button", name="Show what differs").click()
        visitor.settle()
        text = page.inner_text("#differences")
        assert "-print('training cnn', 0.1)" in text
        assert "+print('training mlp', 0.1)" in text


def drawn(page: Page) -> dict[str, int]:
    """How many traces each figure has, by its name."""
    found: dict[str, int] = page.evaluate(
        "() => Object.fromEntries([...document.querySelectorAll('.plot')]"
        ".map(one => [one.getAttribute('aria-label'), (one.data || []).length]))"
    )
    return found
