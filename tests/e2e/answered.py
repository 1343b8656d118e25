"""A run of the pipeline `build` and the person who answers for it in a browser."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from playwright.sync_api import Page, expect
from prefect.client.orchestration import get_client

from blocks.ledger import Ledger
from blocks.ledger.people import Decision
from contracts.delivery import Delivery
from tests.e2e.browser import GateForm, picture
from tests.flows.people import Form, People
from tests.flows.shop import Shop

PATIENCE = 150.0


@dataclass
class Run:
    """A run of `build`, and the person at the browser who answers for it."""

    shop: Shop
    page: Page
    ui: str
    people: People
    id: str

    def gate(self, name: str) -> tuple[GateForm, Form]:
        """Wait until the run shows the form of a gate, and open it."""
        shown = self.people.form(PATIENCE)
        assert shown.choices[0].endswith(f" · {name}"), shown.choices
        form = GateForm.of(self.page, self.ui, self.id)
        assert form.clipped() == []
        expect(form.question).to_contain_text(self.shop.item().title)
        return form, shown

    def state(self) -> Any:
        with get_client(sync_client=True) as client:
            return client.read_flow_run(UUID(self.id)).state

    def decisions(self) -> list[Decision]:
        return Ledger().decisions(self.id)

    def told(self) -> list[tuple[str, str, str, str]]:
        """Every decision in the ledger: gate, standing, choice, who."""
        rows = self.decisions()
        assert not any(one.proven for one in rows)
        assert {one.channel for one in rows} <= {"prefect"}
        return [(one.gate.partition("/")[2], one.standing, one.choice, one.who) for one in rows]

    def ended(self) -> Delivery:
        until(lambda: self.state().is_final(), f"the end of {self.id}")
        return self.shop.ending(self.id)


def until(look: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not look():
        if time.monotonic() > deadline:
            pytest.fail(f"{what} did not come within {PATIENCE:.0f} seconds")
        time.sleep(0.2)


def refused(run: Run, form: GateForm, name: str) -> None:
    """Sending an empty form says what is missing, and the run waits on without an answer."""
    before, known = run.state(), len(run.decisions())
    form.submit()
    expect(form.body.get_by_text("'decision' is a required property")).to_be_visible()
    expect(form.body.get_by_text("'your_name' is a required property")).to_be_visible()
    picture(run.page, f"{name}-invalid")
    assert (run.state().id, run.state().type) == (before.id, before.type)
    assert run.state().is_paused()
    assert len(run.decisions()) == known


def read_page(run: Run, form: GateForm, name: str, *parts: str) -> None:
    """The link leads to the gate's page, which says the same and more."""
    with run.page.expect_popup() as popup:
        form.body.get_by_role("link", name="Read it all on one page").click()
    page = popup.value
    expect(page.get_by_role("link", name="Decide on the run's page")).to_have_attribute(
        "href", f"{run.ui}/runs/flow-run/{run.id}"
    )
    for part in parts:
        expect(page.get_by_text(part).first).to_be_visible()
    picture(page, f"{name}-page")
    page.close()


def processes(run: str) -> list[str]:
    """Processes that work for a run, by the name of the run in their environment."""
    found: list[str] = []
    for file in Path("/proc").glob("[0-9]*/environ"):
        try:
            held = f"PREFECT__FLOW_RUN_ID={run}".encode() in file.read_bytes().split(b"\0")
        except OSError:
            continue
        found += [file.parent.name] if held else []
    return found
