"""Chromium, driven by Playwright: pages as people see them, and whatever they do besides.

CI must have both; elsewhere tests are skipped.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pytest

from tests.kit.absence import absent
from tests.kit.pages import Pages

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page, Request

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "chrome")
# Without a sandbox of its own: tests of CI run as root, and see no page but ours.
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
WIDE = {"width": 1280, "height": 800}
NARROW = {"width": 390, "height": 844}
# What a script that should not run is to call; every payload of the tests does.
CALLED = "pwned"


def installed() -> str:
    """Where Chromium or its kin is; empty when it is nowhere."""
    return next(filter(None, map(shutil.which, PROGRAMS)), "")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A browser for the tests of one file: while it lives, its thread can run no other loop."""
    program = installed()
    if not program:
        absent(f"no Chromium is installed (one of {', '.join(PROGRAMS)})")
    if find_spec("playwright") is None:
        absent("the package playwright is not installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


class Visitor:
    """One person at a browser who came in by the link; everything wrong is written down."""

    def __init__(self, browser: Browser, pages: Pages, **how: Any) -> None:
        self.pages = pages
        self.wrong: list[str] = []
        self.asked: list[str] = []
        self.context: BrowserContext = browser.new_context(**{"viewport": WIDE, **how})
        self.scripted = bool(how.get("java_script_enabled", True))
        self.context.set_default_timeout(20_000)
        self.context.on("request", self._note)
        self.context.on("dialog", lambda dialog: self._dialog(dialog))
        self.context.on("weberror", lambda error: self.wrong.append(f"error: {error.error}"))
        if self.scripted:
            self.context.expose_function(CALLED, lambda *said: self.wrong.append(f"ran: {said}"))
        self.page = self.open()

    def open(self) -> Page:
        """Another window of the same person."""
        page = self.context.new_page()
        page.on("console", lambda said: self._console(said.type, said.text))
        return page

    def enter(self) -> None:
        """Follow the link that was printed."""
        self.page.goto(self.pages.link)
        self.page.wait_for_url(self.pages.url("/"))

    def adopt(self, cookie: str) -> None:
        """Have the cookie of somebody who came in."""
        name, _, value = cookie.partition("=")
        self.context.add_cookies([{"name": name, "value": value, "url": self.pages.url("/")}])

    def go(self, path: str, *, status: int = 200) -> Page:
        """Go to an address of the server, and wait until nothing is drawn any more."""
        answer = self.page.goto(self.pages.url(path))
        assert answer is not None, path
        assert answer.status == status, f"{path}: {answer.status}"
        self.settle()
        return self.page

    def settle(self) -> None:
        """Wait until every figure of the page is drawn, or says why it is not."""
        if not self.scripted:
            return
        self.page.wait_for_function(
            "() => [...document.querySelectorAll('.plot[data-figure]')].every("
            "place => place.classList.contains('js-plotly-plot') || place.textContent.trim())"
        )

    def close(self) -> None:
        """Leave; fails the test for anything that went wrong."""
        self.context.close()
        strange = sorted({url for url in self.asked if not self._own(url)})
        assert strange == [], "requests that left the machine, or the server"
        assert self.wrong == []

    def __enter__(self) -> Visitor:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self.close()
        else:
            self.context.close()

    def _own(self, url: str) -> bool:
        return url.startswith((self.pages.url("/"), "data:", "blob:"))

    def _note(self, request: Request) -> None:
        self.asked.append(request.url)

    def _dialog(self, dialog: Any) -> None:
        self.wrong.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _console(self, kind: str, text: str) -> None:
        # A page that is not there is said by its status, which is looked at where it is asked for.
        if kind in ("error", "warning") and "the server responded with a status" not in text:
            self.wrong.append(f"{kind}: {text}")
