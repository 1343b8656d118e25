"""The words for what a change does to a test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

UNPROVEN = "could not be shown to be at least as strict"
"""The reason when a change was not understood: missing never means best."""


class Change(StrEnum):
    """What a change does to a test or to the configuration of the tests."""

    ADDED = "added"
    STRENGTHENED = "strengthened"
    EQUIVALENT = "equivalent"
    WEAKENED = "weakened"
    SKIPPED = "skipped"
    DELETED = "deleted"
    NEUTERED = "neutered"


BLOCKING = frozenset({Change.WEAKENED, Change.SKIPPED, Change.DELETED, Change.NEUTERED})
"""What only a person lets pass."""


@dataclass(frozen=True)
class Judgement:
    """What a change does to one test, and the lines (from 0) of the two versions that show it."""

    change: Change
    why: str
    name: str = ""
    before: range | None = None
    after: range | None = None

    @property
    def blocks(self) -> bool:
        """Whether only a person lets it pass."""
        return self.change in BLOCKING


def blocks(judgements: Sequence[Judgement]) -> bool:
    """Return whether any judgement blocks."""
    return any(judgement.blocks for judgement in judgements)
