"""Text from outside calls nobody, closes nothing and skips no check."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.mentions import quiet

CLOSES = re.compile(r"\b(close[sd]?|fix(e[sd])?|resolve[sd]?):?\s+(\S*#\d|https?://)", re.IGNORECASE)


@pytest.mark.parametrize(
    "text",
    [
        "fixes #1",
        "Closes: #12",
        "RESOLVED acme/shop#3",
        "fix https://github.com/a/b/issues/1",
        "close GH-4",
        "a\nfixed  #5",
        "_fixes_ #1",
        "**Closes:** #12",
        "fixes [#1](https://github.com/a/b/issues/1)",
        "```\nfixes #1",
    ],
)
def test_no_issue_is_closed(text: str) -> None:
    shown = quiet(text)
    assert not re.search(r"(?i)\b(close[sd]?|fix(e[sd])?|resolve[sd]?)\b", shown)
    assert shown.replace("\u200b", "") == text


@pytest.mark.parametrize(
    "text",
    [
        "@ada",
        "cc @acme/team",
        "(@ada)",
        "hi,@ada",
        "`@ada``",
        "\\`@ada`",
        "x ``` @ada",
        ".@ada",
        "/@ada",
        "-@ada",
        "@@ada",
        "_@ada_",
    ],
)
def test_nobody_is_called(text: str) -> None:
    assert "@\u200b" in quiet(text)
    assert quiet(text).replace("\u200b", "") == text


@pytest.mark.parametrize("text", ["&#64;ada", "&#x40;ada", "&commat;ada", "fixes &#35;1"])
def test_a_sign_that_is_encoded_stays_encoded(text: str) -> None:
    assert "&\u200b" in quiet(text)


@pytest.mark.parametrize(
    "text",
    [
        "Fix [skip ci]",
        "[CI skip]",
        "[no ci]",
        "[skip actions] x",
        "[actions skip]",
        "***NO_CI***",
        "x\n\nskip-checks: true",
        "`[skip ci]`",
    ],
)
def test_no_check_is_skipped(text: str) -> None:
    skips = re.compile(r"(?i)\[(skip ci|ci skip|no ci|skip actions|actions skip)\]|\*{3}NO_CI|skip-checks:")
    assert skips.search(text)
    assert not skips.search(quiet(text))
    assert quiet(quiet(text)) == quiet(text)
    assert quiet(text).replace("\u200b", "") == text


@pytest.mark.parametrize(
    "text",
    [
        "ada@example.org",
        "[skipped] the tests",
        "- [ ] skip it",
        "fix the door",
        "fixes nothing",
        "prefixes #1",
        "`@ada`",
        "```py\n@ada\n```",
        "a @ b",
        "",
    ],
)
def test_what_means_nothing_and_code_stay_as_they_are(text: str) -> None:
    assert quiet(text) == text


@given(st.text(alphabet="fixes closd#1 @a:\n/-.[]kp&;_*"))
def test_it_holds_for_every_text_and_twice_is_once(text: str) -> None:
    once = quiet(text)
    assert not CLOSES.search(once)
    assert quiet(once) == once
    assert once.replace("\u200b", "") == text
