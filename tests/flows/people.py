"""People who answer at gates as a browser does: they read the form of a waiting run and send it back filled in."""

from __future__ import annotations

import os
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import httpx

SEEN_SECONDS = 60.0
_PRESSES, _BUSY = 5, 503
_PLAIN: Any = {"timeout": 120, "trust_env": False, "verify": False}
"""Without TLS, for which each call would load every root certificate."""
_GIVE_UP = ("stop", "reject", "leave open")


@dataclass
class Form:
    """What a waiting run shows."""

    run: str
    schema: dict[str, Any]
    description: str

    @property
    def choices(self) -> list[str]:
        offered = self.schema["properties"]["decision"]
        return cast(list[str], offered.get("enum") or [offered["const"]])

    @property
    def names(self) -> list[str]:
        return [one.rpartition(" · ")[0] for one in self.choices]

    def filled(self, choice: str, text: str | None = None, who: str = "Ada") -> dict[str, Any]:
        (label,) = [one for one in self.choices if one.startswith(f"{choice} · ")]
        name = "answers" if "answers" in self.schema["properties"] else "comment"
        words = self.schema["properties"][name]["default"] if text is None else text
        return {"decision": label, name: words, "your_name": who}


@dataclass
class People:
    """Everybody who looks after one repository, once in so many seconds."""

    repository: str
    api: str = field(default_factory=lambda: os.environ["PREFECT_API_URL"])
    forms: list[Form] = field(default_factory=list[Form])
    answers: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    glance: float = 0.2
    strangers: set[str] = field(default_factory=set[str])

    def form(self, seconds: float = SEEN_SECONDS, over: threading.Event | None = None) -> Form:
        """Wait until a run of the repository shows a form that nobody has seen yet."""
        over, left = over or threading.Event(), seconds
        while left > 0 and not over.wait(self.glance):
            left -= self.glance
            if found := self._new():
                return found
        raise AssertionError(f"no run showed a form within {seconds:.0f} s")

    def send(self, form: Form, values: dict[str, Any]) -> dict[str, Any]:
        """Send a form, again while the server is busy; return what it says to it."""
        address = f"{self.api}/flow_runs/{form.run}/resume"
        for _ in range(_PRESSES):
            response = httpx.post(address, json={"run_input": values}, **_PLAIN)
            if response.status_code != _BUSY:
                said = cast(dict[str, Any], response.json())
                self.answers.append(said)
                return said
        raise AssertionError(f"the server was busy {_PRESSES} times")

    @contextmanager
    def answering(self, *answers: tuple[str, str | None] | tuple[str, str | None, str]) -> Generator[None]:
        """Answer the forms that come up, one after the other, for the time of the block; an unplanned one ends it."""
        failed: list[BaseException] = []
        over = threading.Event()

        def answer() -> None:
            try:
                for choice, text, *who in answers:
                    form = self.form(over=over)
                    said = self.send(form, form.filled(choice, text, *who))
                    assert said["status"] == "ACCEPT", said
            except BaseException as error:  # noqa: BLE001 - told by the test's own thread
                failed.append(error)
            while not over.wait(self.glance):
                if form := self._new():
                    failed.append(AssertionError(f"nobody planned to answer: {form.description}"))
                    self.send(form, form.filled(next(one for one in _GIVE_UP if one in form.names), "unplanned"))

        thread = threading.Thread(target=answer)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join(SEEN_SECONDS)
        if failed:
            raise failed[0]
        assert not thread.is_alive()

    def shown(self) -> list[Form]:
        """The forms that runs of the repository show now."""
        found = [one for one in map(self._read, self._paused()) if one is not None]
        self.forms += [one for one in found if one not in self.forms]
        return found

    def _new(self) -> Form | None:
        seen = {(one.run, one.choices[0]) for one in self.forms}
        return next((one for one in self.shown() if (one.run, one.choices[0]) not in seen), None)

    def _paused(self) -> list[dict[str, Any]]:
        query = {"flow_runs": {"state": {"type": {"any_": ["PAUSED"]}}, "id": {"not_any_": sorted(self.strangers)}}}
        answer = httpx.post(f"{self.api}/flow_runs/filter", json=query, **_PLAIN)
        found: list[dict[str, Any]] = answer.json() if answer.is_success else []
        mine = [one for one in found if one["parameters"]["item"]["repository"]["name"] == self.repository]
        self.strangers |= {one["id"] for one in found} - {one["id"] for one in mine}
        return mine

    def _read(self, flow_run: dict[str, Any]) -> Form | None:
        keys = flow_run["state"]["state_details"]["run_input_keyset"]
        home = f"{self.api}/flow_runs/{flow_run['id']}/input"
        schema = httpx.get(f"{home}/{keys['schema']}", **_PLAIN)
        if schema.status_code != 200:
            return None
        decision = schema.json()["properties"]["decision"]
        return Form(flow_run["id"], schema.json(), f"{decision['title']}\n\n{decision['description']}")
