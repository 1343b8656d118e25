"""Work that people ask for in Slack becomes a run, by the rules of triggers."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from bench.slack_server import SlackServer
from blocks.ledger import Ledger
from flows.simple import simple
from tasks._finding import find_run
from tests.flows.lost import deployment, go_on, read
from tests.flows.shop import Shop
from tests.flows.slack_room import ADA, EVE, Room


@pytest.fixture
def room(shop: Shop) -> Generator[Room]:
    with SlackServer() as server:
        yield Room(server, shop.name)


def test_work_that_is_asked_for_in_slack_starts_a_run(shop: Shop, room: Room, tmp_path: Path) -> None:
    deployment(simple)
    rules = tmp_path / "triggers.yaml"
    rules.write_text(
        f"""
rules:
  - name: slack-simple
    source: slack
    event: deliver
    authors: {{login: $.person.id, allow: [{ADA}]}}
    item:
      repository: {{forge: local-forge/main, name: $.repository}}
      title: $.title
      description: [$.description, " Asked for by ", $.person.id]
      base: $.base
    deployment: simple/lost-delivery
    policy: delivery-policy/{shop.name}
"""
    )
    title = f"Add {shop.name}"
    with room.connected(rules):
        answer = room.ada.command("/deliver", f"{title}\nbefore the tax")
        assert answer is not None
        assert answer["text"].replace("\u2060", "") == f"Kept: {title} on {shop.name}."
        run = room.told(ADA, "Started: run ")["text"].partition("run ")[2].partition(".")[0]
        assert room.eve.command("/deliver", "Something of my own") is not None
        refused = room.told(EVE, "Nothing was started")["text"].replace("\u2060", "")
    assert f"'{EVE}' may not start work here; to let them, name '{EVE}' under authors of the rule" in refused
    flow_run = read(find_run(run))
    item = flow_run.parameters["item"]
    assert (item["title"], item["description"]) == (title, f"before the tax Asked for by {ADA}")
    assert item["repository"] == {"forge": "local-forge/main", "name": shop.name}
    assert go_on(str(flow_run.id)) == "Merged"


def test_nobody_starts_work_by_the_shipped_rules_until_they_are_named(room: Room) -> None:
    with room.connected():
        assert room.ada.command("/deliver", "Something that anybody may want") is not None
        refused = room.told(ADA, "Nothing was started")["text"].replace("\u2060", "")
    assert f"slack-build: '{ADA}' may not start work here; to let them, name '{ADA}' under authors" in refused
    (row,) = [one for one in Ledger().deliveries(1_000, "no rule") if ADA in one.reason]
    assert row.runs == ""
