"""Where a run is disturbed: every moment that an undisturbed run went through, and what is done from outside."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Iterator
from enum import StrEnum
from itertools import pairwise, zip_longest
from typing import NamedTuple

from bench.chaos_scene import APPROVAL, REVIEW


class Act(StrEnum):
    """What is done at a point."""

    KILL = "kill the flow"
    WORKER = "kill the worker"
    SERVER = "restart the server"
    BOTH = "kill flow and worker"
    WORKSPACE = "remove the workspace"
    LOSE = "kill the flow and remove the workspace"

    @property
    def shared(self) -> bool:
        """Whether it hits every run of the machine."""
        return self in (Act.WORKER, Act.SERVER, Act.BOTH)


class Point(NamedTuple):
    """One disturbance of one run.

    Args:
        kind: its class in the table.
        act: what is done.
        label: moment of the flow process at which it is done; empty: see `gate`.
        gate: gate at which it is done while the run waits there; empty: none.
        suspended: whether the gate must have given its process up; otherwise the run is in the attentive window.
        seconds: how long after that was seen.
        swift: whether the window is short, so that it may end in the meantime.
    """

    kind: str
    act: Act
    label: str = ""
    gate: str = ""
    suspended: bool = False
    seconds: float = 0.0
    swift: bool = True

    @property
    def name(self) -> str:
        """What it is called in a line of the output."""
        if self.label:
            return self.label if self.act is Act.KILL else f"{self.act} at {self.label}"
        where = "suspended" if self.suspended else "paused"
        return f"{self.act} {self.seconds:g} s after {self.gate} {where}"


class _Moments(NamedTuple):
    kind: str
    pattern: str
    every: int = 1


_MOMENTS = (
    _Moments("before a step", r"record (?!\S+\.turn).+ missing#\d+"),
    _Moments("after a step", r"record (?!\S+\.turn).+ in place#1"),
    _Moments("while a record is written", r"record .+ renaming#1", 6),
    _Moments("in mid-turn", r"turn .+"),
    _Moments("turn answered", r"record \S+\.turn \d+ in place#1|ledger insert turns( committed)?#(2|5|8|11)"),
    _Moments("before an effect", r"ledger insert effects .+ committed#1|push .+|sandbox start#(1|5|13|17)"),
    _Moments("after an effect", r"ledger update effects [^#]+(?<!ted)(?<!ing)#1|after push .+"),
    _Moments("effect confirmed", r"ledger update effects .+ committed#1", 2),
    _Moments("in the forge", r"forge .+ (renaming|in place)#\d+", 3),
    _Moments("in the ledger", r"ledger (insert|update|delete) (claims|runs|gates|decisions|outcomes) committed#1"),
    _Moments("at a gate", r"(after )?(waiting for a person|nobody answered).*|prefect input done#\d+", 2),
    _Moments("at start and end", r"process#\d+|prefect set_state done#1|last of all|finished ending 1#1"),
)
"""Classes of moments in the flow process; of some that are much alike only one in a few is taken."""
_HAND_OVER = (2.8, 3.0, 3.1, 3.2)
"""Seconds after the pause began; the window has three."""
_AT = (
    "turn coder 1#1",
    "ledger insert effects pull-request committed#1",
    "ledger insert effects merge/1/<sha> committed#1",
)


def catalogue(labels: list[str]) -> list[Point]:
    """Return every point.

    Args:
        labels: the labels of the undisturbed run in their order.
    """
    names = list(_named(labels))
    points: dict[str, Point] = {}
    for moments in _MOMENTS:
        fitting = [label for name, label in names if re.fullmatch(moments.pattern, name)]
        for label in fitting[:: moments.every]:
            points.setdefault(label, Point(moments.kind, Act.KILL, label))
    return [*points.values(), *_outside()]


def _named(labels: list[str]) -> Iterator[tuple[str, str]]:
    """Moments under the names by which they are chosen, with their labels.

    The last look for a record before it is written is the one right before its step is executed.
    """
    looked: dict[str, str] = {}
    for before, label in pairwise(["", *labels]):
        record, _, what = label.rpartition(" ")
        if what.startswith("missing#"):
            looked[record] = label
            continue
        if what == "writing#1" and record in looked:
            yield looked[record], looked.pop(record)
        yield label, label
        yield f"after {before}", label
    yield "last of all", labels[-1]


def _outside() -> Iterator[Point]:
    for gate in (REVIEW, APPROVAL):
        for seconds in (0.0, 1.0):
            yield Point("in the pause window", Act.KILL, gate=gate, seconds=seconds, swift=gate == APPROVAL)
    for seconds in _HAND_OVER:
        yield Point("during hand-over", Act.KILL, gate=APPROVAL, seconds=seconds)
    yield Point("during hand-over", Act.KILL, gate=APPROVAL, suspended=True)
    yield Point("workspace lost", Act.WORKSPACE, gate=REVIEW, swift=False)
    yield Point("workspace lost", Act.WORKSPACE, gate=APPROVAL, suspended=True)
    yield from (Point("workspace lost", Act.LOSE, label) for label in _AT[:2])
    for kind, act in (("worker killed", Act.WORKER), ("server restarted", Act.SERVER), ("host lost", Act.BOTH)):
        yield from (Point(kind, act, label) for label in _AT)
        yield Point(kind, act, gate=REVIEW, swift=False)
    yield Point("host lost", Act.BOTH, gate=APPROVAL, swift=False)
    yield Point("worker killed", Act.WORKER, gate=APPROVAL, suspended=True)
    yield Point("server restarted", Act.SERVER, gate=APPROVAL, suspended=True)


def choose(points: Iterable[Point], count: int, seed: int) -> list[Point]:
    """Return some points at random, of different classes as far as there are classes."""
    chance = random.Random(seed)
    kinds: dict[str, list[Point]] = {}
    for point in points:
        kinds.setdefault(point.kind, []).append(point)
    for group in kinds.values():
        chance.shuffle(group)
    order = list(kinds)
    chance.shuffle(order)
    rounds = zip_longest(*(kinds[kind] for kind in order))
    return [point for dealt in rounds for point in dealt if point is not None][:count]
