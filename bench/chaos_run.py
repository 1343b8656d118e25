"""One disturbed run from its start to its end: somebody answers, and something is killed at the point."""

from __future__ import annotations

import os
import re
import shutil
import signal
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from bench.chaos_person import Person, Seen
from bench.chaos_points import Act, Point
from bench.chaos_scene import APPROVAL, begin
from bench.chaos_services import Services
from blocks import Journal

POLL_SECONDS = 0.25
"""Each look is two calls of the one server; at a tenth of a second they take as much of it as the runs."""
MOST_SECONDS = 420.0
"""A run that has not ended by then is lost; one without a runner is only found after 90 seconds of silence."""
_TOGETHER_SECONDS = 150.0
_CLOSE_SECONDS = 0.5
"""A point of the clock that is as near as this is waited for; a look may take a part of it."""


@dataclass
class Carried:
    """A run that came to an end, or did not.

    Args:
        point: what was done to it; none: nothing.
        name: name of its repository.
        run: id of the flow run.
        folder: folder with its labels.
    """

    point: Point | None
    name: str
    run: str
    folder: Path
    end: Seen = field(default_factory=Seen)
    seconds: float = 0.0
    acted_at: float = 0.0
    states: list[str] = field(default_factory=list[str])
    asked_again: list[str] = field(default_factory=list[str])
    notes: list[str] = field(default_factory=list[str])

    @property
    def labels(self) -> list[str]:
        """The moments that its processes went through, in their order."""
        file = self.folder / "labels"
        lines = file.read_text().splitlines() if file.exists() else []
        return [line.split(" ", 2)[2] for line in lines]


class Together:
    """Runs that share a machine are disturbed at once: all wait at their points, and one thread acts for all."""

    def __init__(self, services: Services, act: Act, runs: int) -> None:
        self._services = services
        self._act = act
        self._barrier = threading.Barrier(runs, action=self._kill)

    def act(self) -> int:
        """Wait for the others, act, and return a number that is 0 for one of them."""
        return self._barrier.wait(_TOGETHER_SECONDS)

    def leave(self) -> None:
        """Let the others not wait for a run that never came to its point."""
        self._barrier.abort()

    def repair(self, number: int) -> None:
        """Start again what was killed; one of the runs does it."""
        if number == 0 and self._act is Act.SERVER:
            self._services.return_server()
        elif number == 0:
            self._services.start_worker()

    def _kill(self) -> None:
        if self._act is Act.SERVER:
            self._services.kill_server()
        else:
            self._services.kill_worker()


class Disturbed:
    """The life of one run.

    Args:
        services: the machine.
        name: name of its repository.
        point: what is done to it; none: nothing.
        together: the runs that are disturbed with it; none: it is disturbed alone.
    """

    def __init__(self, services: Services, name: str, point: Point | None, together: Together | None = None) -> None:
        self._services, self._point, self._together = services, point, together
        self._journal = Journal(folder=services.home / "journal")
        folder = services.home / "chaos" / name
        folder.mkdir(parents=True)
        kills = point is not None and point.act is Act.KILL
        environment = {
            "CHAOS_FOLDER": str(folder),
            "CHAOS_POINT": point.label if point else "",
            "CHAOS_ACT": "kill" if kills else "hold",
        }
        run = begin(services.home, name, "swift" if point is None or point.swift else "patient", environment)
        self.carried = Carried(point, name, run, folder)
        self._person = Person(services.api, run)
        self._acted = point is None or (bool(point.label) and kills)
        self._waits_since = 0.0

    def live(self) -> Carried:
        """Follow the run to its end."""
        begun, carried = time.monotonic(), self.carried
        while time.monotonic() - begun < MOST_SECONDS:
            seen = self._person.look()
            if seen.type and [seen.name] != carried.states[-1:]:
                carried.states.append(seen.name)
            if seen.ended:
                carried.end = seen
                break
            self._attend(seen)
            time.sleep(POLL_SECONDS)
        if not self._acted and self._together:
            self._together.leave()
        carried.seconds = time.monotonic() - begun
        carried.asked_again = self._person.asked_again
        return carried

    def _attend(self, seen: Seen) -> None:
        point, gate = self._point, self._person.gate(seen)
        if point is not None and not self._acted and self._due(point, seen, gate):
            self._acted = True
            self._disturb(point)
        elif gate and self._may_answer(seen, gate):
            self._person.answer(seen)

    def _may_answer(self, seen: Seen, gate: str) -> bool:
        """The gate of the point is not answered before it was disturbed; the approval when its process is gone."""
        if self._point is not None and self._point.gate == gate and not self._acted:
            return False
        return gate != APPROVAL or seen.suspended

    def _due(self, point: Point, seen: Seen, gate: str) -> bool:
        if point.label:
            return (self.carried.folder / "reached").exists()
        if gate != point.gate or (point.suspended and not seen.suspended):
            return bool(self._waits_since) and self._waited(point)
        self._waits_since = self._waits_since or seen.since
        return self._waited(point)

    def _waited(self, point: Point) -> bool:
        left = self._waits_since + point.seconds - time.time()
        if 0 < left < _CLOSE_SECONDS:
            time.sleep(left)
        return left < _CLOSE_SECONDS

    def _disturb(self, point: Point) -> None:
        number = -1
        if self._together is not None:
            try:
                number = self._together.act()
            except threading.BrokenBarrierError:
                self.carried.notes.append("its company never came to their points")
        self.carried.acted_at = time.time()
        if point.act in (Act.KILL, Act.LOSE, Act.BOTH):
            self._kill()
        if point.act in (Act.WORKSPACE, Act.LOSE):
            shutil.rmtree(self._services.home / "runs" / self.carried.run)
        (self.carried.folder / "go").touch()
        if self._together is not None:
            self._together.repair(number)

    def _kill(self) -> None:
        """Kill the process that walks the run, if there is one at this moment."""
        owner = re.match(r"process (\d+) ", self._journal.owner(self.carried.run))
        if owner is None:
            self.carried.notes.append("there was no process at that moment")
            return
        with suppress(ProcessLookupError):
            os.kill(int(owner[1]), signal.SIGKILL)
