"""What is known of a run outside its own flow: its records, its rows in the ledger, and its state in Prefect."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import FlowRun
from prefect.exceptions import ObjectNotFound

from blocks.delivery_policy import DeliveryPolicy
from blocks.journal import Journal, JournalDamaged
from blocks.ledger import Decision, Gate, Ledger, Run
from blocks.ledger.people import LIVE
from blocks.loading import load
from contracts.delivery import Delivery, Outcome
from contracts.errors import DeliveryError, Refused, Unavailable
from contracts.journal import Opening
from contracts.parking import PARKED
from contracts.policy import Policy
from tasks._replay import JOURNAL


@dataclass(frozen=True)
class Standing:
    """A run as it stands now.

    Args:
        run: id of the flow run.
        flow_run: the flow run in Prefect; none when Prefect has forgotten it.
        opening: what its latest attempt was opened with; none: it was never admitted.
        ended: how many attempts have a recorded ending.
        ending: the last ending; none: no attempt has ended.
        timeline: outcomes of the latest attempt, those that it kept included, in the order in which they began.
        row: the run in the ledger; none: it was never opened there.
        waiting: gates that nobody has settled.
        decisions: every answer that it was given, the oldest first.
        damaged: keys of records that cannot be read.
        ledger: reference of its ledger.
        pipeline: name of its pipeline.
    """

    run: str
    flow_run: FlowRun | None
    opening: Opening | None
    ended: int
    ending: Delivery | None
    timeline: list[Outcome]
    row: Run | None
    waiting: list[Gate]
    decisions: list[Decision]
    damaged: list[str]
    ledger: str
    pipeline: str

    @property
    def attempt(self) -> int:
        """Number of the attempt that is open, or of the next one."""
        return self.row.attempt if self.row is not None and self.row.attempt > self.ended else self.ended + 1

    @property
    def going(self) -> bool:
        """Whether Prefect has not seen its end."""
        return self.flow_run is not None and not (self.flow_run.state is not None and self.flow_run.state.is_final())

    @property
    def live(self) -> bool:
        """Whether it has not ended: not in Prefect, or, when its process was lost, not in the ledger."""
        return self.going or (self.row is not None and self.row.status == LIVE)

    @property
    def parked(self) -> bool:
        """Whether it waits for budget or a quota, without a process."""
        state = self.flow_run.state if self.flow_run is not None else None
        return state is not None and state.is_scheduled() and state.name == PARKED

    @property
    def state(self) -> str:
        """Name of the flow run's state, in small letters."""
        if self.flow_run is None:
            return "forgotten by Prefect"
        return self.flow_run.state.name.lower() if self.flow_run.state is not None and self.flow_run.state.name else ""

    @property
    def title(self) -> str:
        """Title of the work item."""
        if self.opening is not None:
            return self.opening.item.title
        return str(item_of(self.flow_run).get("title") or (self.row.title if self.row else self.run))

    @property
    def repository(self) -> str:
        """Name of the repository."""
        if self.opening is not None:
            return self.opening.item.repository.name
        return str(
            item_of(self.flow_run).get("repository", {}).get("name") or (self.row.repository if self.row else "")
        )


def standing(run: str) -> Standing:
    """Return everything that is known of a run.

    Args:
        run: id of the flow run.

    Raises:
        Refused: nothing is known of it.
        Unavailable: Prefect or the ledger did not answer.
    """
    records, damaged = _records(run)
    with prefect_client() as client:
        flow_run = read_flow_run(client, run)
    openings = {number: one for (step, number), one in records.items() if step == "opening"}
    opening = openings[max(openings)] if openings else None
    reference = opening.policy.ledger if opening else _policy(flow_run).ledger
    ledger = load(reference, Ledger)
    row = ledger.run(run)
    if not records and not damaged and row is None and (flow_run is None or not item_of(flow_run)):
        raise Refused(f"there is no run {run!r}; `delivery runs --all` lists those that were opened here")
    ended = 0
    while ("ending", ended + 1) in records:
        ended += 1
    return Standing(
        run=run,
        flow_run=flow_run,
        opening=opening,
        ended=ended,
        ending=records.get(("ending", ended)),
        timeline=_timeline(opening, records, damaged),
        row=row,
        waiting=ledger.waiting(run),
        decisions=ledger.decisions(run),
        damaged=damaged,
        ledger=reference,
        pipeline=opening.pipeline.name if opening else row.pipeline if row else _flow_name(flow_run),
    )


@contextmanager
def prefect_client() -> Generator[SyncPrefectClient]:
    """Yield a client; a server that does not answer is an error of this project."""
    try:
        with get_client(sync_client=True) as client:
            yield client
    except httpx.HTTPError as error:
        raise Unavailable(
            f"the Prefect API did not answer ({type(error).__name__}); see to its server, then do the same again",
            detail=str(error)[:500],
        ) from error


def read_flow_run(client: SyncPrefectClient, run: str) -> FlowRun | None:
    """Return a flow run, or none when Prefect does not know it."""
    try:
        return client.read_flow_run(UUID(run))
    except ObjectNotFound:
        return None


def _records(run: str) -> tuple[dict[tuple[str, int], Any], list[str]]:
    """The readable records of a run by step and visit, and the keys of the others."""
    journal, damaged = load(JOURNAL, Journal), list[str]()
    records: dict[tuple[str, int], Any] = {}
    for key in journal.keys(run):
        _, step, visit = key.split("/")
        try:
            records[step, int(visit)] = journal.recall(key)
        except JournalDamaged:
            damaged.append(key)
    return records, damaged


def _timeline(opening: Opening | None, records: dict[tuple[str, int], Any], damaged: list[str]) -> list[Outcome]:
    if opening is None:
        return []
    kept = [_kept(key, damaged) for key in opening.kept.values()]
    own = [one for one in records.values() if isinstance(one, Outcome)]
    new = [one for one in own if one.visit > opening.used.get(one.step, 0)]
    return sorted([*(one for one in kept if one is not None), *new], key=lambda one: one.started)


def _kept(key: str, damaged: list[str]) -> Outcome | None:
    try:
        return load(JOURNAL, Journal).recall(key)
    except JournalDamaged:
        damaged.append(key)
        return None


def item_of(flow_run: FlowRun | None) -> dict[str, Any]:
    """The work item among the parameters of a flow run; empty when it is no delivery."""
    found = flow_run.parameters.get("item") if flow_run is not None else None
    return cast(dict[str, Any], found) if isinstance(found, dict) else {}


def _flow_name(flow_run: FlowRun | None) -> str:
    if flow_run is None:
        return ""
    with prefect_client() as client:
        return client.read_flow(flow_run.flow_id).name


def _policy(flow_run: FlowRun | None) -> Policy:
    """The policy of a run that was not opened; that of the installation when its own cannot be read."""
    named = str(flow_run.parameters.get("policy") or "") if flow_run is not None else ""
    try:
        return load(named or "delivery-policy/main", DeliveryPolicy).policy
    except DeliveryError:
        return Policy()
