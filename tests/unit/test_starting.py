from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from contracts.intake.starting import Arrival, NoRule, Start, decide
from contracts.intake.trigger import Rules, read_rules
from contracts.intake.webhook import Source

RULE_FILE = Path(__file__).parents[2] / "deployments/triggers.yaml"
RULES = read_rules(yaml.safe_load(RULE_FILE.read_text()))
REPOSITORY = {"full_name": "acme/shop", "default_branch": "main"}
ISSUE: dict[str, Any] = {
    "number": 42,
    "state": "open",
    "title": "Total is off by one",
    "body": "{{ config }} ${HOME} `id` {item.title} %s",
    "html_url": "https://forge.example/acme/shop/issues/42",
    "labels": [{"name": "deliver"}, {"name": "shop"}],
}
PERSON = {"login": "Ann", "type": "User"}


def labelled(label: str = "deliver", **fields: Any) -> dict[str, Any]:
    issue = {**ISSUE, **fields.pop("issue", {})}
    payload = {"action": "labeled", "label": {"name": label}, "issue": issue, "repository": REPOSITORY}
    return {**payload, "sender": PERSON, **fields}


def commented(body: str, association: str = "MEMBER", **issue: Any) -> dict[str, Any]:
    comment = {"id": 7, "body": body, "author_association": association, "html_url": "https://forge.example/c/7"}
    payload = {"action": "created", "comment": comment, "issue": {**ISSUE, **issue}, "repository": REPOSITORY}
    return {**payload, "sender": PERSON}


def checked(conclusion: str = "failure", branch: str | None = "main", sha: str = "abc") -> dict[str, Any]:
    suite = {"conclusion": conclusion, "head_branch": branch, "head_sha": sha, "head_commit": {"message": "Break it"}}
    bot = {"login": "github-actions[bot]", "type": "Bot"}
    return {"action": "completed", "check_suite": suite, "repository": REPOSITORY, "sender": bot}


def decided(event: str, payload: dict[str, Any], rules: Rules = RULES, name: str = "d-1") -> list[Start] | NoRule:
    return decide(rules, Arrival(Source.GITHUB, name, event, payload))


def started(event: str, payload: dict[str, Any]) -> list[str]:
    found = decided(event, payload)
    return [] if isinstance(found, NoRule) else [one.deployment for one in found]


def only(found: list[Start] | NoRule) -> Start:
    assert isinstance(found, list)
    (start,) = found
    return start


def reason(event: str, payload: dict[str, Any]) -> str:
    found = decided(event, payload)
    assert isinstance(found, NoRule)
    return found.reason


@pytest.mark.parametrize(
    ("event", "payload", "deployments"),
    [
        ("issues", labelled(), ["build/on-demand"]),
        ("issues", labelled("deliver:bug"), ["bugfix/on-demand"]),
        ("issues", labelled("Deliver"), []),
        ("issues", labelled("d\u0435liver"), []),
        ("issues", labelled("deliver\u200b"), []),
        ("issues", labelled(action="unlabeled"), []),
        ("issues", labelled(issue={"state": "closed"}), []),
        ("issues", labelled(issue={"pull_request": {"url": "x"}}), []),
        ("issues", labelled(sender={"login": "renovate[bot]", "type": "Bot"}), []),
        ("issues", labelled(sender={"login": "renovate[bot]", "type": "User"}), []),
        ("issues", labelled(sender={"login": "Prefect-Delivery[bot]", "type": "User"}), []),
        ("push", labelled(), []),
        ("issue_comment", commented("/deliver"), ["build/on-demand"]),
        ("issue_comment", commented("/deliver please, and soon"), ["build/on-demand"]),
        ("issue_comment", commented("/deliver bug"), ["bugfix/on-demand"]),
        ("issue_comment", commented("/deliver bugfix now"), ["bugfix/on-demand"]),
        ("issue_comment", commented("/deliver  \n bug"), ["bugfix/on-demand"]),
        ("issue_comment", commented("/deliver bugs are what it is about"), ["build/on-demand"]),
        ("issue_comment", commented("/deliver\r\n"), ["build/on-demand"]),
        ("issue_comment", commented("/delivery"), []),
        ("issue_comment", commented("please /deliver"), []),
        ("issue_comment", commented("> /deliver"), []),
        ("issue_comment", commented("/deliver", "OWNER"), ["build/on-demand"]),
        ("issue_comment", commented("/deliver", "COLLABORATOR"), ["build/on-demand"]),
        ("issue_comment", commented("/deliver", "CONTRIBUTOR"), []),
        ("issue_comment", commented("/deliver", "NONE"), []),
        ("issue_comment", commented("/deliver", "owner"), []),
        ("issue_comment", commented("/deliver", pull_request={"url": "x"}), []),
        ("check_suite", checked(), ["bugfix/on-demand"]),
        ("check_suite", checked("timed_out"), ["bugfix/on-demand"]),
        ("check_suite", checked("success"), []),
        ("check_suite", checked(branch="feature"), []),
        ("check_suite", checked(branch=None), []),
        ("ping", {"zen": "Design for failure."}, []),
    ],
)
def test_what_the_shipped_rules_start(event: str, payload: dict[str, Any], deployments: list[str]) -> None:
    assert started(event, payload) == deployments


def test_what_stands_in_a_payload_becomes_text_and_nothing_else() -> None:
    start = only(decided("issues", labelled()))
    assert start.item.title == ISSUE["title"]
    assert start.item.description == ISSUE["body"]
    assert (start.item.repository.name, start.item.base, start.item.key) == ("acme/shop", "main", "issue-42")
    assert start.item.labels == ["deliver", "shop"]
    assert start.item.links == [ISSUE["html_url"]]
    assert set(start.parameters) == {"item", "policy"}


def test_a_title_is_one_line_that_fits_and_a_missing_one_is_named() -> None:
    start = only(decided("issues", labelled(issue={"title": "a\u2028b\n c\x00" + 300 * "d"})))
    assert start.item.title.startswith("a b c" + 10 * "d")
    assert len(start.item.title) <= 200
    for title in ("", " \n", None, 5 * "\u200b", {"a": 1}):
        found = decided("issues", labelled(issue={"title": title}))
        assert isinstance(found, NoRule)
        assert found.broken
        assert found.reason.startswith("label-build: the title is empty; it stands at $.issue.title")


def test_a_repository_or_branch_that_is_no_name_starts_nothing() -> None:
    for repository in ({"full_name": "../../etc", "default_branch": "main"}, {"full_name": "a/b"}, {}, None, "x"):
        found = decided("issues", labelled(repository=repository))
        assert isinstance(found, NoRule)
        assert found.broken


def test_reasons_say_what_did_not_fit() -> None:
    assert reason("issues", labelled("bug")) == (
        "label-build: $.label.name is 'bug', not 'deliver'; label-bugfix: $.label.name is 'bug', not 'deliver:bug'"
    )
    assert reason("push", {}) == "no rule is about 'push' of github"
    assert "'Ann' may not start work here" in reason("issue_comment", commented("/deliver", "NONE"))
    own = labelled(sender={"login": "prefect-delivery[bot]", "type": "Bot"})
    assert reason("issues", own) == "it is about something that this installation did itself"
    assert "a program caused it" in reason("issues", labelled(sender={"login": "x[bot]", "type": "Bot"}))
    assert len(reason("issues", labelled(10_000 * "x"))) <= 1_000


def wished(person: dict[str, Any], **allowed: list[str]) -> list[Start] | NoRule:
    raw = yaml.safe_load(RULE_FILE.read_text())
    next(one for one in raw["rules"] if one["name"] == "slack-build")["authors"] |= allowed
    payload = {"event": "command", "person": person, "repository": "acme/shop", "title": "A change", "base": "main"}
    return decide(read_rules(raw), Arrival(Source.SLACK, "d", "deliver", {**payload, "description": ""}))


def test_nobody_starts_work_from_slack_until_the_rule_names_them() -> None:
    assert wished({"id": "U012AB3CD", "name": "ann"}) == NoRule(
        "slack-build: 'U012AB3CD' may not start work here; to let them, name 'U012AB3CD' under authors of the rule"
    )
    assert only(wished({"id": "U012AB3CD", "name": "ann"}, allow=["U012AB3CD"])).deployment == "build/on-demand"
    for person in ({"id": "U034", "name": "U012AB3CD"}, {"id": ["U012AB3CD"]}, {}, {"id": ""}, {"id": "U012AB3CD "}):
        assert isinstance(wished(person, allow=["U012AB3CD"]), NoRule)
    assert "nobody is named at $.person.id" in str(wished({}))


def keys(event: str, *payloads: dict[str, Any]) -> set[str]:
    found = [decided(event, payload, name=f"d-{number}") for number, payload in enumerate(payloads)]
    return {start.key for starts in found if not isinstance(starts, NoRule) for start in starts}


def test_deliveries_that_ask_for_the_same_have_one_key() -> None:
    assert len(keys("issues", labelled(), labelled())) == 2, "each time that the label is set"
    assert len(keys("issue_comment", commented("/deliver"), commented("/deliver  "))) == 1
    assert len(keys("check_suite", checked(), checked())) == 1
    assert len(keys("check_suite", checked(), checked(sha="def"))) == 2
    assert all(key.startswith("bugfix/on-demand failed-checks ") for key in keys("check_suite", checked()))


RULE: dict[str, Any] = {
    "name": "rule",
    "source": "generic",
    "event": "task.created",
    "item": {"repository": {"forge": "local-forge/main", "name": "shop"}, "title": "$.title", "base": "main"},
    "deployment": "simple/on-demand",
}


def generic(payload: dict[str, Any], **fields: Any) -> list[Start] | NoRule:
    rules = read_rules({"rules": [{**RULE, **fields}]})
    return decide(rules, Arrival(Source.GENERIC, "d", "", {"type": "task.created", "title": "x", **payload}))


@pytest.mark.parametrize(
    ("condition", "payload", "fits"),
    [
        ({"equals": 1}, {"a": 1}, True),
        ({"equals": 1}, {"a": True}, False),
        ({"equals": True}, {"a": 1}, False),
        ({"equals": "1"}, {"a": 1}, False),
        ({"equals": "1"}, {}, False),
        ({"in": ["x", "y"]}, {"a": "y"}, True),
        ({"in": ["x", "y"]}, {"a": ["y"]}, False),
        ({"matches": "x+$"}, {"a": "xx"}, True),
        ({"matches": "x+$"}, {"a": "yx"}, False),
        ({"matches": "1"}, {"a": 1}, False),
        ({"exists": True}, {"a": 0}, True),
        ({"exists": True}, {"a": None}, False),
        ({"exists": False}, {"a": None}, True),
        ({"exists": False}, {"a": ""}, False),
        ({"same": "$.b"}, {"a": "x", "b": "x"}, True),
        ({"same": "$.b"}, {"a": None, "b": None}, False),
        ({"same": "$.b"}, {}, False),
    ],
)
def test_conditions(condition: dict[str, Any], payload: dict[str, Any], fits: bool) -> None:
    found = generic(payload, when=[{"path": "$.a", **condition}])
    assert isinstance(found, list) is fits


def test_labels_and_names() -> None:
    wanted: dict[str, Any] = {"labels": {"path": "$.labels[*]", "any": ["a", "b"], "none": ["stop"]}}
    assert isinstance(generic({"labels": ["b", "c"]}, **wanted), list)
    assert generic({"labels": ["c"]}, **wanted) == NoRule("rule: it has no label 'a' or 'b'")
    assert generic({"labels": ["a", "stop"]}, **wanted) == NoRule("rule: it has the label 'stop'")
    allowed: dict[str, Any] = {"authors": {"allow": ["Ann", "kim"]}}
    assert isinstance(generic({"sender": {"login": "ANN"}}, **allowed), list)
    for other in ("bob", "\u212aim", "", None):
        assert isinstance(generic({"sender": {"login": other}}, **allowed), NoRule)


def test_a_limit_is_shared_by_a_repository_or_by_the_rule() -> None:
    for per, scope in (("repository", "rule local-forge/main:shop"), ("rule", "rule")):
        start = only(generic({}, concurrency={"limit": 3, "per": per, "when_full": "refuse"}))
        assert (start.scope, start.limit, start.queues) == (scope, 3, False)
    start = only(generic({}))
    assert (start.scope, start.limit, start.queues) == ("", None, False)


def test_what_tells_deliveries_apart_must_be_there() -> None:
    found = generic({}, dedupe=["$.title", "$.id"])
    assert found == NoRule("rule: nothing stands at $.id, which tells deliveries apart", broken=True)


def test_two_rules_that_ask_for_the_same_work_start_it_once() -> None:
    other = {**RULE, "name": "other"}
    third = {**RULE, "name": "third", "deployment": "bugfix/on-demand"}
    rules = read_rules({"rules": [RULE, other, third]})
    found = decide(rules, Arrival(Source.GENERIC, "d", "task.created", {"title": "x"}))
    assert isinstance(found, list)
    assert [one.rule for one in found] == ["rule", "third"]
