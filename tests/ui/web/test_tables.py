"""Tables and their choices, as the server gives them: rows, order, columns, links, refusals."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, quote, unquote, urlsplit

import pytest

from tests.kit.laboratory import Laboratory
from tests.kit.pages import Markup, Pages

CELL = re.compile(r"<td[^>]*>(.*?)</td>", re.DOTALL)
HEAD = re.compile(r"<th[^>]*>(.*?)</th>", re.DOTALL)
TAG = re.compile(r"<[^>]+>")


def heads(text: str) -> list[str]:
    """The heads of the first table."""
    return [TAG.sub("", one).strip() for one in HEAD.findall(text.partition("</thead>")[0])]


def rows(text: str) -> list[list[str]]:
    """The cells of the first table."""
    body = text.partition("<tbody>")[2].partition("</tbody>")[0]
    return [
        [TAG.sub("", cell).strip() for cell in CELL.findall(row)] for row in body.split("<tr>")[1:]
    ]


def column(text: str, name: str) -> list[str]:
    place = heads(text).index(name)
    return [row[place] for row in rows(text)]


class TestRuns:
    def test_sorted_by_a_result_both_ways(self, pages: Pages) -> None:
        down = pages.get("/runs?sort=-config.lr").text
        assert column(down, "lr") == ["9.0", "0.1", "0.1", "0.01", "0.01", "0.001"]
        up = pages.get("/runs?sort=config.lr").text
        assert column(up, "lr") == sorted(column(down, "lr"), key=float)
        assert 'aria-sort="ascending"' in up

    def test_narrowed_by_every_choice(self, pages: Pages, lab: Laboratory) -> None:
        for query, count in [
            ("status=failed", 1),
            ("q=vit", 1),
            ("q=baseline", 1),
            ("q=mlp-0.&status=success", 2),
            ("label=baseline", 1),
            ("session=second", 3),
            ("where=" + quote("config.model == 'cnn' and config.lr < 1"), 2),
            ("remote=.", 6),
            ("session=second&status=failed", 1),
        ]:
            assert len(rows(pages.get(f"/runs?{query}").text)) == count, query

    def test_the_columns_that_were_chosen(self, pages: Pages) -> None:
        typed = heads(pages.get("/runs?columns=config.model,session").text)
        ticked = heads(pages.get("/runs?columns=config.model&columns=session").text)
        assert typed == ticked
        assert typed[-2:] == ["model", "session"]
        both = heads(pages.get("/runs?columns=config.lr,stats.lr").text)
        assert both[-2:] == ["config.lr", "stats.lr"]

    def test_a_part_that_no_snapshot_has(self, pages: Pages) -> None:
        assert "nothing at" in pages.get("/snapshots/best/nothing", status=404).text

    def test_links_keep_what_was_chosen(self, pages: Pages) -> None:
        text = pages.get("/runs?rows=2&sort=-config.lr&session=default").text
        [after] = re.findall(r'rel="next" href="([^"]+)"', text)
        found = parse_qs(urlsplit(after.replace("&amp;", "&")).query)
        kept = {"rows": ["2"], "sort": ["-config.lr"], "session": ["default"], "page": ["2"]}
        assert found == kept
        assert len(rows(pages.get(after.replace("&amp;", "&")).text)) == 1

    @pytest.mark.parametrize(
        "query", ["where=acc+%3E", "sort=%2C", "columns=%60", "page=x", "session=none", "remote=x"]
    )
    def test_what_cannot_be_understood_is_said(self, pages: Pages, query: str) -> None:
        answer = pages.ask(f"/runs?{query}")
        assert answer.status in (400, 404, 500)
        assert 'class="error"' in answer.text


class TestSnapshots:
    def test_automatic_ones_when_asked(self, pages: Pages) -> None:
        assert column(pages.get("/snapshots?q=the").text, "message") == ["the end", "the beginning"]
        shown = len(rows(pages.get("/snapshots").text))
        assert len(rows(pages.get("/snapshots?all=1").text)) > shown

    def test_a_snapshot_in_all_its_parts(self, pages: Pages, lab: Laboratory) -> None:
        address = f"/snapshots/{lab.snapshots['the end']}"
        text = pages.get(address).text
        assert "<h1>best" in text
        assert "0.9" in text
        for part, said in [
            ("files", "train.py"),
            ("changes", "score"),
            ("environment", ""),
            ("lineage", ""),
        ]:
            assert said in pages.get(f"{address}/{part}").text
        earlier = lab.snapshots["the beginning"]
        assert earlier in pages.get(f"{address}/changes?against={earlier}").text
        pages.get("/snapshots/ffffffff", status=404)


class TestArtifacts:
    def test_versions_and_how_they_differ(self, pages: Pages) -> None:
        text = pages.get("/artifacts").text
        assert column(text, "artifact") == ["default/elsewhere", "default/weights"]
        assert len(rows(pages.get("/artifacts?all=1").text)) == 3
        one = pages.get("/artifacts/default/weights").text
        assert [cell.split()[0] for cell in column(one, "version")] == ["v1", "v0"]
        assert "data/scores.csv" in one
        assert "better weights" in one

    def test_a_version(self, pages: Pages, lab: Laboratory) -> None:
        text = pages.get(f"/artifacts/id/{lab.artifacts['weights']}").text
        assert f"/files/{lab.artifacts['weights']}/data/scores.csv" in text
        other = pages.get(f"/artifacts/id/{lab.artifacts['elsewhere']}").text
        assert "https://example.com/big.bin" in other
        assert "https://example.com/big.bin" not in Markup.of(other).links

    def test_what_is_not_there(self, pages: Pages) -> None:
        pages.get("/artifacts/default/nothing", status=404)
        pages.get("/artifacts/id/nothing", status=404)
        pages.get(f"/artifacts/id/{'f' * 40}", status=404)


def test_sessions_lead_to_what_they_have(pages: Pages) -> None:
    text = pages.get("/sessions").text
    assert column(text, "session") == ["second", "default"]
    assert column(text, "runs") == ["3", "3"]
    first = next(link for link in Markup.of(text).links if link.startswith("/runs?session"))
    assert len(rows(pages.get(first).text)) == 3


def test_the_overview_has_something_of_everything(pages: Pages) -> None:
    text = pages.get("/").text
    for said in ("Last runs", "cnn-0.1", "the end", "default/weights", "second", "No remote"):
        assert said in text


@pytest.mark.parametrize(
    ("collection", "name"),
    [("id", "plain"), ("x:y", "a/../b c?d=e#f"), ("z", "ünïcode&<b>%2F%"), ("z", "f" * 40)],
)
def test_names_of_artifacts_lead_to_them(
    pages: Pages, lab: Laboratory, collection: str, name: str
) -> None:
    lab.artifact(name, "data", collection=collection)
    lab.artifact(name, "plots", collection=collection)
    listed = pages.get(f"/artifacts?collection={quote(collection)}").text
    [address] = [
        link
        for link in Markup.of(listed).links
        if link.startswith("/artifacts/") and unquote(link).endswith(f"/{collection}/{name}")
    ]
    text = pages.get(address).text
    assert [cell.split()[0] for cell in column(text, "version")] == ["v1", "v0"]
    sorting = next(link for link in Markup.of(text).links if "sort=-size" in link)
    assert sorting.startswith(address)
    assert len(rows(pages.get(sorting).text)) == 2
