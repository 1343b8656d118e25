"""A message in Slack: what a person reads there, within Slack's limits, with nothing from outside doing anything."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.slack_server.block_kit import message_problems
from contracts.asked import Asked, asked_of
from contracts.choices import offered
from contracts.delivery import DeliveryStatus
from contracts.failure import Failure, FailureKind
from contracts.gate import Question
from contracts.message import Message, Settlement, Subject, delivered, escalated, failed, parked, settled, waiting
from contracts.review import Finding
from contracts.rules import AskReason
from contracts.slack.blocks import EVENT_TYPE, blocks_of, fallback, metadata_of
from contracts.slack.markup import literal, mrkdwn

SNAPSHOTS = Path(__file__).with_name("slack_messages")
KEY = "0192f0c4-aaaa-7bbb-8ccc-123456789abc/merger.gate/1"
HOSTILE = (
    "<!channel> @here <@U1> *bold* _it_ ~no~ `x` [a](http://evil) https://evil/x :tada: & > \u202e \x00 <http://evil|a>"
)
_LIVE = re.compile(r"<(?!https://(?:delivery|forge)\.example/)[^>]*>")
"""Anything that Slack would read as a link or a mention, other than our own addresses."""


def subject(title: str = "Add a discount") -> Subject:
    pull = "https://forge.example/acme/shop/pull/7"
    link = "https://delivery.example/runs/flow-run/r?a=1&b=2"
    return Subject(
        run=KEY.split("/", maxsplit=1)[0],
        title=title,
        repository="acme/shop",
        pipeline="build",
        link=link,
        pull_request=pull,
    )


def asked(reason: AskReason = AskReason.MERGE_REVIEW, options: tuple[str, ...] = (), **changed: Any) -> Asked:
    fields: dict[str, Any] = {
        "gate": "merger 1",
        "step": "merger",
        "target": "merger",
        "reason": reason,
        "message": "complexity 0.9 is above 0.5",
        "choices": offered(reason, list(options), redo=True, text=True),
        **changed,
    }
    return asked_of(Question(**fields), KEY, "Use cents.")


def ask(question: Asked, title: str = "Add a discount") -> Message:
    return waiting(subject(title), question.name, "merger", question.title, question.does, question.told())


def finding(title: str = "Who pays?", detail: str = "The cart says nothing.") -> Finding:
    return Finding(category="gap", severity="high", title=title, detail=detail)


def every_message(title: str = "Add a discount", words: str = "why") -> dict[str, Message]:
    about, at = subject(title), datetime(2030, 1, 1, tzinfo=UTC)
    decided = Settlement(who=f"Ada {words} (U0ADA)", proven=True, choice="merge", comment=words, seconds=7_260)
    red = Failure(kind=FailureKind.TESTS_RED, message=words, step="tester", at=at)
    review = asked(AskReason.UNSETTLED_REVIEW, message=f"1 finding: {words}", findings=[finding(words)])
    return {
        "waiting": ask(asked(message=words), title),
        "review": ask(review, title),
        "question": ask(asked(AskReason.QUESTION, ("cents", words), message=words, again=words), title),
        "settled": settled(about, "merger 1", "merger", decided),
        "escalated": escalated(about, "merger 1", "merger", words, 7_260),
        "failed": failed(about, 1, red),
        "delivered": delivered(about, 1, DeliveryStatus.MERGED, words),
        "parked": parked(about, "coder.1", "coder", words, "looks again every 15 minutes"),
    }


def texts(value: Any) -> list[str]:
    """Every mrkdwn text in blocks."""
    if isinstance(value, dict):
        block = cast(dict[str, Any], value)
        own = [str(block["text"])] if block.get("type") == "mrkdwn" else []
        return own + [text for one in block.values() for text in texts(one)]
    return [text for one in cast(list[Any], value) for text in texts(one)] if isinstance(value, list) else []


def buttons(message: Message) -> list[dict[str, Any]]:
    return [one for block in blocks_of(message) if block["type"] == "actions" for one in block["elements"]]


@pytest.mark.parametrize("name", sorted(every_message()))
def test_a_message_reads_as_it_was_agreed(name: str) -> None:
    message = every_message()[name]
    shown = {"text": fallback(message), "blocks": blocks_of(message), "metadata": metadata_of(message)}
    wanted = json.loads((SNAPSHOTS / f"{name}.json").read_text())
    assert shown == wanted


@pytest.mark.parametrize("name", sorted(every_message()))
def test_what_comes_from_outside_is_no_link_no_mention_and_no_emphasis(name: str) -> None:
    message = every_message(HOSTILE, HOSTILE)[name]
    assert message_problems(blocks_of(message)) == []
    for text in [*texts(blocks_of(message)), fallback(message)]:
        assert not _LIVE.findall(text), text
        assert "\x00" not in text
        assert not re.search(r"(?<!\u2060)[_~`](?!\u2060)", re.sub(r"<https[^>]*>", "", text).replace("tests_red", ""))
        assert "@here" not in text
        assert ":tada:" not in text


@given(st.text(max_size=6_000), st.text(max_size=6_000))
def test_slack_takes_every_message_whatever_stands_in_it(title: str, words: str) -> None:
    for message in every_message(title or "t", words or "w").values():
        assert message_problems(blocks_of(message)) == []
        assert len(fallback(message)) <= 3_000


def test_as_many_findings_and_choices_as_there_may_be_fit() -> None:
    many = [finding(f"{number} " + "t" * 190, "&" * 2_000) for number in range(20)]
    review = ask(asked(AskReason.UNSETTLED_REVIEW, findings=many))
    assert message_problems(blocks_of(review)) == []
    question = ask(asked(AskReason.QUESTION, tuple(f"{number}" * 100 for number in range(30))))
    assert message_problems(blocks_of(question)) == []
    assert "more choices are on the run's page" in str(blocks_of(question))


def test_each_choice_has_a_button_that_names_its_gate_and_its_number() -> None:
    shown = buttons(ask(asked()))
    assert [one["text"]["text"] for one in shown] == [
        "Merge",
        "Request changes…",
        "Leave open",
        "Reject",
        "With a comment…",
    ]
    values = [json.loads(one["value"]) for one in shown]
    assert values == [{"gate": KEY, "choice": number} for number in (0, 1, 2, 3, -1)]
    assert [one["action_id"].rpartition(".")[0] for one in shown] == [
        "gate.choose",
        "gate.open",
        "gate.choose",
        "gate.choose",
        "gate.open",
    ]


def test_what_cannot_be_taken_back_is_asked_twice() -> None:
    sure = [one["text"]["text"] for one in buttons(ask(asked())) if "confirm" in one]
    assert sure == ["Merge", "Reject"]


def test_a_settled_message_has_no_buttons() -> None:
    assert not buttons(every_message()["settled"])
    assert every_message()["settled"].key == every_message()["waiting"].key


def test_a_message_is_found_again_by_what_stands_in_its_metadata() -> None:
    message = every_message()["failed"]
    assert metadata_of(message) == {
        "event_type": EVENT_TYPE,
        "event_payload": {"key": message.key, "run": message.run, "event": "failed"},
    }


def test_a_secret_in_a_choice_or_a_finding_is_not_shown() -> None:
    secret = "ghp_" + "a1B2" * 9
    said = [ask(asked(AskReason.QUESTION, (secret,), message=secret)), every_message(secret, secret)["review"]]
    for message in said:
        assert secret not in str(blocks_of(message))
        assert secret not in message.model_dump_json()


def test_markdown_becomes_mrkdwn() -> None:
    assert (
        mrkdwn("**Why:** at coder, a \\*star\\* &amp; <b>")
        == "*Why:* at coder, a \u2060*\u2060star\u2060*\u2060 &amp; &lt;b&gt;"
    )
    assert mrkdwn("- **stop**: the run ends") == "• *stop*: the run ends"
    assert mrkdwn("[run](http://127.0.0.1:4200/r?a=1&b=2)") == "<http://127.0.0.1:4200/r?a=1&amp;b=2|run>"
    assert mrkdwn("`delivery retry <id>`") == "`delivery retry &lt;id&gt;`"
    assert mrkdwn("[x](javascript:alert)") == "[x](javascript:alert)"


def test_text_that_is_cut_ends_in_no_half_sign() -> None:
    assert literal("&" * 5, 3) == "&amp;&amp;…"
    assert not re.search(r"&(?!amp;|lt;|gt;)", literal("a&b<c>" * 2_000))
