"""An answer from outside the Prefect UI reaches the gate that it was meant for, or is kept as one that came late."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID, uuid4

import httpx
from prefect.client.orchestration import SyncPrefectClient

from blocks.ledger import Decision, Gate, Ledger
from blocks.loading import load
from contracts.errors import Refused
from contracts.gate import ANSWER, MARK, Given, Standing, may_answer
from contracts.redaction import redact
from tasks._forms import Form, form_at, pause_of
from tasks._inputs import responses
from tasks._standing import Standing as RunStanding
from tasks._standing import prefect_client, standing


class Settled(NamedTuple):
    """An answer that Prefect took."""

    gate: str
    choice: str
    who: str


def answer_gate(*, run: str, choice: str, who: str, comment: str = "", channel: str, proven: bool = False) -> Settled:
    """Give the answer of a person to the gate at which a run waits.

    Args:
        run: id of the flow run.
        choice: what is chosen, with or without the name of the gate.
        who: who answers.
        comment: comment, replacing text, or the filled-in answers to findings.
        channel: where it was answered, such as command line.
        proven: whether it is known who answers.

    Raises:
        Refused: the run does not wait, the gate was settled by somebody else, the choice is not offered, or the
            person may not answer; what was said is kept in the ledger and changes nothing.
        Unavailable: Prefect did not answer, or the run waits and shows no form yet.
    """
    found = standing(run)
    given = Given(decision=choice, text=comment, who=who.strip(), proven=proven, channel=channel, at=datetime.now(UTC))
    gate = found.waiting[-1] if found.waiting else None
    if gate is None:
        keep_answer(found, None, given, "late")
        raise Refused(f"run {run!r} waits for nobody ({found.state}); your answer is kept and changes nothing")
    if found.opening is not None and not may_answer(given, found.opening.policy):
        keep_answer(found, gate, given, "unauthorised")
        named = ", ".join(map(repr, found.opening.policy.approvers)) or "only people in Slack"
        raise Refused(f"{given.who!r} may not answer here; the policy names {named}")
    with prefect_client() as client:
        if responses(client, UUID(run), pause_of(gate)):
            keep_answer(found, gate, given, "late")
            raise Refused(f"{gate.step!r} was answered a moment ago; your answer is kept and changes nothing")
        form = form_at(client, run, gate)
        given = given.model_copy(update={"decision": form.label(choice)})
        _send(client, found, gate, form, given)
    return Settled(gate.key, given.decision.rpartition(MARK)[0], given.who)


def choices_of(run: str) -> list[str]:
    """Return what may be chosen at the gate where a run waits.

    Raises:
        Refused: the run waits for nobody.
        Unavailable: Prefect did not answer, or the run waits and shows no form yet.
    """
    found = standing(run)
    if not found.waiting:
        raise Refused(f"run {run!r} waits for nobody ({found.state})")
    with prefect_client() as client:
        return [label.rpartition(MARK)[0] for label in form_at(client, run, found.waiting[-1]).choices]


def resume(client: SyncPrefectClient, run: str, form: Form, given: Given) -> str:
    """Resume a run with an answer; return why Prefect did not take it, or an empty text.

    Raises:
        httpx.HTTPError: Prefect did not answer.
    """
    values = {"decision": given.decision, form.text: given.text, "your_name": given.who}
    try:
        result = client.resume_flow_run(UUID(run), run_input=values)
    except httpx.HTTPStatusError as error:
        if error.response.status_code != 409:
            raise
        return "it was answered a moment ago"
    if result.status.value == "ACCEPT":
        return ""
    return str(getattr(result.details, "reason", "")) or "it gives no reason"


def keep_answer(found: RunStanding, gate: Gate | None, given: Given, standing: Standing, name: str = "") -> Standing:
    """Keep an answer that changes nothing, with the last gate that it can have been meant for.

    Args:
        found: the run.
        gate: what it answers; none: the last gate that was answered.
        given: the answer.
        standing: why it changes nothing; a late one that repeats what was decided is a duplicate.
        name: what tells it from other answers to the gate; empty: it is kept as often as it is given.

    Returns:
        The standing under which it is kept.
    """
    asked = gate.key if gate else next((one.gate for one in reversed(found.decisions)), "")
    if not asked:
        return standing
    counted = [one for one in found.decisions if one.gate == asked and one.standing == "counted"]
    same = [one for one in counted if one.who == given.who and given.decision.startswith(one.choice)]
    row = Decision(
        key=f"{asked}/{name or uuid4()}",
        gate=asked,
        run=found.run,
        step=asked.split("/")[1].partition(".")[0],
        who=given.who,
        proven=given.proven,
        channel=given.channel,
        at=given.at,
        choice=redact(given.decision),
        comment=redact(given.text),
        standing="duplicate" if standing == "late" and same else standing,
    )
    load(found.ledger, Ledger).decide(row)
    return row.standing  # type: ignore[return-value] - the row has it as a text


def _send(client: SyncPrefectClient, found: RunStanding, gate: Gate, form: Form, given: Given) -> None:
    """Resume the run with the answer; who gave it and where is in the ledger before, because the form cannot say."""
    ledger, key = load(found.ledger, Ledger), f"{gate.key}/{ANSWER}/{given.digest}"
    ledger.intend(key, found.run, ANSWER, json.dumps({"channel": given.channel, "proven": given.proven}))
    refused = resume(client, found.run, form, given)
    if refused:
        ledger.withdraw(key)
        keep_answer(found, gate, given, "late")
        raise Refused(f"Prefect did not take the answer: {redact(refused)}; it is kept and changes nothing")
    ledger.confirm(key, given.decision)
