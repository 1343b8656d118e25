"""Debian's Chromium, headless, and the form by which a person answers at a gate, driven as a person drives it."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect, sync_playwright

FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
WITHOUT_GRAPH = ["--disable-software-rasterizer"]
"""Without pictures no graph of a run is drawn: without a graphics card that takes ten times as long as a page."""
PATIENCE = 60_000
"""Milliseconds that a page may take on a busy machine."""
TRIES = 10
"""How often a person presses the button of a form that a busy server does not take."""
CLIPPED = """
form => [...form.querySelectorAll('.markdown-renderer, .p-label__header, .schema-form-property__label, textarea')]
    .filter(one => one.scrollHeight > one.clientHeight + 2)
    .map(one => `${one.className}: ${one.clientHeight} of ${one.scrollHeight} pixels`)
"""
"""Parts of the form that show less than they hold."""


@contextmanager
def opened(width: int = 1280, height: int = 900) -> Generator[Page]:
    """Open a window of a size in pixels; it is closed behind the block."""
    program = shutil.which("chromium")
    if program is None:
        pytest.fail("chromium is not on PATH; install the package 'chromium', this test needs a real browser")
    flags = FLAGS if _pictures() else [*FLAGS, *WITHOUT_GRAPH]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=flags)
        page = browser.new_page(viewport={"width": width, "height": height})
        page.set_default_timeout(PATIENCE)
        expect.set_options(timeout=PATIENCE)
        yield page
        browser.close()


def picture(page: Page, name: str) -> None:
    """Keep a screenshot where somebody asked for it, to be looked at."""
    if folder := _pictures():
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True, animations="disabled")


def _pictures() -> str:
    return os.environ.get("DELIVERY_PICTURES", "")


@dataclass
class GateForm:
    """The form of a waiting run in the Prefect UI, opened by the button Resume."""

    page: Page

    @classmethod
    def of(cls, page: Page, ui: str, run: str) -> GateForm:
        """Open the form on the run's page."""
        page.goto(f"{ui}/runs/flow-run/{run}")
        page.get_by_role("button", name="Resume").first.click()
        form = cls(page)
        expect(form.fields).to_have_count(3)
        return form

    @property
    def body(self) -> Locator:
        return self.page.get_by_role("dialog")

    @property
    def fields(self) -> Locator:
        return self.body.locator(".schema-form-property")

    @property
    def question(self) -> Locator:
        """What is asked and all that stands below it, above the choices."""
        return self.fields.first.locator(".p-label__header")

    @property
    def words(self) -> Locator:
        """The box for a comment or for answers."""
        return self.fields.filter(has_text=re.compile("Comment|Answers")).last.locator("textarea")

    def clipped(self) -> list[str]:
        """Return what a person cannot read because it is cut off."""
        return self.body.evaluate(CLIPPED)

    def choices(self) -> list[str]:
        """Return what may be chosen, as the open list shows it; the list stays open."""
        self.fields.first.locator(".p-select-button__icon").click()
        options = self.page.locator(".p-select-option")
        expect(options.first).to_be_visible()
        return [one.strip() for one in options.all_inner_texts()]

    def choose(self, choice: str) -> None:
        """Choose by the words before the gate's name."""
        label = next(one for one in self.choices() if one.startswith(f"{choice} · "))
        self.page.locator(".p-select-option").filter(has_text=label).click()
        expect(self.fields.first.locator(".p-select-button__value")).to_have_text(label)

    def sign(self, name: str) -> None:
        """Fill the name in."""
        self.fields.filter(has_text="Your name").locator("textarea").fill(name)

    def submit(self) -> None:
        """Press the button."""
        self.body.get_by_role("button", name="Submit").click()

    def send(self, choice: str, words: str | None = None, name: str = "Ada") -> None:
        """Fill everything in, send it and see that it is taken; without words what is prefilled stays."""
        self.choose(choice)
        self.sign(name)
        if words is not None:
            self.words.fill(words)
        self._sent()
        expect(self.body).to_have_count(0)

    def _sent(self) -> None:
        """Press the button until the server takes the form; a busy one fails, says so, and has kept nothing."""
        said: list[str] = []
        while len(said) < TRIES:
            with self.page.expect_response(re.compile("/resume$")) as sent:
                self.submit()
            if sent.value.ok and sent.value.json()["status"] == "ACCEPT":
                return
            said.append(sent.value.text())
            assert sent.value.status >= 500, said
        pytest.fail(f"the form was not taken: {said}")
