import dataclasses
import re
from typing import Any, get_args

import pytest

from contracts import rules
from contracts.agent import Revision
from contracts.failure import FailureKind
from contracts.merger import Hold, HoldRule
from contracts.rules import Advance, Ask, AskReason, Fail, Help, Land, Leave, Return, Rework, Rule, Stop

REVISION = Revision(previous="p", feedback="f")
MAKERS: list[Any] = [
    lambda: Advance("n"),
    lambda: Rework("coder", REVISION),
    lambda: Help("fixer", "e"),
    lambda: Ask(AskReason.STALLED, "m"),
    lambda: Stop("m"),
    lambda: Return("tester", "n"),
    lambda: Land("n"),
    lambda: Leave(Hold(HoldRule.DRY_RUN, "m")),
    lambda: Fail(FailureKind.CI_RED, "m"),
]


@pytest.mark.parametrize("make", MAKERS)
def test_a_rule_is_a_value(make: Any) -> None:
    rule = make()
    assert rule == make()
    (first, *_) = dataclasses.fields(rule)
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(rule, first.name, None)


def test_a_rule_is_one_of_all_that_there_are() -> None:
    classes = [one for one in vars(rules).values() if dataclasses.is_dataclass(one) and isinstance(one, type)]
    own = {one for one in classes if one.__module__ == rules.__name__}
    assert set(get_args(Rule)) == own == {type(make()) for make in MAKERS}


def test_rules_with_the_same_words_are_not_the_same() -> None:
    assert Advance("n") != Land("n")
    assert Advance("n") != Stop("n")


@pytest.mark.parametrize("reason", AskReason)
def test_a_reason_to_ask_is_a_word(reason: AskReason) -> None:
    assert re.fullmatch("[a-z]+(_[a-z]+)*", reason)
