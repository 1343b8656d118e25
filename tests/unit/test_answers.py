"""Answers to findings: what a person typed comes back exactly and at its own finding, or is refused in words."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from contracts.answers import HOW, LONGEST, Answer, form, read_answers
from contracts.review import Finding

HEADER = re.compile(r"===[ \t]*[0-9]{1,4}[ \t]*===.*")
LINES = st.sampled_from(
    [
        "=== 1 ===",
        "=== 2 === Which tax applies? (question, low)",
        "===3===",
        "=== 9 ===",
        " === 1 ===",
        "=== x ===",
        "=======",
        "1. first",
        "2) second",
        "[1] https://shop.example",
        "# 1",
        "```python",
        "    if a == 1:",
        "dismiss",
        "dismiss: why",
        "",
        "  ",
        "\t",
        "é\u2028=== 1 ===",
        "a\x0b=== 2 ===",
        "\x85=== 1 ===",
    ]
)
TYPED = st.lists(
    st.tuples(LINES | st.text(max_size=12), st.sampled_from(["\n", "\r\n", "\r", "\n\n"])), max_size=6
).map(lambda lines: "".join(part for line in lines for part in line))
TITLES = st.sampled_from(
    [
        "Who pays?",
        "=== 2 === x",
        "=== 1 ===",
        "2.",
        "a\n=== 1 ===\nb",
        "dismiss",
        "\x00\u2028=== 2 ===",
        "x" * 400,
        "é — ü",
    ]
) | st.text(min_size=1, max_size=20)


def finding(title: str = "Who pays?", detail: str = "") -> Finding:
    return Finding(category="gap", severity="high", title=title, detail=detail)


TWO = [finding(), finding("Which tax applies?")]


def lf(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def representable(typed: str) -> bool:
    lines = lf(typed).split("\n")
    return 0 < len(lf(typed).strip()) <= LONGEST and not any(map(HEADER.fullmatch, lines))


def problems(text: str, findings: list[Finding]) -> list[str]:
    with pytest.raises(ValueError, match="cannot be read") as refused:
        read_answers(text, findings)
    first, *rest = str(refused.value).split("\n")
    assert first == "the answers cannot be read:"
    assert all(line.startswith("- ") for line in rest)
    return [line.removeprefix("- ") for line in rest]


@given(st.lists(st.tuples(TITLES, TYPED), min_size=1, max_size=4))
@example([("a", "=== 2 ===\nmine"), ("b", "x")])
def test_what_was_typed_comes_back_exactly_or_is_refused(pairs: list[tuple[str, str]]) -> None:
    findings = [finding(title) for title, _ in pairs]
    text = form(findings, {number: typed for number, (_, typed) in enumerate(pairs, 1)})
    if all(representable(typed) for _, typed in pairs):
        assert [one.text for one in read_answers(text, findings)] == [lf(typed).strip() for _, typed in pairs]
    else:
        assert problems(text, findings)


@given(
    st.lists(TYPED, min_size=2, max_size=2), st.sampled_from(["\r\n", "\r", "\n"]), st.sampled_from(["", " ", "\t \t"])
)
def test_line_ends_and_trailing_blanks_of_a_browser_change_nothing(typed: list[str], end: str, blanks: str) -> None:
    plain = form(TWO, dict(enumerate(map(lf, typed), 1)))
    sent = plain.replace("\n", blanks + end)
    if not all(map(representable, typed)):
        assert problems(sent, TWO)
        return
    wanted = [re.sub(r"[ \t]+$", "", lf(one).strip(), flags=re.MULTILINE) for one in typed]
    assert [re.sub(r"[ \t]+$", "", one.text, flags=re.MULTILINE) for one in read_answers(sent, TWO)] == wanted


@given(st.lists(LINES | st.text(max_size=12), max_size=12))
def test_no_text_at_all_gives_an_answer_to_a_line_above_its_number(lines: list[str]) -> None:
    text = "\n".join(lines)
    try:
        answers = read_answers(text, TWO)
    except ValueError:
        return
    assert [one.number for one in answers] == [1, 2]
    for one in answers:
        below = re.split(rf"(?m)^===[ \t]*0*{one.number}[ \t]*===.*$", text)
        assert len(below) == 2
        assert below[1].strip().startswith(one.text)


def test_the_form_shows_every_finding_with_what_was_typed_already() -> None:
    assert form(TWO, {2: "9 %"}) == (
        "=== 1 === Who pays? (gap, high)\n\n\n=== 2 === Which tax applies? (gap, high)\n9 %\n"
    )
    assert form(TWO) == form(TWO, {})


def test_an_answer_may_hold_lists_code_and_blank_lines() -> None:
    typed = "1. the shop\n2. the customer:\n\n```python\nif a == 2:\n    pay()\n```\n\n=== the end ==="
    answers = read_answers(form(TWO, {1: typed, 2: "x"}), TWO)
    assert answers[0] == Answer(number=1, title="Who pays?", text=typed)


def test_a_line_that_looks_like_a_number_is_kept_when_it_is_indented() -> None:
    assert read_answers(form(TWO, {1: "as in\n === 2 ===", 2: "x"}), TWO)[0].text == "as in\n === 2 ==="


@pytest.mark.parametrize(
    ("typed", "dismissed", "reason"),
    [
        ("dismiss", True, ""),
        (" Dismiss.\n", True, ""),
        ("DISMISS:", True, ""),
        ("dismiss: out of scope", True, "out of scope"),
        ("dismiss : first\nsecond ", True, "first\nsecond"),
        ("dismiss the cart on log-out", False, ""),
        ("do not dismiss: ask", False, ""),
        ("dismissed", False, ""),
        ("dismiss\nbecause", False, ""),
    ],
)
def test_a_finding_is_dismissed_only_in_so_many_words(typed: str, dismissed: bool, reason: str) -> None:
    answer = read_answers(form(TWO, {1: typed, 2: "x"}), TWO)[0]
    assert (answer.dismissed, answer.reason, answer.text) == (dismissed, reason, typed.strip())


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", ["number 1 is missing", "number 2 is missing"]),
        ("=== 1 ===\na", ["number 2 is missing; put the line '=== 2 ===' at the left margin above its answer"]),
        ("=== 1 ===\na\n === 2 ===\nb", ["number 2 is missing"]),
        ("=== 1 ===\na\n=== 2 ===\nb\n=== 3 ===\nc", ["there is no finding 3; the numbers are 1 to 2"]),
        ("=== 1 ===\na\n=== 2 ===\nb\n=== 0 ===\nc", ["there is no finding 0"]),
        ("=== 1 ===\na\n=== 2 ===\nb\n=== 1 ===\nc", ["number 1 stands 2 times; leave one of them"]),
        ("=== 1 ===\na\n=== 2 ===\n \n", ["number 2 has no answer; write one below its line, or 'dismiss'"]),
        ("hello\n=== 1 ===\na\n=== 2 ===\nb", ["'hello' stands before the first number; move it below the number"]),
        (f"=== 1 ===\n{'a' * (LONGEST + 1)}\n=== 2 ===\nb", ["number 1 has 4,001 characters; shorten it to 4,000"]),
        (
            "=== 1 === Who cares? (gap, high)\na\n=== 2 ===\nb",
            ["the line of number 1 names another finding, 'Who cares?"],
        ),
        (
            "hello\n=== 1 ===\n\n=== 1 ===\na\n=== 7 ===\nb",
            [
                "'hello' stands",
                "number 2 is missing",
                "no finding 7",
                "number 1 stands 2 times",
                "number 1 has no answer",
            ],
        ),
    ],
)
def test_every_problem_is_named_with_what_to_do(text: str, says: list[str]) -> None:
    found = problems(text, TWO)
    assert len(found) == len(says)
    for problem, wanted in zip(found, says, strict=True):
        assert wanted in problem


def test_answers_to_another_review_are_never_taken_for_answers_to_this_one() -> None:
    filled = form(TWO, {1: "a", 2: "b"})
    assert len(problems(filled, [TWO[1], TWO[0]])) == 2


def test_answers_are_found_by_their_number_in_whatever_order() -> None:
    assert [one.text for one in read_answers("=== 2 ===\nb\n===1===\na", TWO)] == ["a", "b"]


def test_the_longest_answer_is_taken_whole() -> None:
    assert read_answers(form(TWO, {1: f" {'a' * LONGEST} ", 2: "x"}), TWO)[0].text == "a" * LONGEST


def test_a_secret_in_a_title_is_not_shown_and_the_form_still_reads() -> None:
    token = "ghp_" + "aB3d" * 9
    findings = [finding(f"who owns {token}?")]
    filled = form(findings, {1: "we"})
    assert token not in filled
    assert read_answers(filled, findings)[0].text == "we"


def test_signs_that_nobody_sees_are_not_in_the_form() -> None:
    assert form([finding("a\x00\u202eb")]) == "=== 1 === a b (gap, high)\n\n"


@pytest.mark.parametrize("title", ["who pays", "  WHO\n\tpays?? ", "“Who pays…”", "*Who* `pays`"])
def test_a_dismissed_finding_is_recognised_when_it_is_raised_again(title: str) -> None:
    assert finding(title).fingerprint == TWO[0].fingerprint
    assert finding(f"{title} now").fingerprint != TWO[0].fingerprint


def test_no_findings_make_an_empty_form() -> None:
    assert form([]) == ""
    assert read_answers(" \n", []) == []
    assert problems("=== 1 ===\na", [])


def test_a_person_is_told_how_to_fill_it_in() -> None:
    assert "`dismiss: reason`" in HOW
