"""report: Markdown that stays Markdown, a page that needs nothing else, one JSON document."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from git_datmo.model.curve import Curve
from git_datmo.model.diff import FileChange, SnapshotDiff
from git_datmo.model.report import Difference, Item, Report
from git_datmo.ui.report import markdown, page, sheet
from git_datmo.ui.report.spark import BARS, spark
from tests.kit.chromium import WIDE
from tests.kit.laboratory import Laboratory, decay
from tests.kit.pages import Markup
from tests.kit.program import datmo

EVIL = (
    "<img src=x onerror=pwned()>|`a`\\|[l](http://x.y/) @ada ![p](http://x.y/p) \x1b[31m\u202e\n# h"
)


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Laboratory:
    """Two runs of different code with curves, the first of what main is."""
    lab = Laboratory.at(tmp_path / "lab")
    monkeypatch.chdir(lab.repo.path)
    points = {"train": {"loss": decay(30, 3.0), "a/b c": decay(30, 1.0)}}
    lab.run("first", config={"lr": 0.1, "seed": 1}, stats={"score": 0.5}, points=points)
    lab.repo.git("branch", "--move", "--force", "main")
    lab.repo.git("switch", "--quiet", "--create", "faster")
    lab.repo.write("train.py", "print('training faster')\n```\n</script>\n")
    lab.repo.commit("faster")
    lab.run("second", label="second", config={"lr": 0.2, "seed": 1}, stats={"score": 0.75})
    return lab


def tokens(text: str) -> list[Token]:
    """What Markdown makes of a text, innermost tokens too."""
    found: list[Token] = []
    for token in MarkdownIt("commonmark", {"html": True}).enable("table").parse(text):
        found += [token, *(token.children or ())]
    return found


def table(text: str) -> list[list[str]]:
    """The cells of the first table, as text."""
    rows: list[list[str]] = []
    for token in MarkdownIt("commonmark", {"html": True}).enable("table").parse(text):
        if token.type == "table_close":
            break
        if token.type == "tr_open":
            rows.append([])
        if token.type == "inline" and rows:
            inner = (one for one in token.children or () if one.type in ("text", "code_inline"))
            rows[-1].append("".join(one.content for one in inner))
    return rows


def test_markdown_for_a_pull_request(lab: Laboratory):
    done = datmo("report", "--base", "main", "second")
    again = datmo("report", "--base", "main", "second", "--md").stdout
    assert again.partition("<sub>")[0] == done.stdout.partition("<sub>")[0], "all but the clock"
    heads, base, second = table(done.stdout)
    assert heads == [*("", "status", "score", "train.a/b c", "train.loss", "lr", "took")]
    assert (base[0], base[2], base[5]) == ("base first", "0.5", "0.1")
    assert (second[0], second[1]) == ("second", "✅ success")
    assert (second[2], second[5]) == ("0.75 (+0.25, +50%)", "0.2 (+0.1, +100%)")
    assert "The same in all: `seed` `1`" in done.stdout
    assert "### Differences to `main`" in done.stdout
    [patch] = [token for token in tokens(done.stdout) if token.info == "diff"]
    assert "+print('training faster')\n+```\n" in patch.content
    # It has no command of its own: the state that it began from can be had.
    state = lab.runs["second"].before_id
    assert state is not None
    assert f"git datmo snapshot checkout {state[:12]}  # second" in done.stdout
    assert len(done.stdout) < 65_536
    assert done.stderr == ""


def test_curves_as_text_and_as_pictures(lab: Laboratory):
    done = datmo("report", "--pictures", "pictures/of it")
    assert re.search(r"\| `loss` \| `first` `train` \| █[▁-█]+▁ \| 1\.0 \|", done.stdout)
    pictures = [token.attrs["src"] for token in tokens(done.stdout) if token.type == "image"]
    assert sorted(pictures) == ["pictures/of%20it/1-loss.png", "pictures/of%20it/2-a-b-c.png"]
    for name in ("1-loss.png", "2-a-b-c.png"):
        assert (Path("pictures/of it") / name).read_bytes().startswith(b"\x89PNG\r\n")
    assert "`a/b c`" not in datmo("report", "--metric", "loss").stdout


def test_one_document(lab: Laboratory):
    told = datmo("report", "--base", "main", "--json").json()
    assert [item["title"] for item in told["items"]] == ["second"]
    assert told["base"]["id"] == lab.runs["first"].id
    assert [change["path"] for change in told["differences"][0]["code"]["files"]] == ["train.py"]
    assert told["differences"][0]["items"] == [lab.runs["second"].id]


def test_a_page_of_its_own(lab: Laboratory, chromium):
    done = datmo("report", "--base", "main", "--html", "deep/out.html")
    assert (done.stdout, done.stderr) == ("", "note: wrote deep/out.html\n")
    target = Path("deep/out.html").resolve()
    found = Markup.of(target.read_text())
    assert found.loads == ["f0", "f1"], "names of figures, which lie in the page itself"
    assert (found.links, found.forms, found.handlers) == ([], [], [])
    assert "Content-Security-Policy" in target.read_text()
    assert [file.name for file in target.parent.iterdir()] == ["out.html"]

    context = chromium.new_context(viewport=WIDE, offline=True)
    asked: list[str] = []
    said: list[str] = []
    context.on("request", lambda request: asked.append(request.url))
    opened = context.new_page()
    opened.on("console", lambda message: said.append(message.text))
    opened.goto(target.as_uri())
    opened.wait_for_selector(".js-plotly-plot .trace", state="attached")
    assert asked == [target.as_uri()]
    assert said == []
    assert opened.inner_text("tr.base th").split()[:2] == ["first", "base"]
    assert "+0.25, +50%" in opened.inner_text("table")
    assert "training faster" in opened.inner_text("pre.patch .added")
    assert opened.locator(".js-plotly-plot").count() == 2
    context.close()


def hostile() -> Report:
    """Everything that somebody else may have written, as bad as it gets."""
    item = Item(
        *("run", "a" * 32, EVIL, EVIL, EVIL, "failed", 0, 1.5, EVIL, EVIL),
        config={EVIL: EVIL},
        results={EVIL: EVIL},
    )
    other = Item("run", "b" * 32, EVIL, config={EVIL: 1}, results={EVIL: math.nan})
    curve = Curve("a" * 32, EVIL, EVIL, EVIL, "step", (1.0, 2.0), (1.0, 2.0), 3, ((3.0, "nan"),), 1)
    return Report(EVIL, EVIL, 0, (item, other), reference=item, curves=(curve,), notices=(EVIL,))


def test_foreign_text_is_only_text_in_markdown():
    text = "\n".join(markdown.render(hostile()))
    kinds = {token.type for token in tokens(text)}
    assert not kinds & {"image", "link_open"}
    raw = {token.content for token in tokens(text) if token.type.startswith("html")}
    assert {re.sub(r"<(/?\w+)>", r"\1", one.strip()) for one in raw} <= {
        *("code", "/code", "sub", "/sub", "details", "/details"),
        "detailssummaryTo have it again/summary",
    }
    heads, *rows = table(text)
    assert all(len(row) == len(heads) for row in rows)
    assert not {"\x1b", "\u202e"} & set(text)


def test_foreign_text_is_only_text_on_a_page():
    text = page.render(hostile())
    found = Markup.of(text.replace("\x00", ""))
    assert "img" not in found.names
    assert (found.loads, found.links, found.handlers) == (["f0"], [], [])
    assert len(found.scripts) == 3, "the figures, Plotly, and what draws them"
    assert "\x1b" not in found.text
    figures = text.partition('id="figures">')[2].partition("</script>")[0]
    assert json.loads(figures)["f0"]["data"][0]["y"] == [1.0, 2.0]


def test_without_the_extra_markdown_is_still_there(
    lab: Laboratory, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    lacking = tmp_path / "lacking"
    lacking.mkdir()
    (lacking / "sitecustomize.py").write_text(
        "import importlib.util as util\nfind = util.find_spec\n"
        "lacking = ('jinja2', 'plotly', 'matplotlib', 'numpy')\n"
        "util.find_spec = lambda name, *more: None if name in lacking else find(name, *more)\n"
    )
    env = {"PYTHONPATH": str(lacking)}
    assert "### Curves" in datmo("report", env=env).stdout
    done = datmo("report", "--html", "out.html", env=env, check=False)
    assert (done.code, Path("out.html").exists()) == (4, False)
    assert "pip install 'git-datmo[ui]'" in done.stderr


def test_what_cannot_be_done_is_said(lab: Laboratory):
    for words in (("--base", "nobody"), ("nobody",), ("--where", "stats.score > 99")):
        done = datmo("report", *words, check=False)
        assert (done.code, done.stdout, done.stderr.count("error:")) == (3, "", 1)
    Path("taken").write_text("")
    done = datmo("report", "--html", "taken/out.html", check=False)
    assert (done.code, done.stderr.count("error: cannot write")) == (2, 1)


def test_markdown_is_never_too_long_for_a_comment():
    head = "diff --git a/x.py b/x.py\n--- a/x.py\n+++ b/x.py\n@@ -0,0 +1,999 @@\n"
    patch = head + "".join(f"+line {n}\n" for n in range(999))
    files = tuple(FileChange(f"{n}" * 50, "A", after_size=n) for n in range(99))
    items = tuple(Item("run", f"{n:032x}", f"run {n}", "python train.py") for n in range(20))
    differences = tuple(
        Difference((item.id,), SnapshotDiff("a" * 40, item.id, files, patch, files=files))
        for item in items
    )
    made = Report("t", "p", 0, items, reference=items[0], differences=differences)
    text = "\n".join(markdown.render(made))
    assert 20_000 < len(text) < 50_000
    assert text.count("<details>") == text.count("</details>") == 21
    assert "803 more lines: `git datmo snapshot diff aaaaaaaaaaaa 000000000000`" in text
    assert "Too long for here: `git datmo snapshot diff" in text
    assert "and 79 more" in text
    fences = [token for token in tokens(text) if token.type == "fence"]
    assert {token.info for token in fences} == {"diff", "sh"}


def test_settings_that_differ_are_columns():
    def item(name: str, **config: object) -> Item:
        return Item("run", name * 32, name, config=config)

    made = Report("t", "p", 0, (item("a", lr=1, seed=1, deep={"x": 1}), item("b", lr=1.0, seed=1)))
    found = sheet.sheet(made, most=9)
    assert list(found.config) == ["lr", "deep.x"]
    assert found.same == [("seed", "1")]
    assert [[cell.text for cell in row] for row in found.rows] == [["1", "1"], ["1.0", ""]]
    assert sheet.sheet(made, most=1).hidden == 1
    wide = item("a", **{f"k{n}": n for n in range(markdown.COLUMNS + 1)})
    text = "\n".join(markdown.render(Report("t", "p", 0, (wide, item("b")))))
    assert "1 more column is not shown." in text


def test_bars_of_text():
    assert spark((), ()) == ""
    assert spark((1.0,), (5.0,)) == BARS[4]
    assert spark(range(8), range(8)) == BARS
    assert spark((0.0, 1.0, 100.0), (1.0, 1.0, 2.0), width=3) == "▁ █"
    assert len(spark(range(1000), range(1000))) == 24
    assert spark((0.0, 1.0), (-1e308, 1e308)) == "▁█"
