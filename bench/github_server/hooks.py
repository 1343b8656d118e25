"""Webhooks: signed and sent in the background, each once, as GitHub does; their payloads are validated."""

from __future__ import annotations

import hashlib
import hmac
import json
import queue
import threading
import uuid
from dataclasses import dataclass, field

import httpx

from bench.github_server.description import Description, Json

_SECONDS = 10.0
"""How long GitHub waits for an answer."""


@dataclass(frozen=True)
class Hook:
    """Where a repository's events go.

    Args:
        repository: full name.
        url: address of the receiver.
        secret: key of the signature.
        events: names of the events; empty: all.
    """

    repository: str
    url: str
    secret: str
    events: frozenset[str] = frozenset()


@dataclass
class Delivery:
    """One event on its way; `status` 0: no answer yet, or none at all, then `error` says why."""

    id: str
    hook: Hook
    event: str
    body: bytes
    status: int = 0
    error: str = ""
    headers: dict[str, str] = field(default_factory=dict[str, str])


class Hooks:
    """Sends events to receivers on this machine.

    Args:
        description: what payloads must look like.
        violations: where what is wrong with them is written.
    """

    def __init__(self, description: Description, violations: list[str]) -> None:
        self.registered: list[Hook] = []
        self.deliveries: list[Delivery] = []
        self._description, self._violations = description, violations
        self._waiting: queue.Queue[Delivery | None] = queue.Queue()
        self._thread = threading.Thread(target=self._send_all, name="webhooks")

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def stop(self) -> None:
        """Send what waits, and end."""
        self._waiting.put(None)
        self._thread.join()

    def drain(self) -> None:
        """Wait until everything that happened so far has been sent."""
        self._waiting.join()

    def happened(self, repository: str, event: str, action: str, payload: Json) -> None:
        """Send an event to the hooks of a repository; `action` is empty for events without one."""
        hooks = [one for one in self.registered if one.repository == repository and _takes(one, event)]
        if not hooks:
            return
        name = "-".join(filter(None, (event, action))).replace("_", "-")
        given = {"action": action, **payload} if action else payload
        whole = self._description.complete(self._description.webhook(name), given)
        self._violations += [f"webhook {one}" for one in self._description.payload(name, whole)]
        body = json.dumps(whole).encode()
        for hook in hooks:
            self._post(Delivery(str(uuid.uuid4()), hook, event, body))

    def redeliver(self, delivery: Delivery) -> None:
        """Send a delivery once more, with the id that it had."""
        self._post(Delivery(delivery.id, delivery.hook, delivery.event, delivery.body))

    def _post(self, delivery: Delivery) -> None:
        signature = hmac.new(delivery.hook.secret.encode(), delivery.body, hashlib.sha256).hexdigest()
        delivery.headers = {
            "content-type": "application/json",
            "user-agent": "GitHub-Hookshot/fake",
            "x-github-event": delivery.event,
            "x-github-delivery": delivery.id,
            "x-github-hook-id": "1",
            "x-hub-signature-256": f"sha256={signature}",
        }
        self.deliveries.append(delivery)
        self._waiting.put(delivery)

    def _send_all(self) -> None:
        with httpx.Client(timeout=_SECONDS, trust_env=False) as client:
            while (delivery := self._waiting.get()) is not None:
                try:
                    delivery.status = client.post(
                        delivery.hook.url, content=delivery.body, headers=delivery.headers
                    ).status_code
                except httpx.HTTPError as error:
                    delivery.error = repr(error)
                self._waiting.task_done()
            self._waiting.task_done()


def _takes(hook: Hook, event: str) -> bool:
    return not hook.events or event in hook.events
