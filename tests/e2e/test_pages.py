"""What a person sees in the Prefect UI, in a real headless Chromium."""

from __future__ import annotations

from collections.abc import Generator

import pytest
from playwright.sync_api import Page, expect

from contracts.journal import short
from deployments.server import Server
from flows.simple import simple
from tests.e2e.browser import opened, picture
from tests.flows.shop import Shop


@pytest.fixture
def page() -> Generator[Page]:
    with opened(1440, 1000) as page:
        yield page


def test_the_page_of_a_run_says_how_it_ended_and_holds_the_report(server: Server, shop: Shop, page: Page):
    delivery = shop.run(simple)
    page.goto(f"{server.ui}/runs/flow-run/{delivery.run}")
    expect(page.get_by_text("Merged", exact=True).first).to_be_visible()
    expect(page.get_by_text("Total is off by one").first).to_be_visible()
    expect(page.get_by_text("reviewer 1").first).to_be_visible()
    picture(page, "run")
    page.get_by_role("tab", name="Artifacts").or_(page.get_by_text("Artifacts", exact=True)).last.click()
    page.get_by_text(f"delivery-{short(delivery.run)}-report-1-merged").first.click()
    expect(page.get_by_role("heading", name="Merged: Total is off by one")).to_be_visible()
    expect(page.get_by_role("heading", name="Timeline")).to_be_visible()
    expect(page.get_by_text("Nothing: the base holds the change.")).to_be_visible()
    picture(page, "report")
