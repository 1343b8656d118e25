"""Reservations: what running turns may cost is held back from the budgets, so that runs cannot overshoot together."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, ScalarSelect, delete, func, select

from blocks.ledger.database import lock_budgets
from blocks.ledger.money import Reservation, reservations
from blocks.ledger.people import LIVE
from blocks.ledger.rows import insertion
from blocks.ledger.runs import status_kept
from blocks.ledger.tables import turns
from blocks.ledger.usage import history
from contracts.budget import CURRENCY, Caps, Drawn, Over, Scope, month_of
from contracts.errors import Refused
from contracts.failure import FailureKind


def reserve(connection: Connection, wanted: Reservation, caps: Caps) -> Over | None:
    """Hold back what a turn may cost, in the place of whatever its run had reserved; return the cap that forbids it.

    When a cap forbids it, what the run had reserved stays.

    Raises:
        Refused: the run has ended; its kind is cancelled.
    """
    # Whoever closes a run gives its reservation back, so none may be made when it has ended.
    status = status_kept(connection, wanted.run)
    if status not in (None, LIVE):
        raise Refused(
            f"the run {wanted.run!r} has ended as {status!r}, so that it takes no further turn; "
            "retry the run if it is to go on",
            kind=FailureKind.CANCELLED,
        )
    amount = caps.amount(history(connection, wanted.kind))
    lock_budgets(connection)
    over = caps.over(drawn(connection, wanted, caps), amount)
    if over is None:
        _put(connection, wanted.model_copy(update={"amount": amount}))
    return over


def look(connection: Connection, wanted: Reservation, caps: Caps) -> Over | None:
    """Return the cap that forbids a turn, without reserving anything."""
    return caps.over(drawn(connection, wanted, caps), caps.amount(history(connection, wanted.kind)))


def drop(connection: Connection, run: str) -> None:
    """Give back what a run has reserved; nothing to do if it has nothing."""
    connection.execute(delete(reservations).where(reservations.c.run == run))


def drawn(connection: Connection, wanted: Reservation, caps: Caps) -> Mapping[Scope, Drawn]:
    """Return what is gone of each cap, the run's own reservation left aside."""
    month, _ = month_of(wanted.at)
    here, others = turns.c.repository == wanted.repository, reservations.c.run != wanted.run
    near = reservations.c.repository == wanted.repository
    # A run takes one turn at a time, so nothing of its own cap is reserved by others.
    sums: dict[Scope, tuple[ScalarSelect[Any], ScalarSelect[Any]]] = {
        Scope.RUN: (_spent(turns.c.run == wanted.run), _reserved(others, reservations.c.run == wanted.run)),
        Scope.REPOSITORY: (_spent(here, turns.c.at >= month), _reserved(others, near)),
        Scope.INSTALLATION: (_spent(turns.c.at >= month), _reserved(others)),
    }
    # One statement sees one moment: a turn that ends meanwhile is either reserved or spent, and never neither.
    columns = [one.label(f"{scope}_{at}") for scope in caps.most for at, one in enumerate(sums[scope])]
    row = connection.execute(select(*columns)).one() if columns else ()
    amounts = [Decimal(0) if one is None else one for one in row]
    return {scope: Drawn(amounts[2 * at], amounts[2 * at + 1]) for at, scope in enumerate(caps.most)}


def _spent(*where: Any) -> ScalarSelect[Any]:
    return select(func.sum(turns.c.cost)).where(turns.c.currency == CURRENCY, *where).scalar_subquery()


def _reserved(*where: Any) -> ScalarSelect[Any]:
    return select(func.sum(reservations.c.amount)).where(*where).scalar_subquery()


def _put(connection: Connection, row: Reservation) -> None:
    values = row.model_dump()
    insert = insertion(connection, reservations).values(values)
    changed = {name: value for name, value in values.items() if name != "run"}
    connection.execute(insert.on_conflict_do_update(index_elements=[reservations.c.run], set_=changed))
