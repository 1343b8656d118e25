"""One conversation with a model over pydantic-ai; imported when one begins, because the library is slow to import."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic_ai import Agent, StructuredDict, ToolOutput, UsageLimits
from pydantic_ai.exceptions import AgentRunError, FallbackExceptionGroup, UserError
from pydantic_ai.messages import ModelMessage, ModelResponse
from pydantic_ai.models import Model, infer_model
from pydantic_ai.models.fallback import FallbackModel
from pydantic_ai.providers import Provider, infer_provider_class
from pydantic_ai.settings import ModelSettings
from pydantic_ai.usage import RunUsage

from blocks.chat_failure import ended_by
from contracts.agent import AgentTurn, Usage
from contracts.errors import Misconfigured
from contracts.transcript import Ended, TurnEnding

_ALONE = (
    "You have no tools, and you see no files: everything that you are given stands in the message. Judge by that, "
    "and say what you could not see where it matters. Nobody can answer you during the turn."
)
_TOOL = "final_result"


@dataclass(frozen=True)
class Conversation:
    """Models that are asked in order, and how far.

    Args:
        models: as provider:name; a later one is asked when a request to the one before fails.
        base_url: where the first one's provider answers; empty: at its own address.
        key: of the first one's provider; empty: the environment's.
        keys: of the others' providers, by the provider's name.
        retries: how often a failed request is repeated.
        requests: most requests.
        tokens: most tokens, read and written; 0: no limit.
    """

    models: list[str]
    base_url: str = ""
    key: str = field(default="", repr=False)
    keys: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    retries: int = 2
    requests: int = 4
    tokens: int = 0

    def model(self) -> Model:
        """Return the models as one.

        Raises:
            Misconfigured: a model or its provider is not known, or has no key.
        """
        try:
            first, *others = [infer_model(name, self._provider) for name in self.models]
        except (UserError, ValueError, TypeError, ImportError) as error:
            raise Misconfigured(f"the models {self.models!r} cannot be asked: {error}; correct the block") from error
        return FallbackModel(first, *others) if others else first

    def ask(self, turn: AgentTurn) -> Ended:
        """Ask, wait for the answer in a loop of events of its own, and return how the turn ended.

        Raises:
            Misconfigured: a model cannot be asked as it is set up.
        """
        try:
            return asyncio.run(self._ask(turn, self.model()))
        except UserError as error:
            raise Misconfigured(f"the models {self.models!r} cannot be asked: {error}; correct the block") from error

    def _provider(self, name: str) -> Provider[Any]:
        kind, own = infer_provider_class(name), infer_provider_class(self.models[0].partition(":")[0])
        key, url = (self.key, self.base_url) if kind is own else (self.keys.get(name, ""), "")
        given = {"api_key": key, "base_url": url}
        return kind(**{argument: value for argument, value in given.items() if value})

    async def _ask(self, turn: AgentTurn, model: Model) -> Ended:
        """Ask the model, and close its connections."""
        usage = RunUsage()
        output: Any = [ToolOutput(StructuredDict(turn.schema_), name=_TOOL), str] if turn.schema_ else str
        agent = Agent(model, output_type=output, instructions=_ALONE, retries=1)
        try:
            async with agent:
                result = await agent.run(
                    turn.prompt,
                    usage=usage,
                    usage_limits=UsageLimits(request_limit=self.requests, total_tokens_limit=self.tokens or None),
                    timeout=turn.limits.wall_seconds,
                    model_settings=ModelSettings(max_retries=self.retries),
                )
        except (AgentRunError, FallbackExceptionGroup) as error:
            return ended_by(error).model_copy(update={"usage": self._usage(usage)})
        answer = result.output
        structured = None if isinstance(answer, str) else dict(answer)  # prose is held against the schema by the caller
        text = answer if isinstance(answer, str) else json.dumps(answer, indent=1, ensure_ascii=False)
        used = self._usage(usage, _answered_by(result.all_messages()))
        return Ended(ending=TurnEnding.SUCCESS, text=text, structured=structured, usage=used)

    def _usage(self, used: RunUsage, model: str = "") -> Usage:
        """The library counts what was cached among the input."""
        cached = used.cache_read_tokens + used.cache_write_tokens
        return Usage(
            model=model or self.models[0].partition(":")[2],
            input_tokens=max(0, used.input_tokens - cached),
            output_tokens=used.output_tokens,
            cache_read_tokens=used.cache_read_tokens,
            cache_write_tokens=used.cache_write_tokens,
        )


def _answered_by(messages: list[ModelMessage]) -> str:
    return next((one.model_name or "" for one in reversed(messages) if isinstance(one, ModelResponse)), "")
