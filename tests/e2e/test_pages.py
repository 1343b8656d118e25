"""What a person sees in the Prefect UI, in a real headless Chromium."""

from __future__ import annotations

import os
import shutil
from collections.abc import Generator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from deployments.server import Server
from flows.simple import simple
from tests.flows.shop import Shop

FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]


@pytest.fixture
def page() -> Generator[Page]:
    program = shutil.which("chromium")
    if program is None:
        pytest.fail("chromium is not on PATH; install the package 'chromium', this test needs a real browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        page = browser.new_page(viewport={"width": 1440, "height": 1000})
        page.set_default_timeout(30_000)
        yield page
        browser.close()


def test_the_page_of_a_run_says_how_it_ended_and_holds_the_report(server: Server, shop: Shop, page: Page):
    delivery = shop.run(simple)
    page.goto(f"{server.ui}/runs/flow-run/{delivery.run}")
    expect(page.get_by_text("Merged", exact=True).first).to_be_visible()
    expect(page.get_by_text("Total is off by one").first).to_be_visible()
    expect(page.get_by_text("reviewer 1").first).to_be_visible()
    _picture(page, "run")
    page.get_by_role("tab", name="Artifacts").or_(page.get_by_text("Artifacts", exact=True)).last.click()
    page.get_by_text(f"delivery-{delivery.run[:8]}-report-1-merged").first.click()
    expect(page.get_by_role("heading", name="Merged: Total is off by one")).to_be_visible()
    expect(page.get_by_role("heading", name="Timeline")).to_be_visible()
    expect(page.get_by_text("Nothing: the base holds the change.")).to_be_visible()
    _picture(page, "report")


def _picture(page: Page, name: str) -> None:
    """Keep a screenshot where somebody asked for it, to be looked at."""
    folder = os.environ.get("DELIVERY_PICTURES")
    if folder:
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)
