"""Lineage as a drawing."""

from __future__ import annotations

from itertools import pairwise

from git_datmo.model.lineage import Edge, Lineage, Node
from git_datmo.ui.graph import HEIGHT, WIDTH, draw, neighbours

NODES = (
    Node("r" * 32, "run", "python train.py", status="failed", created=1),
    Node("s" * 40, "snapshot", "before", created=1),
    Node("t" * 40, "snapshot", "after", label="best", created=1),
    Node("a" * 40, "artifact", "default/weights:v0", created=1),
    Node("model:far", "model", "far", here=False),
    Node("q" * 32, "run", "python train.py\x1b[31m " + "x" * 90, created=1),
)
EDGES = (
    Edge("s" * 40, "r" * 32, "before"),
    Edge("model:far", "r" * 32, "used"),
    Edge("r" * 32, "t" * 40, "after"),
    Edge("r" * 32, "a" * 40, "generated"),
    Edge("a" * 40, "q" * 32, "used"),
    Edge("r" * 32, "q" * 32, "rerun"),
)


def test_sources_lie_left_and_boxes_do_not_overlap():
    found = Lineage("r" * 32, NODES, EDGES, cut=("q" * 32,))
    drawing = draw(found)
    at = {box.node.id: box for box in drawing.boxes}
    assert len(at) == len(NODES)
    assert len(drawing.arrows) == len(EDGES)
    assert at["s" * 40].x == at["model:far"].x < at["r" * 32].x < at["t" * 40].x
    for one in drawing.boxes:
        assert 0 <= one.x <= drawing.width - WIDTH
        assert 0 <= one.y <= drawing.height - HEIGHT
        for other in drawing.boxes:
            assert one is other or one.x != other.x or abs(one.y - other.y) > HEIGHT
    assert at["t" * 40].title == "best"
    assert at["r" * 32].about.endswith("failed")
    assert at["model:far"].about == "model not here"
    assert at["q" * 32].more
    assert "\x1b" not in at["q" * 32].title
    assert len(at["q" * 32].title) <= 26


def test_what_is_near_is_said_in_words():
    found = Lineage("r" * 32, NODES, EDGES)
    assert [(side, how) for side, how, _ in neighbours(found)] == [
        ("in", "from"),
        ("in", "input"),
        ("out", "left"),
        ("out", "made"),
        ("out", "repeated by"),
    ]


def test_a_run_that_changed_nothing_and_a_long_chain():
    chain = [Node(f"{n:040x}", "artifact", created=n) for n in range(3000)]
    edges = [Edge(a.id, b.id, "version") for a, b in pairwise(chain)]
    drawing = draw(Lineage(chain[1500].id, tuple(chain), tuple(edges)))
    assert [box.node for box in sorted(drawing.boxes, key=lambda box: box.x)] == chain
    circle = (Edge("s" * 40, "r" * 32, "before"), Edge("r" * 32, "s" * 40, "after"))
    drawing = draw(Lineage("r" * 32, NODES[:2], circle))
    at = {box.node.id: box for box in drawing.boxes}
    assert at["r" * 32].x != at["s" * 40].x
    assert len(drawing.arrows) == 2


def test_alone():
    drawing = draw(Lineage("r" * 32, NODES[:1], ()))
    assert len(drawing.boxes) == 1
    assert drawing.width > WIDTH
