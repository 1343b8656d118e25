"""OpenAI's Responses: whole answers and streams."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

from bench.model_server.dialect import Dialect, Json, Reply, events, objects, whole
from bench.model_server.moves import Answer, Fail, Quota, Say, Tokens
from bench.model_server.offered import Call, call_for, text_of, unique

_CODES = {401: "invalid_api_key", 402: "billing_hard_limit_reached", 429: "rate_limit_exceeded"}


class OpenAiResponses(Dialect):
    """POST /v1/responses."""

    def serves(self, path: str) -> bool:
        """Return whether it is the path of Responses."""
        return "/responses" in path

    def is_main(self, path: str, body: Json) -> bool:
        """Return true: no program asks aside in this protocol."""
        return True

    def aside(self, path: str, body: Json) -> Reply:
        """Return a short text."""
        return self.answer(Say("A turn", Tokens(1, 0, 1)), path, body)

    def answer(self, move: Answer, path: str, body: Json) -> Reply:
        """Return a response, as a stream if it is asked for."""
        names = list(_names(body))
        item = _item(call_for(move, names, "shell"), text_of(move))
        begun: Json = {
            "id": unique("resp_"),
            "object": "response",
            "created_at": int(time.time()),
            "status": "in_progress",
            "model": body.get("model", ""),
            "output": [],
        }
        ended = {**begun, "status": "completed", "output": [item], "usage": _usage(move.tokens)}
        if not body.get("stream"):
            return whole(ended)
        return events(
            [
                {"type": "response.created", "response": begun},
                {"type": "response.output_item.added", "output_index": 0, "item": item},
                {"type": "response.output_item.done", "output_index": 0, "item": item},
                {"type": "response.completed", "response": ended},
            ],
            named=True,
        )

    def refusal(self, move: Fail) -> Json:
        """Return an error with its code."""
        return openai_error(move)

    def used_up(self, move: Quota) -> Fail:
        """Return the refusal of a plan whose limit is reached; its body tells when it is over."""
        error: Json = {"type": "usage_limit_reached", "message": "The usage limit has been reached", "plan_type": "pro"}
        if move.resets_at:
            error["resets_at"] = int(move.resets_at.timestamp())
            error["resets_in_seconds"] = max(0, int(move.resets_at.timestamp() - time.time()))
        return Fail(429, str(error["message"]), body={"error": error})


def openai_error(move: Fail) -> Json:
    """Return the body of a refusal as OpenAI's protocols have it."""
    code = _CODES.get(move.status)
    return {"error": {"message": move.message, "type": code or "server_error", "param": None, "code": code}}


def _names(body: Json) -> Iterator[str]:
    """Yield the offered tools: in the request, or in an item of its input, where they may stand in a name space."""
    added = [item.get("tools") for item in objects(body.get("input")) if item.get("type") == "additional_tools"]
    for tools in (body.get("tools"), *added):
        for tool in objects(tools):
            yield str(tool.get("name") or tool.get("type"))
            yield from (str(inner.get("name")) for inner in objects(tool.get("tools")))


def _item(call: Call | None, text: str) -> Json:
    if call is None:
        content: list[Json] = [{"type": "output_text", "text": text, "annotations": []}]
        role = {"role": "assistant", "status": "completed"}
        return {"type": "message", "id": unique("msg_"), **role, "content": content}
    item: Json = {"call_id": call.id, "name": call.name, "status": "completed"}
    if call.free is not None:
        return {"type": "custom_tool_call", "id": unique("ctc_"), **item, "input": call.free}
    return {"type": "function_call", "id": unique("fc_"), **item, "arguments": json.dumps(call.arguments)}


def _usage(tokens: Tokens) -> dict[str, Any]:
    read = tokens.fresh + tokens.cached
    return {
        "input_tokens": read,
        "input_tokens_details": {"cached_tokens": tokens.cached},
        "output_tokens": tokens.written,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": read + tokens.written,
    }
