import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.agent import AgentReply
from contracts.structured import extract, repair_request

JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)
OBJECTS = st.dictionaries(st.text(max_size=5), JSON, max_size=3)
PROSE = st.text(max_size=60).filter(lambda text: "{" not in text and "`" not in text)
FRAGMENTS = st.lists(
    st.sampled_from(
        ["{", "}", '"', ":", ",", "[", "]", "```", "```json\n", "\n", "NaN", "1e999", "9" * 5_000, '"\\ud800"']
    )
    | st.text(max_size=4)
    | OBJECTS.map(json.dumps),
    max_size=20,
).map("".join)


def said(text: str) -> dict[str, Any] | None:
    return extract(AgentReply(text=text))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", None),
        ("No object, just words.", None),
        ("[1, 2]", None),
        ('"{}" is no answer, but this is {}', {}),
        ('{"rating": 1}', {"rating": 1}),
        ('My verdict: {"rating": 1}. That is all.', {"rating": 1}),
        ('```json\n{"rating": 1}\n```', {"rating": 1}),
        ('```\n{"rating": 1}\n```', {"rating": 1}),
        ('```JSON  \n{"rating": 1}```', {"rating": 1}),
        ('first {"rating": 0} then {"rating": 1}', {"rating": 1}),
        ('```\n{"rating": 0}\n```\n```\n{"rating": 1}\n```', {"rating": 1}),
        ('```\n{"rating": 1}\n``` unlike {"rating": 0}', {"rating": 1}),
        ('{"a": {"b": {"c": 1}}}', {"a": {"b": {"c": 1}}}),
        ('{"a": [{"b": 1}, {"c": 2}]}', {"a": [{"b": 1}, {"c": 2}]}),
        ('in {x} and {y}: {"rating": 1}', {"rating": 1}),
        ('if (a) { return } {"rating": 1}', {"rating": 1}),
        ('{"body": "a } and a { in words"}', {"body": "a } and a { in words"}),
        ('```json\n{"body": "use ```x``` here"}\n```', {"body": "use ```x``` here"}),
        ('{"rating": 0.1', None),
        ("{'rating': 1}", None),
    ],
)
def test_where_the_object_is_found(text: str, found: dict[str, Any] | None) -> None:
    assert said(text) == found


@pytest.mark.parametrize(
    "text",
    [
        '{"rating": 0.1, "earlier": {"rating": 0.9}, oops}',
        '{"rating": 0.1, "earlier": {"rating": 0.9},}',
        '{"rating": 0.1, "earlier": {"rating": 0.9}',
        '{"rating": 0.1, "earlier": [{"rating": 0.9}',
    ],
)
def test_what_stands_inside_a_broken_object_is_no_answer(text: str) -> None:
    assert said(text) is None


def test_an_output_given_apart_goes_before_the_text() -> None:
    assert extract(AgentReply(text='{"rating": 1}', structured={"rating": 0})) == {"rating": 0}
    assert extract(AgentReply(text='{"rating": 1}', structured={})) == {}


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999"])
def test_a_number_that_is_none_is_a_text(number: str) -> None:
    found = said(f'{{"rating": {number}}}')
    assert found is not None
    assert isinstance(found["rating"], str)
    assert extract(AgentReply(structured={"rating": math.nan})) == {"rating": "NaN"}


def test_half_a_surrogate_pair_does_not_reach_a_record() -> None:
    found = said('{"summary": "\\ud800!", "smile": "\\ud83d\\ude42"}')
    assert found == {"summary": "?!", "smile": "🙂"}


@pytest.mark.parametrize(
    "text", ['{"a": ' * 200_000, "{" * 200_000, '{"' * 50_000, '{"a": ' + "9" * 5_000 + "}", "`" * 10_000]
)
def test_endless_answers_hold_no_object_and_cost_no_time(text: str) -> None:
    assert said(text) is None


@given(FRAGMENTS)
def test_no_text_raises_and_what_is_found_can_be_recorded(text: str) -> None:
    found = said(text)
    if found is not None:
        assert isinstance(found, dict)
        assert json.loads(json.dumps(found, allow_nan=False).encode()) == found


@given(OBJECTS, PROSE, PROSE, st.sampled_from(["{}", "```json\n{}\n```", "```\n{}```"]))
def test_prose_and_fences_do_not_hide_an_object(value: dict[str, Any], before: str, after: str, form: str) -> None:
    written = form.replace("{}", json.dumps(value))
    assert said(f"{before}\n{written}\n{after}") == value


@given(st.lists(OBJECTS, min_size=1, max_size=4))
def test_the_last_object_wins(values: list[dict[str, Any]]) -> None:
    assert said(" and ".join(map(json.dumps, values))) == values[-1]


def test_the_repair_turn_quotes_the_error_and_the_reply() -> None:
    request = repair_request("rating: missing", AgentReply(text="I like it.\nWell done."))
    assert "rating: missing" in request
    assert "\n> I like it.\n> Well done.\n" in request


def test_the_repair_turn_quotes_an_output_given_apart() -> None:
    assert '>  "rating": "good"' in repair_request("no number", AgentReply(structured={"rating": "good"}))


def test_the_repair_turn_quotes_no_endless_reply() -> None:
    assert len(repair_request("unreadable", AgentReply(text="x" * 100_000))) < 4_500
