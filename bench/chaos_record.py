"""What came of each point, kept beside the documentation, so that a long matrix may be run in parts."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from bench.chaos_evidence import Judged
from bench.chaos_points import Point

ROOT = Path(__file__).resolve().parent.parent
RECORD = ROOT / "docs/chaos.jsonl"


class Row(BaseModel):
    """What came of one point."""

    model_config = ConfigDict(frozen=True)

    kind: str = Field(description="Class of the point.")
    name: str = Field(description="The point.")
    survived: bool = Field(description="Whether the run ended as if nothing had been done to it.")
    repaid: int = Field(default=0, description="Turns that were begun again.")
    answered: int = Field(default=0, description="How many of those had come to their answer.")
    duplicates: int = Field(default=0, description="How much was there more than once.")
    lost: bool = Field(default=False, description="Whether something was missing or wrong, or the point was missed.")
    commit: str = Field(description="Commit at which it was tried.")


_ROW = TypeAdapter(Row)


def commit() -> str:
    """Return the commit that is tried."""
    said = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True)
    return said.stdout.strip()


def row(one: Judged, tried: str) -> Row:
    """Return the row of a run that was disturbed.

    Args:
        one: what came of it.
        tried: the commit.
    """
    point = one.carried.point
    return Row(
        kind=point.kind if point else "",
        name=point.name if point else "",
        survived=one.survived,
        repaid=len(one.repaid),
        answered=one.answered,
        duplicates=len(one.duplicates),
        lost=bool(one.lost) or one.missed,
        commit=tried,
    )


def read() -> list[Row]:
    """Return the rows on record; none when nothing is."""
    return [_ROW.validate_json(line) for line in RECORD.read_text().splitlines()] if RECORD.exists() else []


def rest(points: Iterable[Point], rows: Iterable[Row]) -> list[Point]:
    """Return the points that have no row of a run that survived."""
    survived = {(one.kind, one.name) for one in rows if one.survived}
    return [one for one in points if (one.kind, one.name) not in survived]


def merged(points: Iterable[Point], *tried: Iterable[Row]) -> list[Row]:
    """Return the latest row of each point in the order of the points; what is no point any more is left out."""
    latest = {(one.kind, one.name): one for rows in tried for one in rows}
    return [latest[one.kind, one.name] for one in points if (one.kind, one.name) in latest]


def write(rows: Iterable[Row]) -> None:
    """Put the rows on record."""
    RECORD.write_text("".join(f"{one.model_dump_json(exclude_defaults=True)}\n" for one in rows))
