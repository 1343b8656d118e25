"""An answer from outside the Prefect UI reaches the gate that it was meant for, or is kept as one that came late."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any, NamedTuple, cast
from uuid import UUID, uuid4

import httpx
from prefect.client.orchestration import SyncPrefectClient

from blocks.ledger import Decision, Gate, Ledger
from blocks.loading import load
from contracts.errors import Refused, Unavailable
from contracts.gate import ANSWER, BY_POLICY, MARK, Given, Standing, is_approver, pause_key
from contracts.redaction import redact
from tasks._inputs import responses
from tasks._standing import Standing as RunStanding
from tasks._standing import prefect_client, standing

_TRIES = 20
_BETWEEN_SECONDS = 0.5


class Settled(NamedTuple):
    """An answer that Prefect took."""

    gate: str
    choice: str
    who: str


class _Form(NamedTuple):
    choices: list[str]
    text: str


def answer_gate(*, run: str, choice: str, who: str, comment: str = "", channel: str, proven: bool = False) -> Settled:
    """Give the answer of a person to the gate at which a run waits.

    Args:
        run: id of the flow run.
        choice: what is chosen, with or without the name of the gate.
        who: who answers.
        comment: comment, replacing text, or the filled-in answers to findings.
        channel: where it was answered, such as slack.
        proven: whether the channel proves who answered.

    Raises:
        Refused: the run does not wait, the gate was settled by somebody else, the choice is not offered, or the
            person may not answer; what was said is kept in the ledger and changes nothing.
        Unavailable: Prefect did not answer, or the run waits and shows no form yet.
    """
    found = standing(run)
    given = Given(decision=choice, text=comment, who=who.strip(), proven=proven, channel=channel, at=datetime.now(UTC))
    gate = found.waiting[-1] if found.waiting else None
    if gate is None:
        _keep(found, None, given, "late")
        raise Refused(f"run {run!r} waits for nobody ({found.state}); your answer is kept and changes nothing")
    approvers = found.opening.policy.approvers if found.opening else []
    if channel != BY_POLICY and not is_approver(given.who, approvers):
        _keep(found, gate, given, "unauthorised")
        raise Refused(f"{given.who!r} may not answer here; the policy names {', '.join(map(repr, approvers))}")
    with prefect_client() as client:
        if responses(client, UUID(run), _pause(gate)):
            _keep(found, gate, given, "late")
            raise Refused(f"{gate.step!r} was answered a moment ago; your answer is kept and changes nothing")
        form = _form(client, found, gate)
        given = given.model_copy(update={"decision": _label(form, choice)})
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
        return [label.rpartition(MARK)[0] for label in _form(client, found, found.waiting[-1]).choices]


def _pause(gate: Gate) -> str:
    return pause_key(gate.step, int(gate.key.rpartition("/")[2]))


def _form(client: SyncPrefectClient, found: RunStanding, gate: Gate) -> _Form:
    """The form of a gate, as soon as the run shows it: a pause and its form are two calls of the run's process."""
    for left in reversed(range(_TRIES)):
        state = client.read_flow_run(UUID(found.run)).state
        keys = state.state_details.run_input_keyset if state and state.is_paused() else None
        if state and keys and str(state.state_details.pause_key).rpartition("--")[0] == _pause(gate):
            schema = _schema(client, found.run, keys["schema"])
            if schema is not None:
                properties = schema["properties"]
                offered = properties["decision"]
                choices = cast(list[str], offered.get("enum") or [offered["const"]])
                return _Form(choices, "answers" if "answers" in properties else "comment")
        if left:
            time.sleep(_BETWEEN_SECONDS)
    raise Unavailable(f"run {found.run!r} does not show its form yet; answer again in a minute")


def _schema(client: SyncPrefectClient, run: str, key: str) -> dict[str, Any] | None:
    try:
        response = client.request("GET", "/flow_runs/{id}/input/{key}", path_params={"id": run, "key": key})
    except httpx.HTTPStatusError as error:
        if error.response.status_code == 404:
            return None
        raise
    return cast(dict[str, Any], response.json())


def _label(form: _Form, choice: str) -> str:
    wanted = [label for label in form.choices if choice.strip().casefold() in _names(label)]
    if not wanted:
        offered = ", ".join(repr(label.rpartition(MARK)[0]) for label in form.choices)
        raise Refused(f"{choice!r} is not offered here; choose one of {offered}")
    return wanted[0]


def _names(label: str) -> tuple[str, str]:
    return label.casefold(), label.rpartition(MARK)[0].casefold()


def _send(client: SyncPrefectClient, found: RunStanding, gate: Gate, form: _Form, given: Given) -> None:
    """Resume the run with the answer; who gave it and where is in the ledger before, because the form cannot say."""
    ledger, key = load(found.ledger, Ledger), f"{gate.key}/{ANSWER}/{given.digest}"
    ledger.intend(key, found.run, ANSWER, json.dumps({"channel": given.channel, "proven": given.proven}))
    values = {"decision": given.decision, form.text: given.text, "your_name": given.who}
    try:
        result = client.resume_flow_run(UUID(found.run), run_input=values)
        refused = "" if result.status.value == "ACCEPT" else str(getattr(result.details, "reason", ""))
    except httpx.HTTPStatusError as error:
        if error.response.status_code != 409:
            raise
        refused = "it was answered a moment ago"
    if refused:
        ledger.withdraw(key)
        _keep(found, gate, given, "late")
        raise Refused(f"Prefect did not take the answer: {redact(refused)}; it is kept and changes nothing")
    ledger.confirm(key, given.decision)


def _keep(found: RunStanding, gate: Gate | None, given: Given, standing: Standing) -> None:
    """Keep an answer that changes nothing, with the last gate that it can have been meant for."""
    asked = gate.key if gate else next((one.gate for one in reversed(found.decisions)), "")
    if not asked:
        return
    counted = [one for one in found.decisions if one.gate == asked and one.standing == "counted"]
    same = [one for one in counted if one.who == given.who and given.decision.startswith(one.choice)]
    row = Decision(
        key=f"{asked}/{uuid4()}",
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
