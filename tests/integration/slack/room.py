"""A workspace of Slack and a ledger, with a question that both know."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pydantic import SecretStr

from bench.slack_server import Person, SlackServer
from blocks.ledger import Gate, Ledger
from blocks.slack_channel import SlackChannel
from contracts.asked import asked_of
from contracts.choices import offered
from contracts.gate import Question
from contracts.message import Subject, waiting
from contracts.rules import AskReason

GATE = "r1/merger.gate/1"


@dataclass
class Room:
    """A workspace, a ledger, and a question that both know."""

    slack: SlackServer
    ledger: Ledger
    said: list[str] = field(default_factory=list[str])

    @property
    def channel(self) -> SlackChannel:
        space = self.slack.workspace
        tokens = {"token": SecretStr(space.token), "app_token": SecretStr(space.app_token)}
        return SlackChannel(**tokens, channel=space.channel.id, address=self.slack.url)  # type: ignore[arg-type]

    @property
    def ada(self) -> Person:
        return Person(self.slack, "U0ADA")

    def ask(self, reason: AskReason = AskReason.MERGE_REVIEW, **changed: Any) -> str:
        """Ask as a run does; return the ts of the message."""
        choices = offered(reason, [], redo=True, text=True)
        question = Question(gate="merger 1", step="merger", reason=reason, message="why", choices=choices, **changed)
        asked = asked_of(question, GATE, "Use cents.")
        row = Gate(
            key=GATE,
            run="r1",
            step="merger",
            reason="why",
            title="t",
            channel="slack-channel/main",
            opened_at=datetime.now(UTC),
            asked=asked.model_dump_json(),
        )
        self.ledger.wait(row)
        subject = Subject(run="r1", title="t", repository="shop", pipeline="build")
        return self.channel.post(waiting(subject, "merger 1", "merger", "why", asked.does, asked.told())).split("/")[1]

    def kept(self) -> list[tuple[str, str, str]]:
        return [(one.person, one.choice, one.text) for one in self.ledger.open_proofs()]

    def refusals(self) -> list[str]:
        return [one.reason for one in self.ledger.deliveries() if one.outcome == "refused"]

    def changed(self) -> bool:
        """Whether an answer, work or anything else than a refusal was kept."""
        return bool(self.kept()) or any(one.outcome != "refused" for one in self.ledger.deliveries())


def soon(look: Callable[[], Any], seconds: float = 20.0) -> Any:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := look():
            return found
        time.sleep(0.01)
    raise AssertionError(f"not within {seconds:.0f} s")
