"""A flow run of a deployment, made once for each key, however often it is asked for."""

from __future__ import annotations

import time
from contextlib import ExitStack
from uuid import UUID

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.exceptions import ObjectNotFound, PrefectHTTPStatusError
from prefect.states import Scheduled

from contracts.errors import Misconfigured, Refused, Unavailable
from contracts.intake.starting import Start
from contracts.ticks import TRIGGERED

_KNOWN_SECONDS = 60.0
_REFUSED = frozenset({400, 409, 422})
"""What Prefect answers when the parameters are wrong; whatever else it answers may be otherwise later."""


class Launcher:
    """A client of Prefect that is kept as long as it works; to make one takes longer than a call."""

    def __init__(self) -> None:
        self._open = ExitStack()
        self._client: SyncPrefectClient | None = None
        self._deployments: dict[str, tuple[float, UUID]] = {}

    def open(self) -> SyncPrefectClient:
        """Return the client, made when there is none; that asks nobody, but takes 50 ms in which no thread runs."""
        if self._client is None:
            self._client = self._open.enter_context(get_client(sync_client=True))
        return self._client

    def close(self) -> None:
        """Close the client; the next use opens another one."""
        self._client = None
        self._deployments.clear()
        self._open.close()

    def launch(self, start: Start) -> str:
        """Return the id of the flow run of a start, made now or before.

        Raises:
            Misconfigured: there is no such deployment.
            Refused: the deployment does not take these parameters.
            Unavailable: Prefect did not answer.
        """
        try:
            return str(self._create(start))
        except ObjectNotFound as error:
            self._deployments.pop(start.deployment, None)
            raise Misconfigured(
                f"there is no deployment {start.deployment!r}; apply the registry, or correct the rule {start.rule!r}"
            ) from error
        except (httpx.HTTPStatusError, PrefectHTTPStatusError) as error:
            if error.response.status_code not in _REFUSED:
                raise self._gone(f"it answers {error.response.status_code}") from error
            said = error.response.text[:500]
            raise Refused(f"the deployment {start.deployment!r} refuses what {start.rule!r} makes: {said}") from error
        except RuntimeError as error:  # somebody has closed it
            self.close()
            raise self._gone(f"{type(error).__name__}") from error
        except (OSError, httpx.HTTPError) as error:
            raise self._gone(f"{type(error).__name__}") from error

    def _create(self, start: Start) -> UUID:
        client = self.open()
        at, deployment = self._deployments.get(start.deployment, (0.0, None))
        if deployment is None or time.monotonic() - at > _KNOWN_SECONDS:
            deployment = client.read_deployment_by_name(start.deployment).id
            self._deployments[start.deployment] = time.monotonic(), deployment
        made = client.create_flow_run_from_deployment(
            deployment,
            parameters=start.parameters,
            state=Scheduled(),
            tags=[TRIGGERED],
            idempotency_key=start.key,
        )
        return made.id

    def _gone(self, why: str) -> Unavailable:
        self._deployments.clear()  # another server may have come in its place
        return Unavailable(f"Prefect did not make the run ({why}); it is tried again: see to its server")
