"""The shipped rules on payloads that were recorded from GitHub."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import pytest

from bench.github_server.package import webhook_examples
from contracts.intake.payload import read
from contracts.intake.starting import Arrival, NoRule, Start, decide
from contracts.intake.webhook import Source
from deployments.intake.rule_file import DEFAULT, read_rule_file

RULES = read_rule_file(DEFAULT)
Recorded = list[tuple[str, dict[str, Any]]]


@pytest.fixture(scope="module")
def recorded() -> Recorded:
    return webhook_examples()


def decided(event: str, payload: dict[str, Any]) -> list[Start] | NoRule:
    return decide(RULES, Arrival(Source.GITHUB, "d", event, payload))


def of(recorded: Recorded, event: str, action: str) -> list[dict[str, Any]]:
    found = [deepcopy(one) for name, one in recorded if name == event and one.get("action") == action]
    assert found, f"nothing is recorded of {event}.{action}"
    return [one for one in found if one["sender"]["type"] == "User"]


def test_nothing_that_was_recorded_starts_work_by_chance(recorded: Recorded) -> None:
    assert len(recorded) > 300
    for event, payload in recorded:
        found = decided(event, payload)
        if isinstance(found, NoRule):
            assert found.reason
            assert not found.broken
            continue
        (start,) = found
        assert (event, payload["check_suite"]["conclusion"]) == ("check_suite", "failure")
        assert start.item.base == payload["repository"]["default_branch"]


@pytest.mark.parametrize(("label", "deployment"), [("deliver", "build/on-demand"), ("deliver:bug", "bugfix/on-demand")])
def test_a_label_starts_its_pipeline(recorded: Recorded, label: str, deployment: str) -> None:
    for payload in of(recorded, "issues", "labeled"):
        payload["label"]["name"] = label
        payload["issue"]["state"] = "open"
        found = decided("issues", payload)
        assert isinstance(found, list), found
        (start,) = found
        assert start.deployment == deployment
        assert start.item.repository.name == payload["repository"]["full_name"]
        assert start.item.title == payload["issue"]["title"]
        assert start.item.key == f"issue-{payload['issue']['number']}"
        assert start.item.links == [payload["issue"]["html_url"]]


def test_a_comment_starts_work_when_its_author_belongs_to_the_repository(recorded: Recorded) -> None:
    for payload in of(recorded, "issue_comment", "created"):
        on_pull_request = "pull_request" in payload["issue"]
        payload["comment"]["body"] = "/deliver with care"
        payload["issue"]["state"] = "open"
        for association in ("OWNER", "MEMBER", "COLLABORATOR", "CONTRIBUTOR", "FIRST_TIMER", "NONE"):
            payload["comment"]["author_association"] = association
            found = decided("issue_comment", payload)
            belongs = association in ("OWNER", "MEMBER", "COLLABORATOR")
            assert isinstance(found, list) is (belongs and not on_pull_request)


def test_failed_checks_of_the_default_branch_start_a_fix(recorded: Recorded) -> None:
    for payload in of(recorded, "check_suite", "completed"):
        payload["check_suite"] |= {"conclusion": "failure", "head_branch": payload["repository"]["default_branch"]}
        found = decided("check_suite", payload)
        assert isinstance(found, list), found
        (start,) = found
        assert (start.deployment, start.limit, start.queues) == ("bugfix/on-demand", 1, False)
        assert payload["check_suite"]["head_sha"] in start.item.description


def test_every_recorded_payload_is_read(recorded: Recorded) -> None:
    for _, payload in recorded:
        assert read(json.dumps(payload).encode()) == payload
