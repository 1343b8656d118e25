"""Deliveries in a burst while the Prefect server is killed twice and the receiver once: what is lost, what is doubled.

The inbox of this project and the short way (`emit_event` and an automation) take the same deliveries one after the
other, under the same disturbances. A sender that gets no answer sends again under the same id, as "Redeliver" does. A
delivery is lost when it was answered with 2xx and never starts a run.
"""

from __future__ import annotations

import argparse
import hashlib
import hmac
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import psycopg
from sqlalchemy import URL

from bench.postgres import postgres_server
from bench.trigger_scene import SECRET, WARM, Process, Scene, payload
from deployments.server import ADDRESS

WAYS = ("ours", "naive")
Request = tuple[bytes, dict[str, str]]
"""A delivery: its body and its headers."""
SENDERS = 10
_AWAY_SECONDS = 3.0
_QUIET_SECONDS = 60.0
_PATIENCE_SECONDS = 150.0
"""A way that has made no run for so long makes no more; a client of events repeats what is in doubt after up to 100."""
_MOST_SECONDS = 900.0
_MOST_MS = 50.0


@dataclass
class Burst:
    """What one way did with a burst.

    Args:
        way: ours or naive.
        accepted: deliveries that were answered with 2xx.
        waits: time of each such answer, seconds.
        runs: runs of each delivery.
        seconds: from the first delivery to the last run.
    """

    way: str
    accepted: int = 0
    waits: list[float] = field(default_factory=list[float])
    runs: dict[str, int] = field(default_factory=dict[str, int])
    seconds: float = 0.0

    def lost(self) -> int:
        """Accepted deliveries without a run."""
        return self.accepted - len(self.runs)

    def doubled(self) -> int:
        """Runs beyond the first one of a delivery."""
        return sum(self.runs.values()) - len(self.runs)

    def percentile(self, share: float) -> float:
        """A percentile of the answers' times, milliseconds."""
        ordered = sorted(self.waits)
        return 1e3 * ordered[min(int(share * len(ordered)), len(ordered) - 1)]


class Sender:
    """Sends deliveries as GitHub does, over several connections; they are signed before the clock starts."""

    def __init__(self, receiver: Process, burst: Burst, count: int) -> None:
        self._receiver, self._burst = receiver, burst
        self._requests = [_request(burst.way, number) for number in range(count)]
        self._guard = threading.Lock()
        self.sent = 0

    @property
    def way(self) -> str:
        """The way that it serves."""
        return self._burst.way

    def send_all(self) -> None:
        """Send every delivery until it is accepted."""
        shares = [self._requests[first::SENDERS] for first in range(SENDERS)]
        with ThreadPoolExecutor(SENDERS) as threads:
            list(threads.map(self._send_share, shares))

    def _send_share(self, requests: list[Request]) -> None:
        connection = HTTPConnection(ADDRESS, self._receiver.port, timeout=10)
        for body, headers in requests:
            while not self._accepted(connection, body, headers):
                connection.close()
                time.sleep(0.2)
        connection.close()

    def _accepted(self, connection: HTTPConnection, body: bytes, headers: dict[str, str]) -> bool:
        begun = time.perf_counter()
        try:
            connection.request("POST", "/webhooks/github", body, headers)
            answer = connection.getresponse()
            answer.read()
        except (OSError, HTTPException):
            return False
        took = time.perf_counter() - begun
        if answer.status not in (200, 202):
            return False
        with self._guard:
            self.sent += 1
            self._burst.accepted += 1
            self._burst.waits.append(took)
        return True


def _request(way: str, number: int) -> Request:
    body = payload(number)
    signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    headers = {
        "content-type": "application/json",
        "x-github-delivery": f"{way}-{number}",
        "x-github-event": "issues",
        "x-hub-signature-256": f"sha256={signature}",
    }
    return body, headers


def warm_up(scene: Scene, way: str, receiver: Process) -> None:
    """Send one delivery while nothing is disturbed, and see that it starts a run; else nothing would be measured."""
    body, headers = _request(way, WARM)
    connection = HTTPConnection(ADDRESS, receiver.port, timeout=60)
    connection.request("POST", "/webhooks/github", body, headers)
    connection.getresponse().read()
    connection.close()
    _await(lambda: bool(scene.runs(way, warm=True)), _QUIET_SECONDS)
    if not scene.runs(way, warm=True):
        raise RuntimeError(f"the way {way!r} starts no run even when nothing is disturbed")


def measure(scene: Scene, way: str, count: int) -> Burst:
    """Send a burst to one way, disturb it, and return what became of it."""
    burst, receiver = Burst(way), scene.receiver(way)
    receiver.start()
    receiver.await_listening()
    warm_up(scene, way, receiver)
    sender = Sender(receiver, burst, count)
    begun = time.monotonic()
    sending = threading.Thread(target=sender.send_all)
    sending.start()
    try:
        _disturb(scene, receiver, sender, count)
        sending.join()
        last = _settled(scene, burst)
        burst.seconds = last - begun
    finally:
        receiver.stop()
    return burst


def _disturb(scene: Scene, receiver: Process, sender: Sender, count: int) -> None:
    """Kill the receiver, then the server in the burst, then the server again while the rest is worked off."""
    _await(lambda: sender.sent >= count // 5)
    receiver.kill()
    receiver.start()
    receiver.await_listening()
    _await(lambda: sender.sent >= count // 2)
    scene.server.kill()
    time.sleep(_AWAY_SECONDS)
    scene.start_server()
    made = scene.runs(sender.way).total()
    _await(lambda: scene.runs(sender.way).total() > made, seconds=_QUIET_SECONDS)
    scene.server.kill()
    time.sleep(_AWAY_SECONDS)
    scene.start_server()


def _await(done: Callable[[], bool], seconds: float = _MOST_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not done() and time.monotonic() < deadline:
        time.sleep(0.01)


def _settled(scene: Scene, burst: Burst) -> float:
    """Wait until a way makes no more runs; return when it made the last one."""
    begun = last = time.monotonic()
    while time.monotonic() - last < _PATIENCE_SECONDS and time.monotonic() - begun < _MOST_SECONDS:
        runs = dict(scene.runs(burst.way))
        if runs != burst.runs:
            burst.runs, last = runs, time.monotonic()
        time.sleep(0.5)
    return last


def main(arguments: list[str] | None = None) -> int:
    """Measure and print; return 0 when nothing was lost or doubled and answers came in time."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--deliveries", type=int, default=500)
    count: int = parser.parse_args(arguments).deliveries
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="triggers-")))
        database = stack.enter_context(postgres_server())
        scene = Scene(home, *_databases(database))
        stack.callback(scene.server.stop)
        scene.start_server()
        scene.deploy()
        return _print({way: measure(scene, way, count) for way in WAYS}, count)


def _databases(database: URL) -> tuple[str, str]:
    """A database for Prefect and one for the ledger."""
    plain = database.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute("CREATE DATABASE ledger")
    prefect = database.set(drivername="postgresql+asyncpg")
    ledger = database.set(database="ledger")
    return prefect.render_as_string(hide_password=False), ledger.render_as_string(hide_password=False)


def _print(bursts: dict[str, Burst], count: int) -> int:
    print(
        f"{count} deliveries, {SENDERS} connections, {os.cpu_count()} cores; the server killed twice, the receiver once"
    )
    for way, burst in bursts.items():
        p50, p99, longest = (burst.percentile(share) for share in (0.5, 0.99, 1))
        print(
            f"{way:<6} accepted {burst.accepted}, runs {sum(burst.runs.values())}, lost {burst.lost()}, "
            f"doubled {burst.doubled()}, answers p50 {p50:.1f} ms, p99 {p99:.1f} ms, longest {longest:.1f} ms, "
            f"last run after {burst.seconds:.1f} s"
        )
    ours, naive = (bursts[way] for way in WAYS)
    p99 = ours.percentile(0.99)
    print(
        f"lost={ours.lost()} duplicates={ours.doubled()} ack_p99_ms={p99:.1f} "
        f"naive_lost={naive.lost()} naive_duplicates={naive.doubled()}"
    )
    return 0 if ours.lost() == 0 and ours.doubled() == 0 and p99 <= _MOST_MS else 1


if __name__ == "__main__":
    sys.exit(main())
