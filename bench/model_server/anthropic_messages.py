"""Anthropic's Messages: whole answers, streams, and the count of tokens."""

from __future__ import annotations

import json
from typing import Any

from bench.model_server.dialect import Dialect, Json, Reply, events, objects, whole
from bench.model_server.moves import Answer, Fail, Quota, Say, Tokens
from bench.model_server.offered import Call, call_for, text_of, unique
from contracts.agent import as_object

_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
    529: "overloaded_error",
}


class AnthropicMessages(Dialect):
    """POST /v1/messages and /v1/messages/count_tokens."""

    def serves(self, path: str) -> bool:
        """Return whether it is a path of Messages."""
        return "/messages" in path

    def is_main(self, path: str, body: Json) -> bool:
        """Return whether an agent asks: with tools, or with thought and without a form; titles have a form."""
        if "count_tokens" in path:
            return False
        formed = "format" in (as_object(body.get("output_config")) or {})
        return bool(body.get("tools")) or ("thinking" in body and not formed)

    def aside(self, path: str, body: Json) -> Reply:
        """Return a count, or a short text."""
        if "count_tokens" in path:
            return whole({"input_tokens": 100})
        return self.answer(Say('{"title": "A turn"}', Tokens(1, 0, 1)), path, body)

    def answer(self, move: Answer, path: str, body: Json) -> Reply:
        """Return a message, as a stream if it is asked for."""
        names = [str(tool.get("name")) for tool in objects(body.get("tools"))]
        call = call_for(move, names, "Bash")
        message: Json = {
            "id": unique("msg_"),
            "type": "message",
            "role": "assistant",
            "model": body.get("model", ""),
            "content": [_block(call, text_of(move))],
            "stop_reason": "tool_use" if call else "end_turn",
            "stop_sequence": None,
            "usage": _usage(move.tokens),
        }
        return _stream(message) if body.get("stream") else whole(message)

    def refusal(self, move: Fail) -> Json:
        """Return an error with its type."""
        kind = _TYPES.get(move.status, "api_error")
        return {"type": "error", "error": {"type": kind, "message": move.message}, "request_id": unique("req_")}

    def used_up(self, move: Quota) -> Fail:
        """Return the refusal of a subscription whose limit is reached; a program that signs in with one reads it."""
        prefix = "anthropic-ratelimit-unified"
        headers = {
            f"{prefix}-status": "rejected",
            f"{prefix}-representative-claim": "five_hour",
            f"{prefix}-overage-status": "rejected",
            "x-should-retry": "false",
        }
        if move.resets_at:
            headers[f"{prefix}-reset"] = headers[f"{prefix}-5h-reset"] = str(int(move.resets_at.timestamp()))
        return Fail(
            429, "This request would exceed your account's rate limit. Please try again later.", headers=headers
        )


def _block(call: Call | None, text: str) -> Json:
    if call is None:
        return {"type": "text", "text": text}
    return {"type": "tool_use", "id": f"toolu_{call.id}", "name": call.name, "input": call.arguments}


def _usage(tokens: Tokens) -> dict[str, Any]:
    return {
        "input_tokens": tokens.fresh,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": tokens.cached,
        "output_tokens": tokens.written,
    }


def _stream(message: Json) -> Reply:
    block = message["content"][0]
    if block["type"] == "text":
        empty: Json = {**block, "text": ""}
        delta: Json = {"type": "text_delta", "text": block["text"]}
    else:
        empty = {**block, "input": {}}
        delta = {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
    begun: Json = {**message, "content": [], "stop_reason": None, "usage": {**message["usage"], "output_tokens": 1}}
    ended = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    return events(
        [
            {"type": "message_start", "message": begun},
            {"type": "content_block_start", "index": 0, "content_block": empty},
            {"type": "content_block_delta", "index": 0, "delta": delta},
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": ended, "usage": {"output_tokens": message["usage"]["output_tokens"]}},
            {"type": "message_stop"},
        ],
        named=True,
    )
