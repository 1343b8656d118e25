"""Behaviours of a turn whose provider fails, or which is ended by force."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from bench.conformance_scene import Scene, Taken, Task, fails
from bench.model_server import Dead, Drop, Edit, Fail, Garbage, Quota, Say, Script, Shell
from contracts.agent import Limits
from contracts.transcript import TurnEnding

_SHORT = Limits(wall_seconds=180, quiet_seconds=40)
_DEAD_SECONDS = 90.0
"""Within which a hung turn must be over: the limit of silence, the start of the program before, and a slow machine."""


_REFUSALS = ("not found", "no such tool", "denied", "not permitted", "not allowed", "read-only", "failed to write")


def _ended(taken: Taken, *allowed: TurnEnding) -> tuple[bool, str]:
    said = f"it ended as {taken.trouble or 'a success'!r} after {taken.seconds:.0f} s"
    return taken.ending in {str(one) for one in allowed}, said


def only_reads(scene: Scene) -> str:
    """A turn that may not write asks to: nothing is changed, and the model is told or the turn is no success."""
    moves = (Edit("added.py", "PRICE = 2\n"), Shell("echo x > written.txt"), Say("Done."))
    taken = scene.play(Script(*moves), Task(writable=False))
    news = taken.news(2) + taken.news(3)
    told = any(word in news.lower() for word in _REFUSALS)
    said = f"nobody was told: {taken.trouble!r}, {news[-300:]!r}"
    return fails(
        (not scene.changed(), f"changed were {scene.changed()}"),
        (told or taken.ending == str(TurnEnding.DENIED), said),
    )


def is_denied(scene: Scene) -> str:
    """The program is told to do nothing unasked: nothing is changed, and the turn ends as one with denied tools."""
    moves = (Edit("added.py", "PRICE = 2\n"), Shell("echo x > written.txt"), Say("All done, I changed both."))
    taken = scene.play(Script(*moves), Task(fields=scene.subject.restricted))
    return fails((not scene.changed(), f"changed were {scene.changed()}"), _ended(taken, TurnEnding.DENIED))


def has_no_key(scene: Scene) -> str:
    """401: the turn ends as one that could not sign in."""
    return fails(_ended(scene.play(Script(then=Fail(401, "invalid key")), Task(limits=_SHORT)), TurnEnding.AUTH))


def has_no_credit(scene: Scene) -> str:
    """402: the turn ends as one without quota."""
    refusal = Fail(402, "Insufficient credits. Add more to go on.")
    return fails(_ended(scene.play(Script(then=refusal), Task(limits=_SHORT)), TurnEnding.QUOTA))


def has_used_its_quota(scene: Scene) -> str:
    """The provider says that the quota is used up, and until when: both are in the reply."""
    until = (datetime.now(UTC) + timedelta(hours=2)).replace(second=0, microsecond=0)
    taken = scene.play(Script(then=Quota(until)), Task(limits=_SHORT, fields=scene.subject.subscribed))
    resets = taken.reply.trouble.resets_at if taken.reply.trouble else None
    near = resets is not None and abs((resets - until).total_seconds()) <= 120
    return fails(_ended(taken, TurnEnding.QUOTA), (near, f"it resets at {resets}, not at {until}: {taken.trouble!r}"))


def is_rate_limited(scene: Scene) -> str:
    """429 with retry-after: the turn ends as one that asked too often."""
    refusal = Fail(429, "Too many requests, slow down.", headers={"retry-after": "7"})
    return fails(_ended(scene.play(Script(then=refusal), Task(limits=_SHORT)), TurnEnding.RATE_LIMITED))


def meets_an_error(scene: Scene) -> str:
    """500: the turn ends as one whose provider is down."""
    taken = scene.play(Script(then=Fail(500, "Internal error.")), Task(limits=_SHORT))
    return fails(_ended(taken, TurnEnding.PROVIDER_DOWN))


def meets_the_dead(scene: Scene) -> str:
    """A provider that never answers: the limit of silence ends the turn, and no process is left."""
    taken = scene.play(Script(then=Dead()), Task(limits=_SHORT))
    return fails(
        _ended(taken, TurnEnding.HUNG),
        (taken.seconds < _DEAD_SECONDS, f"it took {taken.seconds:.0f} s"),
        (bool(taken.script.main), "the model was never asked"),
        (not scene.processes(), "processes are left"),
    )


def is_dropped(scene: Scene) -> str:
    """Connections that are closed without an answer: the turn ends as one whose provider is down."""
    taken = scene.play(Script(then=Drop()), Task(limits=_SHORT))
    return fails(_ended(taken, TurnEnding.PROVIDER_DOWN), (bool(taken.script.main), "the model was never asked"))


def meets_garbage(scene: Scene) -> str:
    """An answer that is none: the turn comes to nothing within the limit of silence."""
    taken = scene.play(Script(then=Garbage()), Task(limits=_SHORT))
    return fails(
        _ended(taken, TurnEnding.PROVIDER_DOWN, TurnEnding.CRASHED, TurnEnding.HUNG),
        (taken.seconds < _DEAD_SECONDS, f"it took {taken.seconds:.0f} s"),
    )


def runs_out_of_time(scene: Scene) -> str:
    """A turn that works without end is over at its wall clock, and no process is left."""
    limits = Limits(wall_seconds=scene.subject.wall_seconds, quiet_seconds=120)
    work = (Shell(f"sleep 0.2; true {number}") for number in range(1_000))
    taken = scene.play(Script(*work), Task(limits=limits))
    return fails(
        _ended(taken, TurnEnding.OUT_OF_TIME),
        (len(taken.script.main) > 1, "the model was not asked twice"),
        (not scene.processes(), "processes are left"),
    )


def reaches_its_limit(scene: Scene) -> str:
    """A turn that works without end is over at the program's own limit, and what it consumed is counted."""
    work = (Shell(f"true {number}") for number in range(50))
    taken = scene.play(Script(*work), Task(fields=scene.subject.limited))
    return fails(
        _ended(taken, TurnEnding.LIMIT),
        (len(taken.script.main) <= 6, f"the model was asked {len(taken.script.main)} times"),
        (taken.reply.usage.output_tokens > 0 or bool(taken.reply.usage.cost), "nothing is counted"),
    )
