from __future__ import annotations

from typing import Any

import pytest

from contracts.errors import Misconfigured
from contracts.intake.trigger import read_rules

RULE: dict[str, Any] = {
    "name": "label",
    "source": "github",
    "event": "issues.labeled",
    "when": [{"path": "$.label.name", "equals": "deliver"}],
    "item": {"repository": {"forge": "github-forge/main"}, "title": "$.issue.title"},
    "deployment": "build/on-demand",
}

WRONG: list[tuple[dict[str, Any], str]] = [
    ({"name": "Big Name"}, "rules[0].name: String should match"),
    ({"source": "gitea"}, "rules[0].source: Input should be 'github', "),
    ({"event": ""}, "rules[0].event: String should have at least 1 character"),
    ({"whenn": []}, "rules[0].whenn: there is no such field; correct its name or remove it"),
    ({"when": [{"path": "label", "equals": 1}]}, "rules[0].when[0].path: 'label' is not a path; write one like"),
    ({"when": [{"path": "$.a"}]}, "rules[0].when[0]: has none; give exactly one of equals, in"),
    ({"when": [{"path": "$.a", "equals": None}]}, "rules[0].when[0]: has none; give exactly one"),
    ({"when": [{"path": "$.a", "equals": 1, "exists": True}]}, "rules[0].when[0]: has equals and exists"),
    ({"when": [{"path": "$.a", "matches": "("}]}, "rules[0].when[0].matches: '(' is not a regular expression"),
    ({"when": [{"path": "$.a", "in": []}]}, "rules[0].when[0].in: List should have at least 1 item"),
    ({"deployment": "build"}, "rules[0].deployment: 'build' is not a deployment; write flow/deployment"),
    ({"policy": "main"}, "rules[0].policy: 'main' is not a block reference; write type/name"),
    ({"item": {"title": "x"}}, "rules[0].item.repository: is missing"),
    ({"item": {**RULE["item"], "title": ["On ", "$.a b"]}}, "rules[0].item.title[1]: '$.a b' is not a path"),
    ({"item": {**RULE["item"], "kind": "epic"}}, "rules[0].item.kind: Input should be 'feature'"),
    ({"dedupe": ["issue"]}, "rules[0].dedupe[0]: 'issue' is not a path"),
    ({"concurrency": {"limit": 0}}, "rules[0].concurrency.limit: Input should be greater than or equal to 1"),
    ({"authors": {"permission": ["ADMIN"]}}, "rules[0].authors.permission[0]: Input should be 'OWNER'"),
]


def errors(raw: Any) -> list[str]:
    with pytest.raises(Misconfigured) as caught:
        read_rules(raw)
    assert f"{len(caught.value.detail.splitlines())} errors" in caught.value.message
    return caught.value.detail.splitlines()


def test_a_rule_is_read_with_its_defaults() -> None:
    (rule,) = read_rules({"rules": [RULE]}).rules
    assert (rule.policy, rule.bots, rule.concurrency, rule.dedupe) == ("delivery-policy/main", False, None, [])
    assert rule.item.repository.name == "$.repository.full_name"
    assert rule.item.title == ["$.issue.title"]


@pytest.mark.parametrize(("change", "said"), WRONG)
def test_each_error_is_named_with_its_path_in_the_file(change: dict[str, Any], said: str) -> None:
    (found,) = errors({"rules": [{**RULE, **change}]})
    assert found.startswith(said)


def test_every_error_is_named_at_once() -> None:
    broken = {**RULE, "when": [{"path": "a"}], "deployment": "x", "more": 1}
    assert [one.partition(": ")[0] for one in errors({"rules": [broken, RULE, {}], "own": []})] == [
        "own",
        "rules[0].deployment",
        "rules[0].more",
        "rules[0].name",
        "rules[0].when[0].path",
        "rules[0].when[0]",
        "rules[1].name",
        "rules[2].deployment",
        "rules[2].event",
        "rules[2].item",
        "rules[2].name",
        "rules[2].source",
    ]


@pytest.mark.parametrize("raw", [None, [], "text", {}, {"rules": []}, {"rules": {}}, {"rules": [None, 1]}])
def test_anything_else_is_an_error_too(raw: Any) -> None:
    assert errors(raw)
