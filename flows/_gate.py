"""A gate's wait: a pause for as long as somebody may be watching, then the same form without a process.

Prefect's answer names the run, not the gate: each choice therefore carries the gate's name, and a form of an older
gate is refused. Each pause has a number of its own, because Prefect keeps the forms of earlier ones for ever.
"""

from __future__ import annotations

import asyncio
import json
import re
from datetime import datetime
from typing import Any, Literal, NamedTuple, cast
from uuid import UUID

import anyio
from prefect import get_client, get_run_logger, pause_flow_run
from prefect.client.orchestration import PrefectClient, SyncPrefectClient
from prefect.client.schemas.objects import FlowRun, State
from prefect.context import AsyncClientContext, FlowRunContext
from prefect.exceptions import Abort, Pause
from prefect.input import RunInput
from prefect.states import Running, Scheduled, Suspended
from pydantic import Field, create_model
from pydantic.config import JsonDict

from contracts.answers import HOW
from contracts.errors import Misconfigured
from contracts.gate import Given, Question
from tasks._inputs import HEAD, inputs, responses

POLL_SECONDS = 1.0
"""How often a waiting process looks for an answer; this costs half a percent of a core on the server."""
_LONGEST = 10 * 365 * 86_400
"""Prefect wants an end for a pause; a gate without a due date has none, so this one is out of reach."""
_SOON = 0.05
_NAME = "Kept as you state it: this server does not prove who you are."


class Wait(NamedTuple):
    """What is waited for."""

    key: str
    question: Question
    description: str
    window: float


def wait_for_person(wait: Wait) -> Given:
    """Return the first answer to a question, waiting for it when there is none yet.

    Raises:
        Pause: nobody answered in the attentive window; the run is suspended and this process must end.
        Abort: another process has taken the run over; this one must end.
    """
    context = FlowRunContext.get()
    if context is None or context.flow_run is None:
        raise Misconfigured("a gate waits outside a flow run; call the pipeline's flow")
    run = context.flow_run.id
    with get_client(sync_client=True) as client:
        given = _given(client, run, wait.key)
        if given is not None:
            return given
        _keep(client, run)
        flow_run = client.read_flow_run(run)
        pause = f"{wait.key}--{_next_number(client, flow_run, wait.key)}"
    detaches = flow_run.deployment_id is not None and flow_run.parent_task_run_id is None
    get_run_logger().info("waiting for a person at %s: %s", wait.question.gate, wait.question.message)
    if not detaches:
        get_run_logger().warning("this run has no deployment, so it keeps its process while it waits")
    form = form_of(wait)
    try:
        state = asyncio.run(_pause(run, pause, form, wait.window if detaches else float("inf")))
    except RuntimeError:
        with get_client(sync_client=True) as client:
            if not _keep(client, run):
                raise
        return wait_for_person(wait)
    with get_client(sync_client=True) as client:
        return _handed_over(client, run, wait, pause, state)


def _keep(client: SyncPrefectClient, run: UUID) -> bool:
    """Let a run that this process walks not be crashed; return whether it was.

    A worker may report the death of an earlier process when the run was taken up again, and Prefect lets no crashed
    run pause.
    """
    state = client.read_flow_run(run).state
    crashed = state is not None and state.is_crashed()
    if crashed:
        client.set_flow_run_state(run, Running(), force=True)
    return crashed


def form_of(wait: Wait) -> type[RunInput]:
    """Return the form that Prefect shows and by which it checks an answer: three fields, the tall one last.

    What a person must read stands at the choices: Prefect's page folds a text above the form to nothing when the form
    is tall.
    """
    question = wait.question
    labels = tuple(question.label(choice) for choice in question.choices)
    fields: dict[str, Any] = {
        "decision": (Literal[labels], Field(title=question.title, description=_in_field(wait.description))),
        "your_name": (str, Field(title="Your name", min_length=1, description=_NAME)),
        **_words(question),
    }
    return create_model("Decision", __base__=RunInput, **fields)


def _words(question: Question) -> dict[str, Any]:
    """The field for words: answers to findings, or a comment; Prefect shows several lines in a field of code only."""
    needed = f" Needed for: {', '.join(question.wordy)}." if question.wordy else ""
    told = HOW if question.answers_findings else f"Whoever goes on with the work reads it.{needed}"
    text = question.typed or (question.form() if question.answers_findings else "")
    extra: JsonDict | None = {"format": "json-string"} if "\n" in text else None
    name = "answers" if question.answers_findings else "comment"
    return {name: (str, Field(default=text, title=name.title(), description=told, json_schema_extra=extra))}


def _in_field(text: str) -> str:
    """Markdown for the description of a field, where Prefect's page takes one line break of each row away."""
    return text.replace("\n", "\n\n")


def _given(client: SyncPrefectClient, run: UUID, key: str) -> Given | None:
    """The first answer to a gate, whichever of its pauses it was given to."""
    rows = responses(client, run, key)
    if not rows:
        return None
    first = rows[0]
    values = cast(dict[str, str], json.loads(first["value"]))
    return Given(
        decision=values["decision"],
        text=values.get("comment", values.get("answers", "")),
        who=values["your_name"],
        proven=False,
        channel="prefect",
        at=datetime.fromisoformat(first["created"]),
    )


def _next_number(client: SyncPrefectClient, flow_run: FlowRun, key: str) -> int:
    """A number that no earlier pause of the gate has, not even one whose form was never saved."""
    pauses = [f"{HEAD}{pause}-" for pause in flow_run.empirical_policy.pause_keys or ()]
    names = [row["key"] for row in inputs(client, flow_run.id, f"{HEAD}{key}--")] + pauses
    numbers = [int(found[1]) for name in names if (found := re.match(rf"{HEAD}{re.escape(key)}--(\d+)-", name))]
    return max(numbers, default=0) + 1


async def _pause(run: UUID, key: str, form: type[RunInput], window: float) -> State[Any] | None:
    """Pause until somebody answers, the window is over, or the run is not ours any more; return its state then.

    Raises:
        RuntimeError: Prefect does not let this run pause.
    """
    failed: list[Exception] = []
    state: State[Any] | None = None
    async with AsyncClientContext.get_or_create() as context, anyio.create_task_group() as group:
        # without this context Prefect makes a client for each form and never closes it
        before = (await context.client.read_flow_run(run)).state_id

        async def hold() -> None:
            pause = cast(Any, pause_flow_run)
            try:
                await pause(wait_for_input=form, key=key, timeout=_LONGEST, poll_interval=_LONGEST, _sync=False)
            except Exception as error:  # noqa: BLE001 - raised outside of the group, which would wrap it
                failed.append(error)
                group.cancel_scope.cancel()

        group.start_soon(hold)
        state = await _watch(context.client, run, before, window)
        group.cancel_scope.cancel()
    if failed:
        raise failed[0]
    return state


async def _watch(client: PrefectClient, run: UUID, before: UUID | None, window: float) -> State[Any] | None:
    """Return the state in which a run is when its pause is over, be it one that nobody could see for an instant."""
    end = anyio.current_time() + window
    while True:
        state = (await client.read_flow_run(run)).state
        begun = state is not None and state.id != before
        if begun and not _waits(state):
            return state
        if begun and anyio.current_time() >= end and await _shows(client, run, state):
            return state
        await anyio.sleep(min(POLL_SECONDS, max(end - anyio.current_time(), _SOON)) if begun else _SOON)


async def _shows(client: PrefectClient, run: UUID, state: State[Any] | None) -> bool:
    """Whether the form of a pause is there; it is sent after the pause, and would be lost when this process left."""
    keys = state.state_details.run_input_keyset if state is not None else None
    wanted = {"prefix": (keys or {}).get("schema", ""), "limit": 1}
    path = "/flow_runs/{id}/input/filter"
    return bool((await client.request("POST", path, path_params={"id": run}, json=wanted)).json())


def _waits(state: State[Any] | None) -> bool:
    """Whether a run is paused with its process."""
    return state is not None and state.is_paused() and not state.state_details.pause_reschedule


def _handed_over(client: SyncPrefectClient, run: UUID, wait: Wait, pause: str, state: State[Any] | None) -> Given:
    """Return the answer when this process still owns the run; else leave the run to whoever has it."""
    if state is not None and state.is_running() and not _taken_over(client, run, pause):
        return _given(client, run, wait.key) or wait_for_person(wait)  # without an answer it was set to run by hand
    if state is not None and state.is_crashed() and _keep(client, run):
        return wait_for_person(wait)
    if state is None or not _waits(state):
        get_run_logger().warning("another process or a person has taken this run; this process leaves it")
        raise Abort("the run is not owned by this process any more")
    suspended = _suspend(client, run, wait, state)
    if _given(client, run, wait.key) is not None:  # answered in the milliseconds of the hand-over
        client.set_flow_run_state(run, Scheduled(name="Resuming"))
    raise Pause(state=suspended)


def _suspend(client: SyncPrefectClient, run: UUID, wait: Wait, state: State[Any]) -> State[Any]:
    """Keep the question open without this process: the same pause and the same form, as a suspended state."""
    details = state.state_details
    form = HEAD + str(details.pause_key)
    if not [row for row in inputs(client, run, form) if row["key"] == f"{form}-schema"]:
        form_of(wait).save(cast(Any, details.run_input_keyset), run)
    suspended = Suspended(timeout_seconds=_LONGEST, pause_key=details.pause_key)
    suspended.state_details.run_input_keyset = details.run_input_keyset
    suspended.state_details.pause_timeout = details.pause_timeout
    get_run_logger().info("nobody answered so far; the run waits on without a process")
    return cast(State[Any], client.set_flow_run_state(run, suspended, force=True).state)


def _taken_over(client: SyncPrefectClient, run: UUID, pause: str) -> bool:
    """Whether the run was suspended or scheduled since this pause began, so that another process runs it."""
    raw = client.request("GET", "/flow_run_states/", params={"flow_run_id": str(run)}).json()
    states = sorted((cast(dict[str, Any], one) for one in raw), key=lambda one: str(one["timestamp"]))
    mine = [at for at, one in enumerate(states) if one["state_details"].get("pause_key") == pause]
    after = states[max(mine) + 1 :] if mine else []
    return any(one["type"] in ("SCHEDULED", "PENDING") or one["name"] == "Suspended" for one in after)
