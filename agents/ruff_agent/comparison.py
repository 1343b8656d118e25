"""The change, file by file, with what ruff finds before and after it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from .checkout import Checkout
from .findings import Ruff, count
from .openings import compiles


@dataclass(frozen=True)
class Compared:
    """One changed file: its counts by rule at the base and now, its changed lines, and what is wrong with it."""

    path: str
    lines: int
    before: Counter[str]
    after: Counter[str]
    foreign: bool
    gone: bool
    broken: bool

    @property
    def fixed(self) -> Counter[str]:
        """Findings that went, by rule."""
        return self.before - self.after

    @property
    def gained(self) -> Counter[str]:
        """Findings that came, by rule."""
        return self.after - self.before

    @property
    def worse(self) -> bool:
        """Whether there are more findings than before."""
        return self.after.total() > self.before.total()


def compare(checkout: Checkout, ruff: Ruff) -> list[Compared]:
    """Return every changed file, in Git's order; what is no source of this repository is foreign and not counted."""
    return [_compare(checkout, ruff, path, lines) for path, lines in checkout.changed().items()]


def _compare(checkout: Checkout, ruff: Ruff, path: str, lines: int) -> Compared:
    gone = not (checkout.root / path).is_file()
    foreign = not checkout.may_change(path) or (checkout.root / path).is_symlink()
    if foreign or gone:
        return Compared(path, lines, Counter(), Counter(), foreign, gone, broken=False)
    base, present = checkout.text_at_base(path), checkout.text(path)
    return Compared(
        path=path,
        lines=lines,
        before=count(ruff.check_text(path, base)) if base is not None else Counter(),
        after=count(ruff.check_text(path, present)),
        foreign=False,
        gone=False,
        broken=not compiles(present) and (base is None or compiles(base)),
    )


def total(compared: list[Compared]) -> tuple[Counter[str], Counter[str]]:
    """Return the counts by rule of all files, before and after."""
    before: Counter[str] = Counter()
    after: Counter[str] = Counter()
    for one in compared:
        before += one.before
        after += one.after
    return before, after
