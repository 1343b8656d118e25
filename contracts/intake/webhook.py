"""Whether a delivery comes from who it says: the signatures of webhooks, checked in constant time.

GitHub signs the body (X-Hub-Signature-256, "Validating webhook deliveries"). GitLab sends a token (X-Gitlab-Token).
Everybody else signs id, time and body by the Standard Webhooks specification (webhook-id, webhook-timestamp,
webhook-signature), so that a delivery cannot be replayed later.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

MOST_BYTES = 1_048_576
"""Largest body that is accepted."""
WINDOW = timedelta(minutes=5)
"""How far the time of a signed delivery may be from now, as the specification proposes."""
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/=-]{0,127}")
_EVENT = re.compile(r"[A-Za-z][A-Za-z0-9 ._-]{0,63}")
_HEX = re.compile(r"sha256=[0-9a-f]{64}")
_SECONDS = re.compile(r"[0-9]{1,12}")
_ENCODED = "whsec_"
"""Beginning of a secret that is written in base64."""


class Source(StrEnum):
    """Who may send deliveries."""

    GITHUB = "github"
    GITLAB = "gitlab"
    GENERIC = "generic"
    SLACK = "slack"


class Trouble(StrEnum):
    """Why a delivery is not accepted."""

    NOT_CONFIGURED = "no secret is set for this source"
    UNSIGNED = "no readable signature"
    FORGED = "bad signature"
    STALE = "signed at another time"
    NAMELESS = "no readable id"
    EVENTLESS = "no readable event"
    TOO_LARGE = "too large"
    WRONG_TYPE = "not sent as JSON"
    UNREADABLE = "not readable as JSON"
    TRUNCATED = "shorter than announced"
    SLOW = "sent too slowly"


STATUS: dict[Trouble, int] = {
    Trouble.NOT_CONFIGURED: 404,
    Trouble.UNSIGNED: 401,
    Trouble.FORGED: 401,
    Trouble.STALE: 401,
    Trouble.NAMELESS: 400,
    Trouble.EVENTLESS: 400,
    Trouble.TOO_LARGE: 413,
    Trouble.WRONG_TYPE: 415,
    Trouble.UNREADABLE: 400,
    Trouble.TRUNCATED: 400,
    Trouble.SLOW: 408,
}
"""HTTP status that tells the sender."""


class DeliveryOutcome(StrEnum):
    """What became of a delivery."""

    STARTED = "started"
    DUPLICATE = "duplicate"
    NO_RULE = "no rule"
    LIMITED = "refused by limit"
    REFUSED = "refused"
    ERROR = "error"


class Verified(NamedTuple):
    """A delivery whose sender is known.

    Args:
        delivery: the sender's id of it.
        event: what happened, in the sender's word; empty: the body says.
        digest: fingerprint of what was signed; a replay under another id has the same.
    """

    delivery: str
    event: str
    digest: str


def verify(
    source: Source, headers: Mapping[str, str], body: bytes, secrets: Sequence[str], now: datetime
) -> Verified | Trouble:
    """Return what a delivery is, or why it is not accepted.

    Args:
        source: who shall have sent it.
        headers: its headers, names in small letters.
        body: its body, as it came.
        secrets: secrets of the source; while one is exchanged there are two.
        now: the present time, aware.
    """
    usable = [secret for secret in secrets if secret]
    if not usable:
        return Trouble.NOT_CONFIGURED
    match source:
        case Source.GITHUB:
            return _github(headers, body, usable)
        case Source.GITLAB:
            return _gitlab(headers, body, usable)
        case Source.GENERIC:
            return _standard(headers, body, usable, now)
        case Source.SLACK:  # what people ask for there comes through the connector
            return Trouble.NOT_CONFIGURED


def _github(headers: Mapping[str, str], body: bytes, secrets: Sequence[str]) -> Verified | Trouble:
    signature = headers.get("x-hub-signature-256", "")
    if not _HEX.fullmatch(signature):
        return Trouble.UNSIGNED
    wanted = ["sha256=" + _sign(secret.encode(), body).hex() for secret in secrets]
    if not _any_equal(signature, wanted):
        return Trouble.FORGED
    return _named(headers, "x-github-delivery", "x-github-event", hashlib.sha256(body).hexdigest())


def _gitlab(headers: Mapping[str, str], body: bytes, secrets: Sequence[str]) -> Verified | Trouble:
    token = headers.get("x-gitlab-token", "")
    if not token:
        return Trouble.UNSIGNED
    if not _any_equal(token, secrets):
        return Trouble.FORGED
    return _named(headers, "x-gitlab-event-uuid", "x-gitlab-event", hashlib.sha256(body).hexdigest())


def _standard(headers: Mapping[str, str], body: bytes, secrets: Sequence[str], now: datetime) -> Verified | Trouble:
    name, at = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    signatures = [one.removeprefix("v1,") for one in headers.get("webhook-signature", "").split() if one[:3] == "v1,"]
    if not signatures or not _SECONDS.fullmatch(at):
        return Trouble.UNSIGNED
    if not _ID.fullmatch(name):
        return Trouble.NAMELESS
    signed = b".".join((name.encode(), at.encode(), body))
    wanted = [base64.b64encode(_sign(_key(secret), signed)).decode() for secret in secrets]
    if not any(_any_equal(one, wanted) for one in signatures[:10]):
        return Trouble.FORGED
    if abs(now - datetime.fromtimestamp(0, UTC) - timedelta(seconds=int(at))) > WINDOW:
        return Trouble.STALE
    return Verified(name, "", hashlib.sha256(b".".join((name.encode(), body))).hexdigest())


def _named(headers: Mapping[str, str], id_header: str, event_header: str, digest: str) -> Verified | Trouble:
    name, event = headers.get(id_header, ""), headers.get(event_header, "")
    if not _ID.fullmatch(name):
        return Trouble.NAMELESS
    if not _EVENT.fullmatch(event):
        return Trouble.EVENTLESS
    return Verified(name, event, digest)


def _sign(key: bytes, message: bytes) -> bytes:
    return hmac.new(key, message, hashlib.sha256).digest()


def _key(secret: str) -> bytes:
    """The key of a secret: its text, or what it encodes."""
    if not secret.startswith(_ENCODED):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix(_ENCODED), validate=True)
    except binascii.Error:
        return secret.encode()


def _any_equal(given: str, wanted: Sequence[str]) -> bool:
    """Whether a text is one of several; how long it takes tells neither which, nor how much of it, nor its length."""
    said = hashlib.sha256(given.encode("utf-8", "surrogateescape")).digest()
    fits = [hmac.compare_digest(said, hashlib.sha256(one.encode()).digest()) for one in wanted]
    return any(fits)
