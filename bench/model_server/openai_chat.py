"""OpenAI's Chat Completions: whole answers and streams."""

from __future__ import annotations

import json
import shlex
import time
from typing import Any

from bench.model_server.dialect import Dialect, Json, Reply, events, objects, whole
from bench.model_server.moves import Answer, Edit, Fail, Quota, Say, Shell, Tokens
from bench.model_server.offered import Call, call_for, text_of, unique
from bench.model_server.openai_responses import openai_error

_SUBMIT = "COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT"
"""What a program whose only tool is a shell takes for the end: the first line that a command prints."""


class OpenAiChat(Dialect):
    """POST /v1/chat/completions."""

    def serves(self, path: str) -> bool:
        """Return whether it is the path of Chat Completions."""
        return "/chat/completions" in path

    def is_main(self, path: str, body: Json) -> bool:
        """Return whether tools are offered; titles are asked for without."""
        return bool(body.get("tools"))

    def aside(self, path: str, body: Json) -> Reply:
        """Return a short text."""
        return self.answer(Say("A turn", Tokens(1, 0, 1)), path, body)

    def answer(self, move: Answer, path: str, body: Json) -> Reply:
        """Return a completion, as a stream if it is asked for."""
        functions = objects([tool.get("function") for tool in objects(body.get("tools"))])
        names = [str(function.get("name")) for function in functions]
        if not isinstance(move, Shell | Edit) and names and _submits(body):
            move = Shell(f"printf '%s\\n%s' {_SUBMIT} {shlex.quote(text_of(move))}", move.tokens)
        call = call_for(move, names, "bash")
        made = {"id": unique("chatcmpl-"), "created": int(time.time()), "model": body.get("model", "")}
        return (_stream if body.get("stream") else _whole)(made, call, text_of(move), _usage(move.tokens))

    def refusal(self, move: Fail) -> Json:
        """Return an error with its code."""
        return openai_error(move)

    def used_up(self, move: Quota) -> Fail:
        """Return the refusal of a used up quota; its message and a header tell how long to wait."""
        message, headers = "You exceeded your current quota, please check your plan and billing details.", {}
        if move.resets_at:
            seconds = max(0, int(move.resets_at.timestamp() - time.time()))
            message += f" Please try again in {seconds // 3600}h{seconds // 60 % 60}m{seconds % 60}s."
            headers = {"retry-after": str(seconds)}
        error = {"message": message, "type": "insufficient_quota", "param": None, "code": "insufficient_quota"}
        return Fail(429, message, body={"error": error}, headers=headers)


def _submits(body: Json) -> bool:
    """Whether the program takes a command's output for the final answer."""
    return _SUBMIT in json.dumps(body.get("messages"))


def _calls(call: Call) -> Json:
    function = {"name": call.name, "arguments": json.dumps(call.arguments)}
    return {"id": call.id, "type": "function", "function": function}


def _whole(made: Json, call: Call | None, text: str, usage: Json) -> Reply:
    message: Json = {"role": "assistant", "content": None if call else text}
    if call:
        message["tool_calls"] = [_calls(call)]
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls" if call else "stop"}
    return whole({**made, "object": "chat.completion", "choices": [choice], "usage": usage})


def _stream(made: Json, call: Call | None, text: str, usage: Json) -> Reply:
    chunk = {**made, "object": "chat.completion.chunk"}
    delta: Json = {"role": "assistant"}
    delta |= {"tool_calls": [{"index": 0, **_calls(call)}]} if call else {"content": text}
    finish = "tool_calls" if call else "stop"
    return events(
        [
            {**chunk, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]},
            {**chunk, "choices": [{"index": 0, "delta": {}, "finish_reason": finish}]},
            {**chunk, "choices": [], "usage": usage},
        ],
        named=False,
        done=True,
    )


def _usage(tokens: Tokens) -> dict[str, Any]:
    read = tokens.fresh + tokens.cached
    return {
        "prompt_tokens": read,
        "completion_tokens": tokens.written,
        "total_tokens": read + tokens.written,
        "prompt_tokens_details": {"cached_tokens": tokens.cached},
    }
