from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.review import MOST_FINDINGS, Finding, Tolerance, decide, outstanding, read_findings
from contracts.rules import Advance, Ask, AskReason

TOLERANCES: tuple[Tolerance, ...] = get_args(Tolerance)
FINDINGS = st.lists(
    st.builds(
        Finding,
        category=st.just("gap"),
        severity=st.sampled_from(["low", "medium", "high"]),
        title=st.sampled_from(["who", "when"]),
    ),
    max_size=5,
)


def read_one(**fields: Any) -> Finding:
    (finding,) = read_findings({"findings": [fields]})
    return finding


UNREADABLE: list[dict[str, Any] | None] = [
    None,
    {},
    {"findings": None},
    {"findings": None, "items": []},
    {"findings": {}},
    {"findings": "none"},
    {"findings": ["who pays?"]},
    {"findings": [None]},
    {"findings": [[]]},
    {"findings": [{"severity": "high"}]},
    {"findings": [{"severity": "high", "description": "who pays?"}]},
    {"findings": [{"title": "  ", "category": "gap"}]},
]
EMPTY: list[dict[str, Any]] = [{"findings": []}, {"items": []}, {"findings": [{}]}, {"findings": [{"title": ""}]}]


@pytest.mark.parametrize("data", UNREADABLE)
def test_an_unreadable_answer_is_an_error_and_never_an_empty_list(data: dict[str, Any] | None) -> None:
    with pytest.raises(ValueError, match="finding"):
        read_findings(data)


@pytest.mark.parametrize("data", EMPTY)
def test_an_empty_list_says_that_nothing_is_open(data: dict[str, Any]) -> None:
    assert read_findings(data) == []


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"category": "Risk", "severity": " HIGH "}, ("risk", "high")),
        ({"category": "worry", "severity": "critical"}, ("question", "medium")),
        ({"category": None, "severity": None}, ("question", "medium")),
        ({"category": ["gap"], "severity": {"is": "high"}}, ("question", "medium")),
        ({"severity": "none"}, ("question", "medium")),
        ({}, ("question", "medium")),
    ],
)
def test_words_that_are_not_known(fields: dict[str, Any], expected: tuple[str, str]) -> None:
    finding = read_one(title="who pays?", **fields)
    assert (finding.category, finding.severity) == expected


def test_a_title_is_taken_from_the_detail() -> None:
    assert read_one(detail="who pays? " * 20).title == ("who pays? " * 8)
    assert read_one(question="who pays?").detail == "who pays?"
    assert len(read_one(title="x" * 500).title) == 200


def test_the_worst_come_first_and_the_rest_is_cut() -> None:
    names = ["low"] * MOST_FINDINGS + ["high", "medium", "high"]
    found = read_findings({"findings": [{"title": str(at), "severity": name} for at, name in enumerate(names)]})
    assert len(found) == MOST_FINDINGS
    assert [one.title for one in found[:4]] == ["20", "22", "21", "0"]


ANYTHING: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4) | st.sampled_from(["high", "gap"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["title", "detail"]), inner),
    max_leaves=4,
)
RAW = st.dictionaries(st.sampled_from(["title", "detail", "question", "severity", "category", "other"]), ANYTHING)


@given(st.lists(RAW | ANYTHING, max_size=4))
def test_no_finding_that_says_something_gets_lost(items: list[Any]) -> None:
    try:
        found = read_findings({"findings": items})
    except ValueError:
        return
    assert len(found) == sum(1 for item in items if any(item.values()))
    assert all(one.title for one in found)


def test_nothing_open_goes_on() -> None:
    assert isinstance(decide([], rounds=9, cap=1), Advance)


def test_at_the_cap_a_person_decides_whether_to_go_on() -> None:
    open_ones = [Finding(category="gap", severity="high", title="who")]
    asked = [decide(open_ones, rounds, 3) for rounds in (1, 2, 3, 4)]
    settle, capped = AskReason.UNSETTLED_REVIEW, AskReason.REVIEW_CAP
    assert [one.reason for one in asked if isinstance(one, Ask)] == [settle, settle, capped, capped]


def test_what_was_dismissed_is_not_asked_again() -> None:
    who, when = (Finding(category="gap", severity="high", title=title) for title in ("Who pays?", "When?"))
    again = Finding(category="risk", severity="low", title=" who  PAYS ")
    dismissed = frozenset({who.fingerprint})
    assert outstanding([again, when], "none", dismissed) == [when]
    assert outstanding([again, when], "none") == [again, when]


@given(FINDINGS, st.sampled_from(TOLERANCES))
def test_what_is_graver_than_tolerated_is_asked(findings: list[Finding], tolerated: Tolerance) -> None:
    rule = decide(outstanding(findings, tolerated))
    worst = max([TOLERANCES.index(one.severity) for one in findings], default=0)
    if isinstance(rule, Ask):
        assert rule.reason is AskReason.UNSETTLED_REVIEW
        assert any(one.title in rule.message for one in findings)
    assert isinstance(rule, Ask) == (worst > TOLERANCES.index(tolerated))
