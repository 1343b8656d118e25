import json
from typing import Any

import pytest

from contracts.event import Event, brief, read_event


@pytest.mark.parametrize("line", ["", "no", "{", "[]", "7", "null", '"x"', "{} {}", "[" * 100_000, "\x00"])
def test_a_line_without_an_object_is_an_empty_event(line: str) -> None:
    assert not read_event(line)


@pytest.mark.parametrize("value", [None, True, 7, -1, "x", [], [7, None], {}, float("inf"), float("nan")])
def test_every_value_reads_as_what_is_asked_or_as_empty(value: Any) -> None:
    event = read_event(json.dumps({"k": value}))
    assert event.text("k") == (value if isinstance(value, str) else "")
    assert event.number("k") == (7 if value == 7 else None)
    assert event.count("k") == (7 if value == 7 else 0)
    assert event.true("k") is (value is True)
    assert event.inner("k").content == {}
    assert event.each("k") == []
    assert event.texts("k") == []
    assert event.text("absent") == ""


def test_what_is_inside_can_be_reached() -> None:
    event = Event({"a": {"b": [{"c": 1}, 7, {"c": 2}], "d": ["x", 1, "y"]}})
    assert [one.count("c") for one in event.inner("a").each("b")] == [1, 2]
    assert event.inner("a").texts("d") == ["x", "y"]


def test_a_brief_text_is_its_first_line_with_words() -> None:
    assert brief("\n  \n  one \ntwo") == "one"
    assert brief("x" * 160) == "x" * 160
    assert brief("x" * 161) == "x" * 159 + "…"
    assert brief("") == brief(" \n ") == ""
