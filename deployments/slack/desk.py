"""What people do in Slack is taken: kept before it is acknowledged, so that nothing is lost when this process dies."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Event
from typing import Any

from pydantic import ValidationError

from blocks.ledger import Ledger
from blocks.ledger.inbox import Delivery
from blocks.ledger.proven import Proof
from blocks.slack_channel import SlackChannel
from contracts.asked import Asked
from contracts.errors import DeliveryError
from contracts.gate import SLACK
from contracts.intake.webhook import DeliveryOutcome, Source, Trouble
from contracts.redaction import redact
from contracts.slack.blocks import WITH_COMMENT, opens_form
from contracts.slack.markup import literal
from contracts.slack.modal import modal, read_modal
from contracts.slack.payload import Deed, Press, Sent, Wish, read_command, read_event, read_interaction
from contracts.slack.shapes import Unfit
from deployments.slack.wishes import Wishes

_AWAY = "Your answer could not be kept just now. Please give it again in a minute."
_UNKNOWN = "I do not know this question any more. What the run asks now is in its newest message."
Reply = dict[str, Any]


class Desk:
    """Takes what people do, whichever way it comes.

    Args:
        ledger: where it is kept.
        channel: the app.
        say: where troubles are told.
    """

    def __init__(self, ledger: Ledger, channel: SlackChannel, say: Callable[[str], None]) -> None:
        self._ledger, self._channel, self._say = ledger, channel, say
        self._team = channel.identity().team
        self._errands = ThreadPoolExecutor(4, thread_name_prefix="slack")
        self.answered = Event()
        """Set when an answer was kept."""
        self.wishes = Wishes(ledger, channel)

    def __enter__(self) -> Desk:
        """Be there."""
        return self

    def __exit__(self, *_: object) -> None:
        """Finish what is being said."""
        self._errands.shutdown()

    def take(self, sort: str, payload: Any) -> Reply:
        """Take one payload of Slack and return what it is acknowledged with.

        Args:
            sort: interactive, slash_commands or events_api.
            payload: what Slack sent, read as JSON.
        """
        try:
            return self._do(self._read(sort, payload))
        except Unfit as error:
            self.refuse(Trouble.UNREADABLE, str(error))
        except Exception as error:  # noqa: BLE001 - one payload must not keep the next ones from being taken
            self._say(f"a payload of {sort!r} was not taken: {type(error).__name__}: {redact(str(error))[:300]}")
        return {}

    def refuse(self, trouble: Trouble, detail: str) -> None:
        """Log something that was not accepted, and do nothing else; those of one reason and minute are one row."""
        self._say(f"refused: {trouble.value}: {redact(detail)[:300]}")
        at = datetime.now(UTC)
        name = f"refused {trouble.name.lower()} {at:%Y-%m-%dT%H:%MZ}"
        row = Delivery(
            source=Source.SLACK.value,
            delivery=name,
            event="",
            digest=name,
            received_at=at,
            outcome=DeliveryOutcome.REFUSED.value,
            reason=redact(f"{trouble.value}: {detail}")[:1_000],
            next_try_at=at,
            settled_at=at,
        )
        try:
            self._ledger.receive([], [row])
        except DeliveryError as error:
            self._say(redact(error.message))

    def _read(self, sort: str, payload: Any) -> Deed | None:
        match sort:
            case "interactive":
                return read_interaction(payload, self._team)
            case "slash_commands":
                return read_command(payload, self._team)
            case "events_api":
                return read_event(payload, self._team)
            case _:
                return None

    def _do(self, deed: Deed | None) -> Reply:
        match deed:
            case Press():
                return self._pressed(deed)
            case Sent():
                return self._sent(deed)
            case Wish():
                return self.wishes.take(deed, lambda text: self._whisper(deed, text))
            case _:
                return {}

    def _pressed(self, press: Press) -> Reply:
        try:
            asked = self._asked(press.gate)
            if asked is None:
                self._whisper(press, _UNKNOWN)
                return {}
            _check(asked, press.choice)
            if press.opens or opens_form(asked, asked.choices[press.choice]):
                self._errands.submit(self._open, press, asked)
            else:
                self._keep(press, asked.choices[press.choice], "", press.gate)
        except DeliveryError as error:
            self._say(redact(error.message))
            self._whisper(press, _AWAY)
        return {}

    def _open(self, press: Press, asked: Asked) -> None:
        """Show the form; a trigger that is too old opens nothing, and the person is told."""
        place = press.place.model_dump()
        try:
            self._channel.link.open_form(press.trigger, modal(asked, press.choice, place))
        except DeliveryError as error:
            self._say(redact(f"{error.message} {error.detail}".strip()))
            self._whisper(press, "The form did not open. Please press the button once more.")

    def _sent(self, sent: Sent) -> Reply:
        first = next(iter(sent.values), "comment")
        try:
            asked = self._asked(sent.gate)
            if asked is None:
                return _errors({first: _UNKNOWN})
            _check(asked, sent.choice)
            filled = read_modal(asked, sent.choice, sent.values)
            if isinstance(filled, dict):
                return _errors(filled)
            self._keep(sent, filled.choice, filled.text, sent.gate)
        except DeliveryError as error:
            self._say(redact(error.message))
            return _errors({first: _AWAY})
        return {}

    def _asked(self, gate: str) -> Asked | None:
        """What the gate asks; none: there is no such gate, or an earlier release asked it."""
        row = self._ledger.gate(gate)
        try:
            return Asked.model_validate_json(row.asked) if row is not None and row.asked else None
        except ValidationError:
            return None

    def _keep(self, deed: Deed, choice: str, text: str, gate: str) -> None:
        """Keep an answer with what proves it, and let it be handed over."""
        proof = Proof(
            source=deed.source,
            nonce=secrets.token_urlsafe(24),
            gate=gate,
            run=gate.partition("/")[0],
            channel=SLACK,
            person=deed.person,
            name=redact(deed.name),
            choice=choice,
            text=redact(text),
            place=deed.place.model_dump_json(),
            at=datetime.now(UTC),
        )
        self._ledger.prove(proof)
        self.answered.set()

    def _whisper(self, deed: Deed, text: str) -> None:
        def say() -> None:
            try:
                self._channel.link.whisper(deed.place.channel, deed.person, literal(text), deed.place.thread)
            except DeliveryError as error:
                self._say(redact(error.message))

        self._errands.submit(say)


def _check(asked: Asked, choice: int) -> None:
    if choice != WITH_COMMENT and choice >= len(asked.choices):
        raise Unfit(f"the gate {asked.gate!r} has no choice number {choice}")


def _errors(problems: dict[str, str]) -> Reply:
    """What lets Slack's form stay open and show what is wrong."""
    return {"response_action": "errors", "errors": problems}
