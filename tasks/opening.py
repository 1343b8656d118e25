"""Admission: everything that can be refused is refused here, before the run has any effect."""

from __future__ import annotations

from datetime import UTC, datetime

from prefect import get_run_logger
from pydantic import BaseModel, ConfigDict, Field

from blocks.channel import Channel
from blocks.coding_agent import CodingAgent
from blocks.delivery_policy import DeliveryPolicy
from blocks.forge import Forge
from blocks.ledger import Ledger
from blocks.ledger.people import Run as RunRow
from blocks.loading import load
from blocks.sandbox import Sandbox
from contracts.delivery import Delivery
from contracts.errors import Misconfigured, Refused
from contracts.journal import Opening, Restart, branch_name, record_key
from contracts.kinds import KINDS
from contracts.pipeline import Pipeline
from contracts.policy import Policy
from contracts.redaction import redact
from contracts.work import WorkItem
from tasks._forecast import with_forecast
from tasks._issue import with_issue
from tasks._replay import journal, journaled, recall
from tasks.losses import recovered


class Request(BaseModel):
    """What a run is asked for; as a visit it has a key and a label."""

    model_config = ConfigDict(frozen=True)

    key: str = Field(description="Key of the opening's record.")
    label: str = Field(description="Name of the task run.")
    run: str = Field(description="Id of the run.")
    attempt: int = Field(ge=1, description="Number of the attempt.")
    item: WorkItem = Field(description="The work item.")
    pipeline: Pipeline = Field(description="The pipeline.")
    policy: str = Field(description="Reference of the policy's block.")
    restart: Restart = Field(description="Whose outcomes are kept.")
    dry_run: bool = Field(description="Everything but effects outside.")


@journaled("opening")
def open_run(visit: Request) -> Opening:
    """Admit the run and fix what it obeys; a retry is admitted anew."""
    opening = _inherit(visit)
    opening.pipeline.check()
    policy = load(visit.policy, DeliveryPolicy, fresh=True).policy
    opening = opening.model_copy(update={"policy": policy, "reference": visit.policy})
    _check_blocks(opening)
    recovered(opening, "opening")
    if opening.pipeline.touches_repository:
        forge = load(opening.item.repository.forge, Forge)
        forge.check_repository(opening.item.repository.name, opening.item.base)
    opening = with_issue(opening)
    item, ledger = opening.item, load(policy.ledger, Ledger)
    ledger.claim(item.identity, opening.run, item.repository.name, opening.pipeline.name, policy.ceiling)
    ledger.open(_row(opening, visit.policy))
    return with_forecast(opening)


def _row(opening: Opening, policy: str) -> RunRow:
    return RunRow(
        run=opening.run,
        title=redact(opening.item.title),
        repository=opening.item.repository.name,
        forge=opening.item.repository.forge,
        pipeline=opening.pipeline.name,
        branch=opening.branch,
        policy=policy,
        attempt=opening.attempt,
        opened_at=datetime.now(UTC),
        ended_at=None,
        reaped_at=None,
    )


def last_ending(run: str) -> tuple[int, Delivery | None]:
    """Return how many attempts of a run have ended, and how the last one did."""
    ended, delivery = 0, None
    while (found := recall(record_key(run, "ending", ended + 1))) is not None:
        ended, delivery = ended + 1, found
    return ended, delivery


def _inherit(request: Request) -> Opening:
    if request.attempt > 1:
        return _retry(request)
    if request.restart.run:
        return _restart(request)
    return Opening(
        run=request.run,
        attempt=1,
        item=request.item,
        pipeline=request.pipeline,
        policy=Policy(),
        branch=branch_name(request.item, request.run),
        dry_run=request.dry_run,
    )


def _retry(request: Request) -> Opening:
    """A step without an outcome is taken up where it was; a step that a rule failed begins anew."""
    before = _last_opening(request.run, request.attempt - 1)
    if before is None:
        return _inherit(request.model_copy(update={"attempt": 1})).model_copy(update={"attempt": request.attempt})
    ending = recall(record_key(request.run, "ending", before.attempt))
    failed = ending.failure.step if ending and ending.failure and not ending.failure.resumable else ""
    if not failed:
        return before.model_copy(update={"attempt": request.attempt})
    kept = _kept(before, failed)
    used = {step: _visits(request.run, step) for step in _journal_names(before.pipeline)}
    return before.model_copy(update={"attempt": request.attempt, "first": failed, "kept": kept, "used": used})


def _restart(request: Request) -> Opening:
    before, step = restart_point(request.restart)
    kept = _kept(before, step)
    get_run_logger().info("keeping %d outcomes of run %s", len(kept), before.run)
    return before.model_copy(
        update={
            "run": request.run,
            "attempt": 1,
            "first": step,
            "kept": kept,
            "used": {},
            "dry_run": request.dry_run,
        }
    )


def restart_point(restart: Restart) -> tuple[Opening, str]:
    """Return what the source of a restart was opened with last, and the step from which it is done again.

    Raises:
        Refused: the source was never opened, or it has no such step, or it never came that far.
    """
    source = restart.run
    ended, ending = last_ending(source)
    before = _last_opening(source, ended + 1)
    if before is None:
        raise Refused(f"there is no run {source!r} in this journal; name the id of a run that was opened here")
    step = restart.step or (ending.failure.step if ending and ending.failure else "")
    known = [one.id for one in before.pipeline.enabled]
    if step not in known:
        raise Refused(f"run {source!r} has no step {step!r}; name one of {', '.join(known)}")
    kept = _kept(before, step)
    missing = [name for name in known[: known.index(step)] if name not in kept and not _may_lack(before, name)]
    if missing:
        raise Refused(f"run {source!r} never reached step {missing[0]!r}; restart from it or from an earlier one")
    return before, step


def _may_lack(opening: Opening, step: str) -> bool:
    """Whether a step may have no outcome although the run went past it: the estimate left it or its producer out."""
    steps = opening.pipeline.enabled
    position = [one.id for one in steps].index(step)
    grades = bool(KINDS[steps[position].kind].targets) and position > 0
    return any(one.gating is not None for one in steps[position - 1 if grades else position : position + 1])


def _last_opening(run: str, attempt: int) -> Opening | None:
    """What a run was opened with in an attempt, or in the last one before it that came so far."""
    found = (recall(record_key(run, "opening", number)) for number in range(attempt, 0, -1))
    return next((opening for opening in found if opening is not None), None)


def _journal_names(pipeline: Pipeline) -> list[str]:
    """Every name under which a run of the pipeline may have records."""
    steps = pipeline.enabled
    helpers = [f"{step.id}.{KINDS[step.kind].helper}" for step in steps if KINDS[step.kind].helper]
    gates = [f"{step.id}.gate" for step in steps]
    return ["workspace", *(step.id for step in steps), *helpers, *gates, *(f"{step.id}.merge" for step in steps)]


def _visits(run: str, step: str) -> int:
    """How many records a step has in a run."""
    visits = 0
    while journal().verify(record_key(run, step, visits + 1)):
        visits += 1
    return visits


def _kept(before: Opening, step: str) -> dict[str, str]:
    """The last outcome of each step before `step`, and the commits that its helpers made."""
    order = [one.id for one in before.pipeline.enabled]
    wanted = {"workspace", *order[: order.index(step)]}
    kept: dict[str, str] = {}
    for name in _journal_names(before.pipeline):
        if name.partition(".")[0] not in wanted:
            continue
        visits = _visits(before.run, name)
        if visits > before.used.get(name, 0):
            kept[name] = record_key(before.run, name, visits)
        elif name in before.kept:
            kept[name] = before.kept[name]
    return kept


def _check_blocks(opening: Opening) -> None:
    policy = opening.policy
    load(policy.channel, Channel)
    if opening.pipeline.touches_repository or any(KINDS[step.kind].needs_agent for step in opening.pipeline.enabled):
        load(policy.sandbox, Sandbox).check()
    kinds = [KINDS[step.kind] for step in opening.pipeline.enabled]
    wanted = {kind.name for kind in kinds if kind.needs_agent}
    without = sorted(kind for kind in wanted if not policy.agent(kind))
    if without:
        raise Misconfigured(
            f"no agent does {', '.join(map(repr, without))}; add it, or 'default', to the policy's agents"
        )
    helpers = {kind.helper for kind in kinds if kind.helper and policy.agent(kind.helper)}
    for reference in sorted({one for kind in wanted | helpers for one in policy.candidates(kind)}):
        load(reference, CodingAgent).check(load(policy.sandbox, Sandbox))
