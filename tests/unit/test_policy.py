from typing import Any

import pytest
from pydantic import ValidationError

from contracts.agent import Limits
from contracts.change import Diff, FileChange, protected
from contracts.failure import FailureKind
from contracts.merger import MergePolicy
from contracts.policy import Policy, SuitePolicy

DEFAULTS: dict[str, object] = {
    "threshold": 0.8,
    "reworks": 3,
    "fixes": 3,
    "ci_fixes": 3,
    "conflict_fixes": 3,
    "tolerated": "none",
    "settle_seconds": 60,
    "required_checks": [],
    "running": 0,
    "running_by_pipeline": {},
    "when_full": "refuse",
    "limits": Limits(wall_seconds=1_800, quiet_seconds=600),
    "inline_limits": Limits(wall_seconds=300, quiet_seconds=600),
    "merge": MergePolicy(auto_merge=True),
}


@pytest.mark.parametrize(("name", "value"), DEFAULTS.items())
def test_defaults(name: str, value: object) -> None:
    assert getattr(Policy(), name) == value


@pytest.mark.parametrize(
    ("path", "covered"),
    [
        (".gitattributes", True),
        ("shop/.gitattributes", True),
        ("a/b/.gitmodules", True),
        (".gitmodules", True),
        (".github/workflows/ci.yml", True),
        ("docs/CODEOWNERS", True),
        ("shop/gitattributes", False),
        (".gitignore", False),
        ("shop/cart.py", False),
    ],
)
def test_what_only_a_person_merges_by_default(path: str, covered: bool) -> None:
    assert bool(protected(Diff(files=[FileChange(path=path)]), Policy().protected)) is covered


@pytest.mark.parametrize(
    ("field", "least", "most"),
    [
        ("threshold", 0, 1),
        ("reworks", 0, 20),
        ("fixes", 0, 20),
        ("ci_fixes", 0, 50),
        ("conflict_fixes", 0, 20),
        ("settle_seconds", 0, 3_600),
        ("retention_hours", 0, 8_760),
        ("running", 0, 1_000),
    ],
)
def test_ranges_are_enforced(field: str, least: int, most: int) -> None:
    for value in (least, most):
        assert getattr(Policy.model_validate({field: value}), field) == value
    for value in (least - 1, most + 1, "many", None, float("nan")):
        with pytest.raises(ValidationError):
            Policy.model_validate({field: value})


@pytest.mark.parametrize(
    "document",
    [
        {"wait_minutes": 0},
        {"wait_minutes": 1_441},
        {"tolerated": "critical"},
        {"agents": {"default": "claude"}},
        {"fallbacks": {"coder": ["claude"]}},
        {"fallbacks": {"codr": ["codex/main"]}},
        {"sandbox": "docker"},
        {"limits": {"wall_seconds": 0}},
        {"merge": {"auto_merge": True, "ceilings": {"risk": 1.1}}},
        {"suite": {"seconds": 0}},
        {"suite": {"command": []}},
        {"suite": {"quarantine_days": 0}},
        {"reworkz": 3},
    ],
)
def test_what_no_policy_may_say(document: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Policy.model_validate(document)


def test_a_suite_must_write_its_results() -> None:
    with pytest.raises(ValidationError, match=r"must name \{junit\}"):
        SuitePolicy(command=["make", "test"])
    assert SuitePolicy(command=["make", "JUNIT={junit}"]).command == ["make", "JUNIT={junit}"]


def test_which_agent_does_what() -> None:
    policy = Policy(agents={"default": "command-agent/main", "coder": "codex/main"})
    assert policy.agent("coder") == "codex/main"
    assert policy.agent("reviewer") == "command-agent/main"
    assert Policy(agents={"coder": "codex/main"}).agent("reviewer") == ""


@pytest.mark.parametrize(("kind", "says"), [("codr", "did you mean 'coder'?"), ("zzzz", "known kinds are ")])
def test_an_agent_for_an_unknown_kind_is_refused(kind: str, says: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Policy(agents={kind: "codex/main"})
    assert f"unknown kind {kind!r}; {says}" in str(refused.value)


def test_what_a_spent_gate_does() -> None:
    policy = Policy(ci_fixes=7, conflict_fixes=2)
    ci, conflicts = policy.watch("ci"), policy.watch("conflicts")
    assert (ci.helper, ci.budget, ci.spent, ci.asks) == ("ci-fixer", 7, FailureKind.CI_RED, False)
    assert (conflicts.helper, conflicts.budget, conflicts.asks) == ("conflict-resolver", 2, True)
    assert conflicts.spent is FailureKind.CONFLICT


def test_equal_policies_have_one_digest_in_whatever_order_they_were_written() -> None:
    one = Policy(agents={"coder": "codex/main", "default": "command-agent/main"})
    other = Policy(agents={"default": "command-agent/main", "coder": "codex/main"})
    assert one == other
    assert one.digest == other.digest == Policy.model_validate_json(one.model_dump_json()).digest


@pytest.mark.parametrize(
    "change",
    [
        {"threshold": 0.81},
        {"tolerated": "low"},
        {"merge": None},
        {"merge": {"auto_merge": False}},
        {"agents": {"default": "codex/main"}},
        {"suite": {"known_failing": ["t"]}},
        {"protected": []},
        {"limits": {"wall_seconds": 1}},
    ],
)
def test_another_policy_has_another_digest(change: dict[str, Any]) -> None:
    assert Policy.model_validate(change).digest != Policy().digest


def test_an_agents_stand_ins_follow_it_in_their_order_and_nobody_is_asked_twice() -> None:
    policy = Policy(
        agents={"default": "codex/main"},
        fallbacks={"coder": ["gemini/main", "codex/main", "claude/main"], "default": ["claude/main"], "reviewer": []},
    )
    assert policy.candidates("coder") == ["codex/main", "gemini/main", "claude/main"]
    assert policy.candidates("merger") == ["codex/main", "claude/main"]
    assert policy.candidates("reviewer") == ["codex/main"]
    assert Policy(agents={}).candidates("coder") == []
