"""The pages people read: their links lead somewhere, and their commands do what they say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.page import assert_it_does_what_it_says

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCED = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(\s*([^)\s]+)\s*\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
EXAMPLES = ROOT / "docs" / "examples"  # They run among their files: see test_examples.
RUNNING = [
    page
    for page in PAGES
    if "<!-- run -->" in page.read_text() and not page.is_relative_to(EXAMPLES)
]

over_pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def anchors(page: Path) -> set[str]:
    """The names of a page's headings, as they are linked to."""
    titles = HEADING.findall(FENCED.sub("", page.read_text()))
    return {re.sub(r"[^\w\- ]", "", title).lower().replace(" ", "-") for title in titles}


@over_pages
def test_links_lead_somewhere(page: Path):
    broken = []
    for link in LINK.findall(FENCED.sub("", page.read_text())):
        if link.startswith(("https://", "http://")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


@over_pages
def test_every_page_can_be_reached_from_the_index(page: Path):
    if page.parent == ROOT or page == ROOT / "docs" / "README.md":
        return
    seen: set[Path] = set()
    ahead = [ROOT / "docs" / "README.md"]
    while ahead:
        current = ahead.pop()
        if current in seen or not current.exists() or current.suffix != ".md":
            continue
        seen.add(current)
        links = LINK.findall(FENCED.sub("", current.read_text()))
        ahead += [(current.parent / link.partition("#")[0]).resolve() for link in links]
    assert page in seen


@pytest.mark.parametrize("page", RUNNING, ids=lambda page: str(page.relative_to(ROOT)))
def test_its_commands_run_and_print_what_it_says(page: Path, tmp_path: Path):
    assert_it_does_what_it_says(page, tmp_path)


@over_pages
def test_it_names_no_machine_and_no_registry(page: Path):
    text = page.read_text()
    found = re.findall(r"/(?:home|Users|root|tmp|work|var|opt)/\w+|pypi\.org|docker\.io", text)
    assert found == []
