"""Messages tell what happened first, then what to do; nothing from outside does anything in them."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from contracts.delivery import DeliveryStatus
from contracts.failure import HINTS, Failure, FailureKind
from contracts.message import (
    Message,
    Settlement,
    Subject,
    delivered,
    duration,
    escalated,
    failed,
    settled,
    waiting,
)

RUN = "http://127.0.0.1:4200/runs/flow-run/r"
PULL = "https://forge.example/shop/pulls/7"
CHOICES = {"approve": "the run goes on", "reject": "the run ends"}


def subject() -> Subject:
    return Subject(run="r", title="Add a cart", repository="shop", pipeline="bugfix", link=RUN, pull_request=PULL)


def failure(message: str, kind: FailureKind = FailureKind.TESTS_RED, step: str = "tester") -> Failure:
    return Failure.model_construct(kind=kind, message=message, step=step, at=datetime(2030, 1, 1, tzinfo=UTC))


def first_lines() -> dict[str, str]:
    at = datetime(2030, 1, 1, tzinfo=UTC)
    made = [
        waiting(subject(), "architect 1", "architect", "why", CHOICES),
        settled(subject(), "architect 1", "architect", Settlement(who="Ada", choice="approve", seconds=1)),
        escalated(subject(), "architect 1", "architect", "why", 7_260),
        failed(subject(), 1, Failure(kind=FailureKind.AGENT, message="m", at=at)),
        delivered(subject(), 1, DeliveryStatus.MERGED),
    ]
    return {one.event: one.text.split("\n")[0] for one in made}


def test_the_first_line_says_what_happened_and_to_which_work_item() -> None:
    assert first_lines() == {
        "waiting": "🟡 **Waiting for a decision:** Add a cart (bugfix on shop)",
        "settled": "⚪ **Decided:** Add a cart (bugfix on shop)",
        "escalated": "🟠 **Still waiting after 2 h 1 min:** Add a cart (bugfix on shop)",
        "failed": "🔴 **Failed:** Add a cart (bugfix on shop)",
        "delivered": "✅ **Merged:** Add a cart (bugfix on shop)",
    }


def test_a_waiting_message_says_why_what_each_choice_does_and_where_to_decide() -> None:
    message = waiting(subject(), "architect 1", "architect", "rated 0.60 after 3 reworks", CHOICES)
    assert message.text.split("\n\n")[1:] == [
        "**Why:** at architect, rated 0.60 after 3 reworks",
        "**Next:** decide on the run's page.",
        "- **approve**: the run goes on\n- **reject**: the run ends",
        f"[run]({RUN}) · [pull request]({PULL})",
    ]
    assert (message.link, message.run) == (RUN, "r")
    assert message.title == "🟡 **Waiting for a decision:** Add a cart"


def test_a_settled_message_edits_the_waiting_one_and_says_who_chose_what() -> None:
    asked = waiting(subject(), "r/architect.gate/1", "architect", "why", CHOICES)
    stated = settled(
        subject(),
        "r/architect.gate/1",
        "architect",
        Settlement(who="Ada", choice="approve", comment="ok", seconds=7_260),
    )
    assert stated.key == asked.key == "r/waiting/architect.gate/1"
    assert "Ada (name as stated) chose approve after 2 h 1 min" in stated.text
    assert "**Comment:** ok" in stated.text
    proven = settled(subject(), "g", "architect", Settlement(who="Ada", proven=True, choice="stop", seconds=1))
    assert "Ada chose stop after 1 s" in proven.text
    assert "Comment" not in proven.text


def test_each_event_has_a_natural_key() -> None:
    assert waiting(subject(), "architect 1", "s", "why", {}).key == "r/waiting/architect 1"
    assert escalated(subject(), "r/architect.gate/1", "s", "why", 1).key == "r/escalated/architect.gate/1"
    assert failed(subject(), 2, failure("m")).key == "r/failed/2"
    assert delivered(subject(), 3, DeliveryStatus.DONE).key == "r/delivered/3"


@pytest.mark.parametrize("kind", FailureKind)
def test_a_failure_comes_with_its_hint(kind: FailureKind) -> None:
    text = failed(subject(), 1, failure("3 tests are red", kind)).text
    assert f"**Why:** {kind} at tester, 3 tests are red" in text
    hint = text.split("**Next:** ")[1].split("\n")[0]
    assert hint.replace(" in the run's report", " below") == HINTS[kind]
    assert "below" not in text


def test_a_failure_before_the_first_step_names_none() -> None:
    assert "**Why:** tests_red, m" in failed(subject(), 1, failure("m", step="")).text


@pytest.mark.parametrize("status", [one for one in DeliveryStatus if one is not DeliveryStatus.FAILED])
def test_every_other_end_says_what_is_next(status: DeliveryStatus) -> None:
    text = delivered(subject(), 1, status, "because").text
    assert f"**{status.value.capitalize()}:**" in text
    assert "**Why:** because" in text
    assert re.search(r"\*\*Next:\*\* \w", text)


def test_most_choices_are_named_and_the_rest_counted() -> None:
    text = waiting(subject(), "g", "s", "why", {str(number): "x" for number in range(13)}).text
    assert text.count("\n- ") == 11
    assert "- and 3 more on the run's page" in text
    assert "\n- " not in waiting(subject(), "g", "s", "why", {}).text


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (3_600, "1 h"),
        (7_260, "2 h 1 min"),
        (90_000, "1 d 1 h"),
        (86_460, "1 d"),
    ],
)
def test_a_wait_is_said_in_its_largest_units(seconds: float, said: str) -> None:
    assert duration(seconds) == said


def test_a_message_is_a_value() -> None:
    one, other = (waiting(subject(), "g", "s", "why", CHOICES) for _ in range(2))
    assert one == other == Message.model_validate_json(one.model_dump_json())
