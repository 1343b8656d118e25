"""The run that a person names: by its id, by an end of it, or by its name."""

from __future__ import annotations

from uuid import UUID

from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterName
from prefect.client.schemas.sorting import FlowRunSort

from blocks.ledger import Ledger
from blocks.loading import load
from contracts.errors import Refused
from tasks._standing import item_of, prefect_client

SHORTEST = 8
"""Fewest characters of an id that name a run."""
_MOST_RUNS = 10_000
_RECENT = 200


def find_run(words: str) -> str:
    """Return the id of the run that a person names.

    Args:
        words: the id of the flow run, its first or last 8 or more characters, or the flow run's name.

    Raises:
        Refused: no run or several runs are named like this; the message lists the candidates.
    """
    words = words.strip()
    try:
        return str(UUID(words))
    except ValueError:
        pass
    found = _candidates(words)
    if len(found) == 1:
        return next(iter(found))
    if found:
        listed = "; ".join(f"{run} ({title})" for run, title in sorted(found.items())[:10])
        raise Refused(f"{len(found)} runs are named {words!r}; name one by its id: {listed}")
    short = f", or at least {SHORTEST} characters of it" if len(words) < SHORTEST else ""
    raise Refused(f"there is no run {words!r}; `delivery runs --all` lists them: name one by its id{short}")


def _candidates(words: str) -> dict[str, str]:
    rows = {row.run: row.title for row in load("ledger/main", Ledger).runs(limit=_MOST_RUNS)}
    with prefect_client() as client:
        named = FlowRunFilter(name=FlowRunFilterName(any_=[words]))
        seen = client.read_flow_runs(flow_run_filter=named, sort=FlowRunSort.EXPECTED_START_TIME_DESC, limit=_RECENT)
        if len(words) >= SHORTEST:
            seen += client.read_flow_runs(sort=FlowRunSort.EXPECTED_START_TIME_DESC, limit=_RECENT)
    titles = rows | {str(one.id): one.name for one in seen if item_of(one)}
    part = words.lower() if len(words) >= SHORTEST else "\0"
    return {run: one for run, one in titles.items() if run.startswith(part) or run.endswith(part) or one == words}
