import json
import math
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from contracts.agent import Comment
from contracts.companion import Round, Verdict, decide, fingerprint, read_verdict, stalled
from contracts.rules import Advance, Ask, AskReason, Rework

COMMENTS = st.builds(
    Comment,
    severity=st.sampled_from(["blocker", "major", "minor"]),
    body=st.sampled_from(["rename it", "Rename  it!", "untested", "unsafe"]),
    file=st.sampled_from(["", "cart.py"]),
    line=st.integers(0, 3),
)
VERDICTS = st.builds(
    Verdict, rating=st.floats(0, 1), summary=st.text(max_size=5), comments=st.lists(COMMENTS, max_size=3)
)
ROUNDS = st.builds(
    Round, verdict=VERDICTS, text=st.sampled_from(["", "a", "b", "c"]), tree=st.sampled_from(["", "", "1", "2", "3"])
)
MANY = st.lists(ROUNDS, min_size=1, max_size=8)
BUDGETS = st.integers(0, 5)
UNIT = st.floats(0, 1)


def graded(rating: float, *severities: str, text: str = "", tree: str = "", body: str = "untested") -> Round:
    comments = [{"severity": severity, "body": body} for severity in severities]
    return Round(verdict=read_verdict({"rating": rating, "comments": comments}), text=text, tree=tree)


def reason(rule: Advance | Rework | Ask) -> str:
    return rule.reason.value if isinstance(rule, Ask) else type(rule).__name__.lower()


@pytest.mark.parametrize(
    ("rounds", "budget", "expected"),
    [
        ([graded(0.8)], 3, "advance"),
        ([graded(0.79)], 3, "rework"),
        ([graded(0.8, "minor")], 3, "advance"),
        ([graded(1, "major")], 3, "rework"),
        ([graded(1, "blocker")], 3, "rework"),
        ([graded(1, "major")], 0, "advance"),
        ([graded(1, "blocker")], 0, "blocking_findings"),
        ([graded(0.5)], 0, "budget_spent"),
        ([graded(0.5, text="a"), graded(0.9, "major", text="b")], 3, "advance"),
        ([graded(0.5, text="a"), graded(0.9, "blocker", text="b")], 3, "rework"),
        ([graded(0.5, text="a"), graded(0.9, "blocker", text="b")], 1, "blocking_findings"),
        ([graded(0.5, text="a"), graded(0.6, text="b")], 2, "rework"),
        ([graded(0.5, text="a"), graded(0.6, text="b")], 1, "budget_spent"),
        ([graded(0.5, tree="1"), graded(0.6, tree="1")], 3, "stalled"),
        ([graded(0.5, tree="1"), graded(0.6, tree="2"), graded(0.7, tree="1")], 3, "stalled"),
        ([graded(0.5, tree="1"), graded(0.8, tree="1")], 3, "advance"),
        ([graded(0.5, "blocker", tree="1"), graded(0.9, "blocker", tree="1")], 3, "stalled"),
    ],
)
def test_the_order_of_decision(rounds: list[Round], budget: int, expected: str) -> None:
    assert reason(decide(rounds, budget, 0.8, "coder")) == expected


@given(MANY, BUDGETS, UNIT)
def test_every_list_of_rounds_is_decided(rounds: list[Round], budget: int, threshold: float) -> None:
    rule = decide(rounds, budget, threshold, "coder")
    last = rounds[-1].verdict
    match rule:
        case Advance():
            assert not last.has("blocker")
            assert last.rating >= threshold
        case Rework(to, revision):
            assert to == "coder"
            assert len(rounds) <= budget
            assert not stalled(rounds)
            assert (revision.previous, revision.feedback) == (rounds[-1].text, last.summary)
            assert revision.comments == last.comments
        case Ask(why):
            assert (why is AskReason.STALLED) == (len(rounds) <= budget)
            assert last.has("blocker") or last.rating < threshold or len(rounds) == 1


@given(MANY, BUDGETS, UNIT)
def test_a_blocker_never_advances(rounds: list[Round], budget: int, threshold: float) -> None:
    blocker = Comment(severity="blocker", body="unsafe")
    verdict = rounds[-1].verdict.model_copy(update={"comments": [*rounds[-1].verdict.comments, blocker]})
    blocked = [*rounds[:-1], rounds[-1].model_copy(update={"verdict": verdict})]
    assert not isinstance(decide(blocked, budget, threshold, "coder"), Advance)


@given(MANY, BUDGETS, UNIT)
def test_no_run_reworks_more_often_than_its_budget(rounds: list[Round], budget: int, threshold: float) -> None:
    rules = [decide(rounds[: count + 1], budget, threshold, "coder") for count in range(len(rounds))]
    assert sum(isinstance(rule, Rework) for rule in rules) <= budget


@given(MANY, BUDGETS, UNIT, UNIT)
def test_a_lower_rating_never_turns_into_a_pass(
    rounds: list[Round], budget: int, threshold: float, lower: float
) -> None:
    assume(lower <= rounds[-1].verdict.rating)
    verdict = rounds[-1].verdict.model_copy(update={"rating": lower})
    worse = [*rounds[:-1], rounds[-1].model_copy(update={"verdict": verdict})]
    if isinstance(decide(worse, budget, threshold, "coder"), Advance):
        assert isinstance(decide(rounds, budget, threshold, "coder"), Advance)


@pytest.mark.parametrize(
    ("rounds", "stands"),
    [
        ([graded(0.5, tree="1")], False),
        ([graded(0.5, tree="1"), graded(0.9, tree="1")], True),
        ([graded(0.5, tree="1"), graded(0.5, tree="2")], False),
        ([graded(0.5, tree="1"), graded(0.5, tree="2"), graded(0.5, tree="1")], True),
        ([graded(0.5, text="a b"), graded(0.5, text=" a\n b ")], True),
        ([graded(0.80, text="a"), graded(0.81, text="a")], True),
        ([graded(0.81, text="a"), graded(0.80, text="a")], True),
        ([graded(0.80, text="a"), graded(0.82, text="a")], False),
        ([graded(0.5, text="a"), graded(0.5, text="b")], False),
        ([graded(0.5, text="a"), graded(0.6, text="b"), graded(0.6, text="a")], False),
        ([graded(0.5, "major", text="a"), graded(0.7, "major", text="b")], True),
        ([graded(0.5, "major", text="a"), graded(0.7, "major", text="b", body="UNTESTED!")], True),
        ([graded(0.5, "major", text="a"), graded(0.7, "minor", text="b")], False),
        ([graded(0.5, "major", text="a"), graded(0.7, text="b")], False),
        ([graded(0.5, "major"), graded(0.6, text="b"), graded(0.7, "major", text="c")], True),
        ([graded(0.5, "major", text="a"), graded(0.7, "major", text="b", body="unsafe")], False),
    ],
)
def test_a_loop_that_stands_still(rounds: list[Round], *, stands: bool) -> None:
    assert bool(stalled(rounds)) is stands


@given(MANY, ROUNDS)
def test_a_tree_that_was_graded_before_stands_still(rounds: list[Round], last: Round) -> None:
    for seen in {one.tree for one in rounds} - {""}:
        assert stalled([*rounds, last.model_copy(update={"tree": seen})])


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (Comment(severity="major", body="Rename IT", file="cart.py", line=9), True),
        (Comment(severity="major", body="rename,\n  it.", file="cart.py"), True),
        (Comment(severity="minor", body="rename it", file="cart.py"), False),
        (Comment(severity="major", body="rename it", file="shop.py"), False),
        (Comment(severity="major", body="rename them", file="cart.py"), False),
    ],
)
def test_fingerprints(other: Comment, *, same: bool) -> None:
    known = Comment(severity="major", body="rename it", file="cart.py", line=3)
    assert (fingerprint(known) == fingerprint(other)) is same


@pytest.mark.parametrize(
    "data",
    [
        None,
        {},
        {"summary": "perfect"},
        {"rating": None},
        {"rating": "0.9"},
        {"rating": True},
        {"rating": [1]},
        {"rating": {"value": 1}},
        {"rating": 1.01},
        {"rating": -0.01},
        {"rating": 10**400},
        {"rating": math.nan},
        {"rating": math.inf},
        {"rating": "NaN"},
        {"Rating": 0.9},
        {"verdict": {"rating": 0.9}},
        {"rating": 0.9, "comments": None},
        {"rating": 0.9, "comments": "fine"},
        {"rating": 0.9, "comments": ["fine"]},
        {"rating": 0.9, "comments": [{"severity": "blocker"}]},
        {"rating": 0.9, "comments": [{"severity": "blocker", "body": ""}]},
        {"rating": 0.9, "comments": [{"severity": "blocker", "body": "x", "line": -1}]},
        {"rating": 0.9, "summary": 3},
    ],
)
def test_an_unreadable_verdict_is_an_error_with_its_reason(data: dict[str, Any] | None) -> None:
    with pytest.raises(ValueError, match=r"rating|comments|summary|no JSON object"):
        read_verdict(data)


ANYTHING: st.SearchStrategy[Any] = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=4), st.lists(st.integers(), max_size=2)
)
REMARKS = st.dictionaries(st.sampled_from(["severity", "body", "file", "line", "why"]), ANYTHING | st.just("blocker"))
ANSWERS = st.fixed_dictionaries(
    {},
    optional={
        "rating": ANYTHING | st.floats(0, 1),
        "summary": ANYTHING | st.text(max_size=4),
        "comments": ANYTHING | st.lists(REMARKS | ANYTHING, max_size=3),
        "passed": ANYTHING,
    },
)


@given(ANSWERS)
def test_what_is_read_stood_in_the_answer(data: dict[str, Any]) -> None:
    try:
        verdict = read_verdict(data)
    except ValueError:
        return
    stated = data["rating"]
    assert isinstance(stated, int | float)
    assert not isinstance(stated, bool)
    assert verdict.rating == stated
    assert math.isfinite(verdict.rating)
    assert 0 <= verdict.rating <= 1
    assert verdict.summary == data.get("summary", "")
    assert [one.body for one in verdict.comments] == [one["body"] for one in data.get("comments", [])]
    assert json.loads(verdict.model_dump_json())["rating"] == verdict.rating


@pytest.mark.parametrize(
    ("stated", "weighs"),
    [
        ("blocker", "blocker"),
        ("Blocker", "blocker"),
        (" BLOCKER ", "blocker"),
        ("minor", "minor"),
        ("nit", "major"),
        ("", "major"),
        (None, "major"),
        (3, "major"),
        (["blocker"], "major"),
    ],
)
def test_no_severity_is_taken_for_a_trifle(stated: object, weighs: str) -> None:
    verdict = read_verdict({"rating": 0.9, "comments": [{"severity": stated, "body": "x", "why": "y"}]})
    assert verdict.comments[0].severity == weighs


def test_a_remark_without_a_severity_weighs_as_major() -> None:
    assert read_verdict({"rating": 0.9, "comments": [{"body": "x"}]}).has("major")
