from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.intake.payload import Unreadable, check_path, find, plain_text, read

PAYLOAD: dict[str, Any] = {"issue": {"number": 4, "labels": [{"name": "a"}, {"name": "b"}, {}], "body": None}}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("$", [PAYLOAD]),
        ("$.issue.number", [4]),
        ("$.issue.labels[*].name", ["a", "b"]),
        ("$.issue.labels[1].name", ["b"]),
        ("$.issue.labels[9].name", []),
        ("$.issue.body", [None]),
        ("$.issue.number.more", []),
        ("$.issue[0]", []),
        ("$.nothing", []),
    ],
)
def test_paths(path: str, found: list[Any]) -> None:
    assert find(PAYLOAD, check_path(path)) == found


@pytest.mark.parametrize("path", ["", "issue", "$.", "$..a", "$.a[", "$.a[-1]", "$.a[*", "$.a b", "$['a']", "$.{{a}}"])
def test_what_is_no_path(path: str) -> None:
    with pytest.raises(ValueError, match="is not a path; write one like"):
        check_path(path)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "not JSON"),
        (b"[1]", "not an object"),
        (b'"text"', "not an object"),
        (b"{} {}", "not JSON"),
        (b'{"a": 1', "not JSON"),
        (b'{"a": NaN}', "NaN"),
        (b'{"a": -Infinity}', "Infinity"),
        (b'{"a": ' + 5_000 * b"9" + b"}", "not JSON"),
        (b'{"a": 1, "a": 2}', "twice"),
        (b'{"a": {"b": 1, "b": 2}}', "twice"),
        (b'{"a": "\xff"}', "not UTF-8"),
        (b'{"a": "\xc0\xaf"}', "not UTF-8"),
        (b'\xef\xbb\xbf{"a": 1}', "not JSON"),
        ('{"a": 1}'.encode("utf-16"), "not UTF-8"),
        ('{"a": 1}'.encode("utf-32-le"), "not JSON"),
        (b'{"a": ' + 100_000 * b"[" + 100_000 * b"]" + b"}", "deeply"),
        (100_000 * b'{"a":', "deeply"),
    ],
)
def test_what_is_not_read(body: bytes, why: str) -> None:
    with pytest.raises(Unreadable, match=why):
        read(body)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    with suppress(Unreadable):
        assert isinstance(read(body), dict)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain", "plain"),
        (42, "42"),
        (True, ""),
        (None, ""),
        ({"a": 1}, ""),
        (["a"], ""),
        ("a\r\nb\rc\td", "a\nb\nc\td"),
        ("nul\x00 bell\x07 escape\x1b[31m", "nul bell escape[31m"),
        ("right\u202eto left\u2066", "rightto left"),
        ("tag\U000e0041\U000e0042", "tag"),
        ("half \ud800", "half "),
        ("zero\u200bwidth\ufeff", "zerowidth"),
        ("Größe 日本 👩\u200d💻", "Größe 日本 👩\u200d💻"),
    ],
)
def test_text_is_what_a_reader_sees(value: Any, text: str) -> None:
    assert plain_text(value) == text


@given(st.text())
def test_any_text_can_be_kept_and_sent(text: str) -> None:
    plain_text(text + "\ud800").encode()
    assert "\x00" not in plain_text(text)
