"""Figures as one HTML file that opens anywhere and fetches nothing: Plotly's script lies inside."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from html import escape
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import orjson

from git_datmo.errors import ExtraMissing

STYLE = """\
:root { color-scheme: light dark; --ink: #1c2024; --faint: #60646c; --line: #d9dce1;
  --ground: #fff; --raised: #f6f7f9; font: 15px/1.45 system-ui, sans-serif; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8eaed; --faint: #a0a6af; --line: #3a3f47;
  --ground: #15181c; --raised: #1e2227; } }
@media print { :root { --ink: #000; --faint: #444; --line: #bbb; --ground: #fff; --raised: #fff; } }
body { margin: 0 auto; max-width: 80rem; padding: 1rem; color: var(--ink);
  background: var(--ground); }
h1 { font-size: 1.35rem; overflow-wrap: anywhere; }
h2 { font-size: 1.05rem; overflow-wrap: anywhere; }
.plot { min-height: 18rem; border: 1px solid var(--line); border-radius: 6px;
  break-inside: avoid; }
.note { color: var(--faint); margin: .3rem 0 1rem; overflow-wrap: anywhere; }
"""
SCRIPT = """\
"use strict";
const figures = JSON.parse(document.getElementById("figures").textContent);
const night = matchMedia("(prefers-color-scheme: dark)");
function over(base, more) {
  const made = { ...base };
  for (const [key, value] of Object.entries(more)) {
    const both = value && made[key] && typeof value === "object" && !Array.isArray(value);
    made[key] = both ? over(made[key], value) : value;
  }
  return made;
}
function draw(dark) {
  const lines = { gridcolor: dark ? "#3a3f47" : "#e3e5e9" };
  const looks = { paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: { color: dark ? "#e8eaed" : "#1c2024", family: "system-ui, sans-serif", size: 12 },
    xaxis: lines, yaxis: lines };
  for (const place of document.querySelectorAll("[data-figure]")) {
    const figure = figures[place.dataset.figure];
    Plotly.react(place, figure.data, over(looks, figure.layout),
      { responsive: true, displaylogo: false, showSendToCloud: false, plotlyServerURL: "" });
  }
}
draw(night.matches);
night.addEventListener("change", () => draw(night.matches));
addEventListener("beforeprint", () => draw(false));
addEventListener("afterprint", () => draw(night.matches));
"""


def plotly() -> Path:
    """Plotly's script, as its package carries it; the package itself is slow to import.

    Raises ExtraMissing.
    """
    ExtraMissing.unless("plotly", purpose="a page of curves")
    found = find_spec("plotly")
    assert found is not None
    [folder] = found.submodule_search_locations or [""]
    return Path(folder) / "package_data" / "plotly.min.js"


def place(name: str, figure: Mapping[str, Any]) -> str:
    """The markup of the place where the figure of that name will stand, with its note."""
    note = f'<p class="note">{escape(figure["note"])}</p>' if figure.get("note") else ""
    return f'<div class="plot" data-figure="{escape(name)}"></div>{note}'


def document(
    *, title: str, body: str, figures: Mapping[str, Mapping[str, Any]], style: str = STYLE
) -> str:
    """A whole page. `body` is markup, and has a `place` for each of the figures; without any,
    no script comes along.

    The page may run its own scripts alone, known by their digests, and reach nothing at all.
    Raises ExtraMissing.
    """
    scripts = [_harmless(plotly().read_text(encoding="utf-8")), SCRIPT] if figures else []
    allowed = " ".join(f"'sha256-{_digest(script)}'" for script in scripts) or "'none'"
    policy = (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )
    data = orjson.dumps(dict(figures)).decode().replace("<", "\\u003c")
    parts = [
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{escape(policy)}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(title)}</title>\n<style>\n{style}</style>\n</head>\n<body>",
        body,
    ]
    if scripts:
        parts.append(f'<script type="application/json" id="figures">{data}</script>')
        parts += [f"<script>{script}</script>" for script in scripts]
    parts.append("</body>\n</html>\n")
    return "\n".join(parts)


def _harmless(script: str) -> str:
    """A script that cannot end its element early; the same to JavaScript."""
    return script.replace("\r\n", "\n").replace("</script", "<\\/script").replace("<!--", "<\\!--")


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
