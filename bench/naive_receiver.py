"""The short way to trigger runs, as one would write it first: verify, `emit_event`, and an automation."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import uuid

from fastapi import FastAPI, HTTPException, Request
from prefect.events import emit_event

EVENT = "delivery.github.issues.labeled"
SECRET = os.environ.get("DELIVERY_GITHUB_WEBHOOK_SECRET", "").encode()

app = FastAPI()


@app.post("/webhooks/github", status_code=202)
async def receive(request: Request) -> dict[str, str]:
    """Emit an event for a delivery; its id is derived from that of the delivery, so that Prefect may know it again."""
    body = await request.body()
    wanted = "sha256=" + hmac.new(SECRET, body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(request.headers.get("x-hub-signature-256", ""), wanted):
        raise HTTPException(401)
    payload = json.loads(body)
    name = request.headers["x-github-delivery"]
    emit_event(
        EVENT,
        resource={"prefect.resource.id": f"github.repository.{payload['repository']['full_name']}"},
        payload={"title": payload["issue"]["title"]},
        id=uuid.uuid5(uuid.NAMESPACE_URL, name),
    )
    return {"status": "emitted"}
