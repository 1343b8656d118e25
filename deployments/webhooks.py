"""The receiver of webhooks: verifies a delivery, keeps it in the inbox, and answers, whether or not Prefect is up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.requests import ClientDisconnect

from blocks.ledger import Ledger
from blocks.ledger.inbox import Delivery
from contracts.errors import DeliveryError
from contracts.intake.payload import Unreadable, read
from contracts.intake.webhook import MOST_BYTES, STATUS, Source, Trouble, Verified, verify
from contracts.redaction import redact
from deployments.intake.keeping import Intake

READ_SECONDS = 10.0
"""How long a sender may take for one delivery."""
_ANSWER: dict[str, Any] = {
    "type": "object",
    "properties": {"status": {"type": "string"}},
    "required": ["status"],
    "additionalProperties": False,
}
_HEADERS = {
    "X-Hub-Signature-256": "github: sha256= and the HMAC of the body in hexadecimal.",
    "X-GitHub-Delivery": "github: id of the delivery.",
    "X-GitHub-Event": "github: what happened.",
    "X-Gitlab-Token": "gitlab: the secret.",
    "X-Gitlab-Event-UUID": "gitlab: id of the delivery.",
    "X-Gitlab-Event": "gitlab: what happened.",
    "webhook-id": "generic: id of the delivery.",
    "webhook-timestamp": "generic: when it was sent, in seconds since 1970.",
    "webhook-signature": "generic: v1, and the HMAC of id.timestamp.body in base64.",
}


def _said(description: str) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": _ANSWER}}}


_TOLD = {
    200: _said("It came before; nothing is done twice."),
    202: _said("It is kept, and will be settled."),
    400: _said("It cannot be read."),
    401: _said("Nothing proves who sent it."),
    404: _said("This source has no secret."),
    408: _said("It came too slowly."),
    413: _said(f"It has more than {MOST_BYTES} bytes."),
    415: _said("It is not JSON."),
    503: _said("It could not be kept; send it again."),
}
_EXTRA: dict[str, Any] = {
    "parameters": [
        {"name": name, "in": "header", "required": False, "description": text, "schema": {"type": "string"}}
        for name, text in _HEADERS.items()
    ],
    "requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}},
}


class _NotAccepted(Exception):
    def __init__(self, trouble: Trouble, detail: str = "") -> None:
        super().__init__(trouble.value)
        self.trouble, self.detail = trouble, detail


def build_app(
    ledger: Ledger, intake: Intake, secrets: Mapping[Source, Sequence[str]], patience: float = READ_SECONDS
) -> FastAPI:
    """Return the receiver.

    Args:
        ledger: the ledger of the intake, for the health.
        intake: what keeps deliveries.
        secrets: secrets of each source; a source without one accepts nothing.
        patience: how long a sender may take for one delivery, seconds.
    """
    app = FastAPI(title="Deliveries", version="1", docs_url=None, redoc_url=None)

    @app.post("/webhooks/{source}", status_code=202, responses=_TOLD, openapi_extra=_EXTRA)  # type: ignore[arg-type]
    async def receive(source: Source, request: Request) -> JSONResponse:  # pyright: ignore[reportUnusedFunction]
        """Keep a delivery."""
        try:
            async with _limited(patience):
                row = await _delivery(source, request, secrets.get(source, ()))
            new = await intake.keep(row)
        except _NotAccepted as refused:
            return await _refused(intake, source, refused)
        except DeliveryError as error:
            return _answer(503, f"not kept, send it again: {redact(error.message)}")
        return _answer(202, "kept") if new else _answer(200, "it came before")

    @app.get("/health", responses={200: _said("It receives."), 503: _said("The ledger does not answer.")})
    def health() -> JSONResponse:  # pyright: ignore[reportUnusedFunction]
        """Tell whether deliveries can be kept, and how many wait to be settled."""
        try:
            waiting = ledger.undelivered()
        except DeliveryError as error:
            return _answer(503, redact(error.message))
        return _answer(200, f"ok, {waiting} waiting")

    return app


def _answer(status: int, text: str) -> JSONResponse:
    return JSONResponse({"status": text}, status_code=status)


async def _refused(intake: Intake, source: Source, refused: _NotAccepted) -> JSONResponse:
    with suppress(DeliveryError):  # a refusal that is not counted is still a refusal
        await intake.refuse(source, refused.trouble, refused.detail)
    answer = _answer(STATUS[refused.trouble], refused.trouble.value)
    if refused.trouble in (Trouble.TOO_LARGE, Trouble.SLOW):
        answer.headers["connection"] = "close"  # what is left of the body is not read
    return answer


@asynccontextmanager
async def _limited(seconds: float) -> AsyncGenerator[None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise _NotAccepted(Trouble.SLOW, f"more than {seconds:g} seconds") from None


async def _delivery(source: Source, request: Request, secrets: Sequence[str]) -> Delivery:
    """Read and verify a delivery.

    Raises:
        _NotAccepted: it is not accepted.
    """
    if not any(secrets):
        raise _NotAccepted(Trouble.NOT_CONFIGURED)
    headers = _headers(request)
    if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise _NotAccepted(Trouble.WRONG_TYPE, "set the content type of the webhook to application/json")
    body = await _body(request, headers.get("content-length", ""))
    at = datetime.now(UTC)
    found = verify(source, headers, body, secrets, at)
    if not isinstance(found, Verified):
        raise _NotAccepted(found, f"{len(body)} bytes")
    try:
        read(body)
    except Unreadable as error:
        raise _NotAccepted(Trouble.UNREADABLE, str(error)) from None
    return Delivery(
        source=source.value,
        delivery=found.delivery,
        event=found.event,
        digest=found.digest,
        received_at=at,
        body=body,
        next_try_at=at,
    )


def _headers(request: Request) -> dict[str, str]:
    """The headers; one that is given twice becomes a list, which no check takes for a value."""
    made: dict[str, str] = {}
    for raw_name, raw_value in request.headers.raw:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        made[name] = f"{made[name]}, {value}" if name in made else value
    return made


async def _body(request: Request, announced: str) -> bytes:
    """The body; not a byte more than allowed is kept, however it is sent."""
    if announced.isascii() and announced.isdigit() and int(announced[:20]) > MOST_BYTES:
        raise _NotAccepted(Trouble.TOO_LARGE, f"{announced[:20]} bytes")
    read_so_far = bytearray()
    try:
        async for chunk in request.stream():
            if len(read_so_far) + len(chunk) > MOST_BYTES:
                raise _NotAccepted(Trouble.TOO_LARGE, "sent in pieces")
            read_so_far += chunk
    except ClientDisconnect:
        raise _NotAccepted(Trouble.TRUNCATED, f"{len(read_so_far)} bytes") from None
    return bytes(read_so_far)
