"""Answers that people gave in Slack reach their runs: kept in the ledger, handed over as soon as Prefect is there.

It may be killed anywhere: whoever goes on finds what was kept, and a run that has the answer is not given it again.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from threading import Event

from blocks.ledger import Ledger
from blocks.ledger.proven import Proof
from blocks.slack_channel import SlackChannel
from contracts.errors import DeliveryError, Refused, Unavailable
from contracts.markdown import plain
from contracts.redaction import redact
from contracts.slack.markup import literal
from contracts.slack.payload import Place
from tasks.announcing import announce_missed
from tasks.handing import Handed, approvers_at, hand_over

_LOOK_SECONDS = 5.0
_FIRST_WAIT, _MOST_WAIT = 1.0, 30.0
_ANNOUNCE_SECONDS = 60.0
"""How often questions are looked for that nobody was told of."""
_GROUP = "S"


class Answers:
    """Hands answers over.

    Args:
        ledger: where answers are kept.
        channel: the app, by which people and groups are looked up and told.
        say: where troubles are told.
    """

    def __init__(self, ledger: Ledger, channel: SlackChannel, say: Callable[[str], None]) -> None:
        self._ledger, self._channel, self._say = ledger, channel, say
        self._waits: dict[str, tuple[float, float]] = {}

    def run(self, over: Event, arrived: Event) -> None:
        """Hand over what is kept until `over` is set; `arrived` wakes it when something came."""
        announced = float("-inf")
        while not over.is_set():
            arrived.clear()
            pause = _LOOK_SECONDS
            try:
                pause = self.once()
                if time.monotonic() - announced > _ANNOUNCE_SECONDS:
                    announced = time.monotonic()
                    announce_missed()
            except Exception as error:  # noqa: BLE001 - a trouble of this round must not end the next ones
                self._say(
                    redact(error.message if isinstance(error, DeliveryError) else f"{type(error).__name__}: {error}")
                )
            if not over.is_set():
                arrived.wait(pause)

    def once(self) -> float:
        """Hand over what is due, and return after how many seconds to look again.

        Raises:
            DeliveryError: the ledger did not answer; nothing is lost.
        """
        found = self._ledger.open_proofs()
        self._waits = {one.source: self._waits[one.source] for one in found if one.source in self._waits}
        for proof in found:
            due, wait = self._waits.get(proof.source, (0.0, 0.0))
            if time.monotonic() < due:
                continue
            try:
                self._settle(proof)
            except Unavailable as error:
                self._put_off(proof, wait, error.message)
            except Exception as error:  # noqa: BLE001 - one answer must not keep those behind it waiting
                self._put_off(proof, wait, f"{type(error).__name__}: {error}")
        left = [due - time.monotonic() for due, _ in self._waits.values()]
        return min([_LOOK_SECONDS, *(max(one, 0.05) for one in left)])

    def _settle(self, proof: Proof) -> None:
        """Bring an answer to its end, and tell the person.

        Raises:
            Unavailable: Prefect, Slack or the ledger did not answer.
        """
        try:
            handed = hand_over(proof if proof.who else self.identified(proof))
        except Unavailable:
            raise
        except DeliveryError as error:
            handed = Handed("void", redact(error.message))
        self._say(f"{proof.source}: {proof.choice} at {proof.gate} by {proof.person}: {handed.standing}, {handed.said}")
        self.tell(proof, handed.said)
        self._ledger.close_proof(proof.source, handed.standing)
        self._waits.pop(proof.source, None)

    def identified(self, proof: Proof) -> Proof:
        """Return an answer with who gave it and which of the policy's groups they are in, and keep that.

        Raises:
            Refused: the person is no active member of this workspace, or nothing is known of the run.
            Unavailable: Slack, Prefect or the ledger did not answer.
        """
        link, home = self._channel.link, self._channel.identity()
        person = link.person(proof.person)
        if person.id != proof.person or person.team != home.team or not person.active:
            raise Refused(f"{proof.person} is no active member of this workspace; your answer changes nothing")
        groups = [one for one in approvers_at(proof.run) if one.startswith(_GROUP)]
        identities = [person.id, *(one for one in groups if person.id in link.members(one))]
        who = f"{plain(redact(person.name), 60)} ({person.id})"
        self._ledger.identify(proof.source, who, identities)
        return proof.model_copy(update={"who": who, "identities": " ".join(identities)})

    def _put_off(self, proof: Proof, before: float, why: str) -> None:
        """Try again later; the person is told once that it takes time."""
        wait = min(max(before * 2, _FIRST_WAIT), _MOST_WAIT)
        self._waits[proof.source] = time.monotonic() + wait, wait
        if not before:
            self._say(redact(f"{proof.source} waits: {why}"))
            self.tell(proof, "Your answer is kept. The run cannot be reached just now; it gets it as soon as it can.")

    def tell(self, proof: Proof, text: str) -> None:
        """Tell the person who answered, and nobody else; a Slack that does not take it keeps nothing waiting."""
        place = Place.model_validate_json(proof.place)
        with suppress(DeliveryError):
            self._channel.link.whisper(place.channel, proof.person, literal(text), place.thread)
