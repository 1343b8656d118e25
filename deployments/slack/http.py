"""The address that Slack sends to when the connector does not listen itself: signed requests, checked and taken.

(Slack, "Verifying requests from Slack": v0 and the HMAC of v0:timestamp:body, at most five minutes old.)
"""

from __future__ import annotations

import asyncio
import time
from typing import Any
from urllib.parse import parse_qsl

from slack_sdk.signature import SignatureVerifier
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from contracts.intake.payload import Unreadable, read
from contracts.intake.webhook import MOST_BYTES, STATUS, WINDOW, Trouble
from deployments.slack.desk import Desk

PATH = "/slack"
"""Request URL of events, interactivity and commands alike."""
_READ_SECONDS = 10.0
_MOST_FIELDS = 100


class _NotAccepted(Exception):
    def __init__(self, trouble: Trouble, detail: str = "") -> None:
        super().__init__(trouble.value)
        self.trouble, self.detail = trouble, detail


def routes(desk: Desk, secret: str) -> list[Route]:
    """Return the route that takes what Slack sends, for an application of its own or the receiver's.

    Args:
        desk: what takes it.
        secret: signing secret of the app.
    """
    verifier = SignatureVerifier(secret)

    async def receive(request: Request) -> Response:
        try:
            sort, payload = _read(request, await _verified(request, verifier))
        except _NotAccepted as refused:
            await run_in_threadpool(desk.refuse, refused.trouble, refused.detail)
            return JSONResponse({"status": refused.trouble.value}, STATUS[refused.trouble])
        if payload.get("type") == "url_verification":
            return JSONResponse({"challenge": str(payload.get("challenge", ""))[:200]})
        reply = await run_in_threadpool(desk.take, sort, payload)
        return JSONResponse(reply) if reply else Response(status_code=200)

    return [Route(PATH, receive, methods=["POST"])]


async def _verified(request: Request, verifier: SignatureVerifier) -> bytes:
    """The body, when Slack has signed it a moment ago."""
    stamps, signatures = (request.headers.getlist(f"x-slack-{name}") for name in ("request-timestamp", "signature"))
    body = await _body(request)
    if len(stamps) != 1 or len(signatures) != 1 or not (stamps[0].isascii() and stamps[0].isdigit()):
        raise _NotAccepted(Trouble.UNSIGNED)
    if len(stamps[0]) > 12 or abs(time.time() - int(stamps[0])) > WINDOW.total_seconds():
        raise _NotAccepted(Trouble.STALE, f"it states {stamps[0][:20]}")
    try:
        genuine = verifier.is_valid(body, stamps[0], signatures[0])
    except (ValueError, TypeError):  # a body that is no text, or a signature that is no ASCII
        genuine = False
    if not genuine:
        raise _NotAccepted(Trouble.FORGED, f"{len(body)} bytes")
    return body


async def _body(request: Request) -> bytes:
    """The body; not a byte more than allowed is kept, however it is sent."""
    got = bytearray()
    try:
        async with asyncio.timeout(_READ_SECONDS):
            async for chunk in request.stream():
                if len(got) + len(chunk) > MOST_BYTES:
                    raise _NotAccepted(Trouble.TOO_LARGE)
                got += chunk
    except TimeoutError:
        raise _NotAccepted(Trouble.SLOW, f"{len(got)} bytes") from None
    except ClientDisconnect:
        raise _NotAccepted(Trouble.TRUNCATED, f"{len(got)} bytes") from None
    return bytes(got)


def _read(request: Request, body: bytes) -> tuple[str, dict[str, Any]]:
    """What is said, and of which sort it is."""
    sort = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        if sort == "application/json":
            return "events_api", read(body)
        if sort != "application/x-www-form-urlencoded":
            raise _NotAccepted(Trouble.WRONG_TYPE, sort[:60])
        fields = dict(parse_qsl(body.decode("ascii"), max_num_fields=_MOST_FIELDS, errors="strict"))
        if "payload" in fields:
            return "interactive", read(fields["payload"].encode())
    except (Unreadable, ValueError) as error:
        raise _NotAccepted(Trouble.UNREADABLE, str(error)[:200]) from None
    return "slash_commands", dict(fields)
