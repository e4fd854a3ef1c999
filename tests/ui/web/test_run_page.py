"""The pages of one run: its parts, its log piece by piece and while it grows, its files."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from urllib.parse import quote

import pytest

from git_datmo.model.run import Run
from tests.kit.laboratory import Laboratory, decay, picture
from tests.kit.pages import Markup, Pages

LONG = b"".join(
    b"line %d \x1b[32mgreen\x1b[0m <script>alert(1)</script>\n" % n for n in range(9000)
)
SHELL = "a $(touch here) 'b'"
ODD = os.fsdecode(b'odd \xff#?%"<b>.txt')


@pytest.fixture(scope="module")
def lab(world: None, tmp_path_factory: pytest.TempPathFactory) -> Laboratory:
    """One run that did something of everything."""
    lab = Laboratory.at(tmp_path_factory.mktemp("lab") / "lab")
    lab.repo.git("config", "datmo.largeFile", "4000")
    lab.artifact("weights", "train.py")
    lab.artifact(SHELL, "train.py")
    run = lab.started(
        "everything",
        config={"lr": 0.1, "net": {"layers": [1, 2]}, "<b>": "<script>"},
        points={
            "train": {"loss": decay(50, 3), "<i>": decay(50, 1)},
            "val": {"loss": decay(50, 2)},
        },
        stats={"score": 0.75},
        log=LONG,
        system=[{"time": float(t), "cpu": 10.0 * t, "memory": 1e9} for t in range(5)],
    )
    for name, data in {
        "out/slope.png": picture(),
        "out/evil.svg": b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
        "out/evil.html": b"<script>alert(1)</script>",
        "out/table.csv": b"name,score\nada,1\n",
        "out/large.bin": bytes(3 << 20),
        ODD: b"odd\n",
    }.items():
        path = lab.repo.path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
    lab.runs["everything"] = run.finish(0)
    return lab


@pytest.fixture
def run(lab: Laboratory) -> Run:
    return lab.runs["everything"]


def address(*parts: str) -> str:
    return "/" + "/".join(quote(os.fsencode(part), safe="/") for part in parts)


def test_content_that_is_not_here_is_said(pages: Pages, lab: Laboratory, run: Run):
    store = lab.project.repository.common_dir / "datmo" / "store"
    moved: list[tuple[Path, Path]] = []
    for path in [one for one in store.rglob("*") if one.is_file()]:
        moved.append((path, path.with_name(f".{path.name}")))
        os.rename(*moved[-1])
    try:
        assert moved, "the large file lies in the store"
        page = pages.get(address("files", str(run.after_id), "out/large.bin")).text
        assert "is not in this clone" in page
        assert "git datmo pull --content" in page
        assert "not here" in pages.get(address("files", str(run.after_id), "out")).text
        pages.get(address("raw", str(run.after_id), "out/large.bin"), status=404)
        page = pages.get(f"/runs/{run.id}").text
        assert "the content of &#39;log&#39; is not in this clone" in page
        metric = pages.get(f"/data/curves?id={run.id}&metric=<i>", status=404).json()
        assert "is not in this clone" in metric["error"]
        assert "git datmo pull" in metric["hint"]
        machine = pages.get(f"/data/curves?id={run.id}&metric=cpu&type=system").json()
        assert len(machine["data"][0]["x"]) == 5
    finally:
        for path, away in moved:
            os.rename(away, path)


def test_its_first_page(pages: Pages, run: Run):
    page = Markup.of(pages.get(f"/runs/{run.id}").text)
    begin = f"git datmo snapshot checkout {str(run.before_id)[:12]}"
    for said in ("success", begin, "score", "0.75", "net.layers"):
        assert said in page.text
    assert "git datmo rerun" not in page.text, "it has no command: that would not work"
    assert not page.names & {"b", "i"}, "what somebody wrote became markup"
    assert [str(one).partition("?")[0] for one in page.scripts] == [
        "/static/plotly.js",
        "/static/page.js",
    ]
    figures = [one for one in page.loads if one.startswith("/data/curves?")]
    assert len(figures) == 4, "loss of both types, the odd one, processor, memory"
    for figure in figures:
        drawn = pages.get(figure).json()
        assert drawn["data"], figure
        assert drawn["layout"]["title"]["text"]
    both = next(one for one in figures if "val%2Floss" in one)
    assert len(pages.get(both).json()["data"]) == 2


def test_commands_that_are_copied_into_a_shell(pages: Pages, lab: Laboratory):
    """Whoever named an artifact must not get to say what they do."""
    for path in (address("artifacts", "default", SHELL), f"/artifacts/id/{lab.artifacts[SHELL]}"):
        text = Markup.of(pages.get(path).text).text
        lines = [line for line in text.splitlines() if "git datmo artifact get" in line]
        assert lines
        for line in lines:
            words = shlex.split(line.partition("·")[2] or line.partition("Get it")[2])
            assert words[:4] == ["git", "datmo", "artifact", "get"]
            assert words[4:] in ([f"default/{SHELL}"], [f"default/{SHELL}:v0"])
        assert (
            "git datmo run --input" not in text
            or f"--input {shlex.quote('default/' + SHELL)}" in text
        )


def test_metrics_are_chosen_by_the_address(pages: Pages, run: Run):
    page = Markup.of(pages.get(f"/runs/{run.id}?type=val&x=time&logy=1").text)
    figures = [one for one in page.loads if "system" not in one and "curves" in one]
    assert len(figures) == 1
    drawn = pages.get(figures[0] + "&x=time&logy=1&smoothing=0.5").json()
    assert drawn["layout"]["yaxis"]["type"] == "log"
    assert "No metric has such a type and name" in pages.get(f"/runs/{run.id}?metric=none").text


def test_its_log_is_shown_in_part_and_given_whole(pages: Pages, run: Run):
    text = pages.get(f"/runs/{run.id}").text
    assert "line 0 green &lt;script&gt;" in text
    assert "line 8999 green" in text
    assert "line 4000 " not in text
    assert "page by page" in text
    said, following = "", f"/data/runs/{run.id}/log?from=0"
    while following:
        piece = pages.get(following).json()
        said, following = said + piece["text"], piece["next"]
    assert said == LONG.decode().replace("\x1b[32m", "").replace("\x1b[0m", "")
    last = Markup.of(pages.get(f"/runs/{run.id}/log?from={len(LONG) - 100}").text)
    assert "line 8999" in last.text
    assert pages.get(f"/runs/{run.id}/log?from=999999999").status == 200
    pages.get(f"/runs/{run.id}/log?from=-1", status=400)
    whole = pages.get(f"/raw/{run.commit}/log")
    assert whole.body == LONG


def test_a_run_that_goes_on_is_followed(pages: Pages, lab: Laboratory):
    run = lab.started("going", log="begin é".encode()[:-1])
    page = pages.get(f"/runs/{run.id}").text
    assert f'data-live="/data/runs/{run.id}/live" data-points="0"' in page
    following = f"/data/runs/{run.id}/log?from=0"
    piece = pages.get(following).json()
    assert piece == {"text": "begin ", "next": f"/data/runs/{run.id}/log?from=6"}
    before = pages.get(f"/data/runs/{run.id}/live").json()
    with (run.folder / "log").open("ab") as file:
        file.write("é".encode()[-1:] + b" and on\n")
    (run.task / "metrics.jsonl").write_bytes(b'{"loss": 1, "step": 0}\n')
    piece = pages.get(piece["next"]).json()
    assert piece["text"] == "é and on\n"
    after = pages.get(f"/data/runs/{run.id}/live").json()
    assert (before["points"], after["points"] > 0, after["ended"]) == (0, True, False)
    assert "loss" in pages.get(f"/runs/{run.id}").text
    assert "when it has ended" in pages.get(f"/runs/{run.id}/files").text
    done = run.finish(0)
    assert pages.get(f"/data/runs/{done.id}/live").json()["ended"]
    assert pages.get(piece["next"]).json() == {"text": "", "next": None}


def test_files_of_all_kinds(pages: Pages, run: Run):
    listed = Markup.of(pages.get(f"/runs/{run.id}/files").text)
    after = str(run.after_id)
    for name in ("out/slope.png", "out/table.csv", "out/large.bin", ODD):
        assert address("files", after, name) in listed.links
    assert address("raw", after, "out/slope.png") in listed.loads, "the picture is shown"

    def shown(name: str) -> Markup:
        return Markup.of(pages.get(address("files", after, name)).text)

    assert "table" in shown("out/table.csv").names
    assert "img" in shown("out/slope.png").names
    assert "alert(1)" in shown("out/evil.html").text
    assert not shown("out/evil.svg").names & {"svg", "img"}
    assert "neither text nor a picture" in shown("out/large.bin").text
    assert "odd \\xff" in shown(ODD).text
    folder = shown("out")
    assert "3.0 MiB" in folder.text
    assert address("files", after, "out/evil.svg") in folder.links


@pytest.mark.parametrize("name", ["out/evil.svg", "out/evil.html", "out/large.bin", ODD])
def test_bytes_leave_as_downloads_alone(pages: Pages, lab: Laboratory, run: Run, name: str):
    answer = pages.get(address("raw", str(run.after_id), name))
    assert answer.body == (lab.repo.path / name).read_bytes()
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith("attachment; ")
    assert "sandbox" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "path",
    [
        *("../../etc/passwd", "..%2f..%2fetc%2fpasswd", "%252e%252e/x", "/etc/passwd", "a%00b"),
        *("out/../train.py", ".git/config", "out/none", "train.py/x", "a/" * 700 + "b"),
    ],
)
def test_paths_do_not_climb(pages: Pages, run: Run, path: str):
    for noun in ("raw", "files"):
        pages.get(f"/{noun}/{run.after_id}/{path}", status=404)
    pages.get(f"/raw/{'0' * 40}/train.py", status=404)


def test_only_what_is_recorded_has_an_address(pages: Pages, lab: Laboratory):
    head = lab.repo.git("rev-parse", "HEAD").strip()
    pages.get(f"/files/{head}/train.py", status=404)
    pages.get("/files/HEAD/train.py", status=404)


def test_what_differs_what_it_ran_in_and_what_came_of_what(pages: Pages, run: Run):
    changes = pages.get(f"/runs/{run.id}/changes").text
    assert "out/table.csv" in changes
    assert f"git datmo snapshot diff {str(run.before_id)[:12]}" in changes
    assert "Platform" in pages.get(f"/runs/{run.id}/environment").text
    graph = Markup.of(pages.get(f"/runs/{run.id}/lineage").text)
    assert "svg" in graph.names
    assert f"/snapshots/{run.after_id}" in graph.links
    for name in (run.id, str(run.after_id), "weights:v0"):
        assert "svg" in Markup.of(pages.get(f"/lineage/{name}").text).names or name[0] == "w"
    pages.get("/lineage/none-such", status=404)
    pages.get("/runs/none-such", status=404)
