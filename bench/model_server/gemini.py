"""Google's Gemini: generateContent, streamGenerateContent and countTokens."""

from __future__ import annotations

import time
from typing import Any

from bench.model_server.dialect import Dialect, Json, Reply, events, objects, whole
from bench.model_server.moves import Answer, Fail, Quota, Say, Tokens
from bench.model_server.offered import call_for, text_of

_STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}
_ASIDE = '{"complexity_reasoning": "simple", "complexity_score": 10, "model_choice": "flash", "next_speaker": "user"}'


class Gemini(Dialect):
    """POST /v1beta/models/<model>:generateContent and its kin."""

    def serves(self, path: str) -> bool:
        """Return whether it is a path of Gemini."""
        return any(f":{one}" in path for one in ("generateContent", "streamGenerateContent", "countTokens"))

    def is_main(self, path: str, body: Json) -> bool:
        """Return whether functions are offered; what is asked aside has none."""
        return "countTokens" not in path and bool(_names(body))

    def aside(self, path: str, body: Json) -> Reply:
        """Return a count, or what the checks of a conversation take for an answer."""
        if "countTokens" in path:
            return whole({"totalTokens": 100})
        return self.answer(Say(_ASIDE, Tokens(1, 0, 1)), path, body)

    def answer(self, move: Answer, path: str, body: Json) -> Reply:
        """Return a candidate, as a stream of one event if it is asked for."""
        call = call_for(move, _names(body), "run_shell_command")
        part = {"functionCall": {"name": call.name, "args": call.arguments}} if call else {"text": text_of(move)}
        candidate = {"content": {"role": "model", "parts": [part]}, "finishReason": "STOP", "index": 0}
        answer = {"candidates": [candidate], "usageMetadata": _usage(move.tokens), "modelVersion": "scripted"}
        return events([answer], named=False) if "streamGenerateContent" in path else whole(answer)

    def refusal(self, move: Fail) -> Json:
        """Return an error with its status."""
        status = _STATUSES.get(move.status, "UNKNOWN")
        return {"error": {"code": move.status, "message": move.message, "status": status}}

    def used_up(self, move: Quota) -> Fail:
        """Return the refusal of a used up quota: one with a time to wait, or one of the day, which tells no time."""
        kind = "type.googleapis.com/google.rpc"
        detail: Json = {"@type": f"{kind}.QuotaFailure", "violations": [{"quotaId": "GenerateRequestsPerDayPerModel"}]}
        if move.resets_at:
            seconds = max(0, int(move.resets_at.timestamp() - time.time()))
            detail = {"@type": f"{kind}.RetryInfo", "retryDelay": f"{seconds}s"}
        message = "You exceeded your current quota, please check your plan and billing details."
        error = {"code": 429, "message": message, "status": "RESOURCE_EXHAUSTED", "details": [detail]}
        return Fail(429, message, body={"error": error})


def _names(body: Json) -> list[str]:
    declared = (one for tool in objects(body.get("tools")) for one in objects(tool.get("functionDeclarations")))
    return [str(one.get("name")) for one in declared]


def _usage(tokens: Tokens) -> dict[str, Any]:
    read = tokens.fresh + tokens.cached
    return {
        "promptTokenCount": read,
        "cachedContentTokenCount": tokens.cached,
        "candidatesTokenCount": tokens.written,
        "totalTokenCount": read + tokens.written,
    }
