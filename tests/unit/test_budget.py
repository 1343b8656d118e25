from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from contracts.budget import FIELDS, Caps, Drawn, Over, Scope, month_of, percentile
from contracts.errors import Refused
from contracts.failure import FailureKind
from contracts.policy import Policy

RUN, REPOSITORY, INSTALLATION = Scope.RUN, Scope.REPOSITORY, Scope.INSTALLATION


def caps(guess: str = "0.5", **most: str) -> Caps:
    return Caps(most={Scope(name): Decimal(value) for name, value in most.items()}, guess=Decimal(guess))


def drawn(spent: str = "0", reserved: str = "0") -> Drawn:
    return Drawn(Decimal(spent), Decimal(reserved))


def test_the_caps_are_those_of_the_policy() -> None:
    made = Caps.of(Policy(run_budget=0.1, installation_budget=7, turn_reserve=0.3))
    assert made.most == {RUN: Decimal("0.1"), INSTALLATION: Decimal(7)}
    assert made.guess == Decimal("0.3")
    assert Caps.of(Policy()).most == {}
    assert set(FIELDS.values()) <= set(Policy.model_fields)


@pytest.mark.parametrize(
    ("history", "most", "amount"),
    [
        ([], {}, "0.5"),
        ([], {"run": "0.2", "repository": "3"}, "0.2"),
        (["9"] * 4, {}, "0.5"),
        (["9"] * 5, {"run": "0.2"}, "9"),
        (["1", "2", "3", "4", "5", "6", "7", "8", "9", "10"], {}, "9"),
        (["0"] * 9 + ["4"], {}, "0"),
        (["0"] * 8 + ["3", "4"], {}, "3"),
    ],
)
def test_a_turn_reserves_what_nine_of_ten_cost_or_a_guess(
    history: list[str], most: dict[str, str], amount: str
) -> None:
    assert caps(**most).amount([Decimal(one) for one in history]) == Decimal(amount)


@pytest.mark.parametrize(
    ("spent", "reserved", "amount", "fits"),
    [
        ("0", "0", "1", True),
        ("0", "0", "1.000000001", False),
        ("0.4", "0.3", "0.3", True),
        ("0.4", "0.3", "0.300000001", False),
        ("0.4", "0.6", "0", False),
        ("1", "0", "0", False),
        ("0.999999999", "0", "0", True),
        ("2", "0", "0", False),
    ],
)
def test_a_turn_fits_when_spent_and_reserved_and_its_own_do(spent: str, reserved: str, amount: str, fits: bool) -> None:
    over = caps(run="1").over({RUN: drawn(spent, reserved)}, Decimal(amount))
    assert (over is None) == fits


def test_every_cap_is_looked_at_and_the_first_that_breaks_is_named() -> None:
    three = caps(run="1", repository="2", installation="3")
    gone = {RUN: drawn("0.1"), REPOSITORY: drawn("1.9"), INSTALLATION: drawn("2.9")}
    over = three.over(gone, Decimal("0.2"))
    assert over is not None
    assert (over.scope, over.most) == (REPOSITORY, 2)
    assert three.over(gone | {REPOSITORY: drawn("1")}, Decimal("0.2")) == Over(
        INSTALLATION, Decimal(3), drawn("2.9"), Decimal("0.2")
    )
    assert three.over(gone | {REPOSITORY: drawn("1")}, Decimal("0.1")) is None
    assert caps().over({}, Decimal(10**6)) is None


@pytest.mark.parametrize(
    ("over", "said"),
    [
        (Over(RUN, Decimal("0.5"), drawn("0.5"), Decimal(1)), "the run has cost 0.50 of 0.50 USD; raise 'run_budget'"),
        (
            Over(REPOSITORY, Decimal(5), drawn("3", "1"), Decimal("1.5")),
            (
                "the repository has cost this month 3.00 of 5.00 USD, 1.00 are reserved by turns that are going on "
                "and the next turn may cost 1.50; raise 'repository_budget'"
            ),
        ),
        (
            Over(INSTALLATION, Decimal(5), drawn("4"), Decimal("1.5")),
            (
                "the installation has cost this month 4.00 of 5.00 USD and the next turn may cost 1.50; "
                "raise 'installation_budget'"
            ),
        ),
    ],
)
def test_what_stands_in_the_way_is_told(over: Over, said: str) -> None:
    assert over.message == f"{said} in its policy"
    until = datetime(2030, 1, 1, tzinfo=UTC)
    waits, fails = over.refusal(until), over.refusal(None)
    assert isinstance(fails, Refused)
    assert (waits.kind, waits.until, fails.until) == (FailureKind.BUDGET, until, None)
    assert waits.message.endswith("then it goes on by itself")
    assert fails.message.endswith("then retry it")


@pytest.mark.parametrize(
    ("values", "share", "found"),
    [([1], 0.5, 1), ([1], 0.9, 1), ([1, 2], 0.5, 1), ([2, 1, 3], 0.5, 2), ([1, 2, 3, 4, 5], 0.9, 5), ([1, 2], 0, 1)],
)
def test_a_percentile_is_one_of_the_values(values: list[float], share: float, found: float) -> None:
    assert percentile(values, share) == found


@pytest.mark.parametrize(
    ("at", "begin", "end"),
    [
        (datetime(2026, 11, 30, 23, 59, 59, tzinfo=UTC), (2026, 11), (2026, 12)),
        (datetime(2026, 12, 1, tzinfo=UTC), (2026, 12), (2027, 1)),
        (datetime(2026, 12, 1, 1, tzinfo=timezone(timedelta(hours=2))), (2026, 11), (2026, 12)),
    ],
)
def test_a_month_is_that_of_the_calendar_in_utc(at: datetime, begin: tuple[int, int], end: tuple[int, int]) -> None:
    assert month_of(at) == (datetime(*begin, 1, tzinfo=UTC), datetime(*end, 1, tzinfo=UTC))
