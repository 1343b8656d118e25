"""A model as the agent, without tools and without a checkout: for reviews, verdicts, estimates and assessments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import Field, SecretStr

from blocks.coding_agent import CodingAgent
from blocks.sandbox import Sandbox, Seat
from contracts.agent import AgentReply, AgentTurn
from contracts.errors import Misconfigured
from contracts.redaction import redact


class ChatAgent(CodingAgent):
    """Asks a model of any provider, from the flow process; nothing of the turn runs in the sandbox.

    It takes turns without a checkout, and turns that judge a diff. It keeps nothing between turns: one whose process
    was lost is asked again.
    """

    _block_type_name = "Chat Agent"
    _block_type_slug = "chat-agent"
    _description = "Asks a model: for reviews, verdicts, estimates and assessments, without tools and checkout."

    model: str = Field(
        pattern=r"^[\w.-]+:.+$",
        description="Model as provider:name, with the provider's name in the library pydantic-ai.",
    )
    api_key: SecretStr = Field(
        default=SecretStr(""), description="Key of the model's provider; empty: the flow process's own variable for it."
    )
    base_url: str = Field(default="", description="Where the provider of `model` answers; empty: at its own address.")
    fallback_models: list[str] = Field(
        default=[], description="Models, as provider:name, that are asked in this order when a request fails."
    )
    other_keys: dict[str, SecretStr] = Field(
        default_factory=dict, description="Keys of the fallbacks' providers, by the name of the provider."
    )
    retries: int = Field(default=2, ge=0, le=9, description="How often a failed request is repeated.")
    requests: int = Field(
        default=4, ge=1, le=50, description="Most requests of one turn, repairs of the form included."
    )
    tokens: int = Field(default=0, ge=0, description="Most tokens of one turn, read and written; 0: no limit.")

    def check(self, sandbox: Sandbox) -> None:
        """Raise Misconfigured when a model or its provider is not known, or has no key."""
        from blocks.conversation import Conversation  # noqa: PLC0415 - its library takes long to import

        Conversation(**self._settings()).model()

    def take(self, turn: AgentTurn, seat: Seat, on_line: Callable[[str], None]) -> AgentReply:
        """Take one turn; see `CodingAgent.take`.

        Raises:
            Misconfigured: the turn needs a checkout, or a model cannot be asked as the block is set up.
        """
        from blocks.conversation import Conversation  # noqa: PLC0415 - its library takes long to import

        if turn.workspace is not None and (turn.workspace.writable or not turn.diff):
            raise Misconfigured(
                f"a chat agent sees no files, and the kind {turn.kind!r} works in a checkout; name a coding agent for "
                f"{turn.kind!r} in the policy's 'agents'"
            )
        on_line(f"asking {self.model}")
        ended = Conversation(**self._settings()).ask(turn)
        on_line(f"{ended.usage.model} read {ended.usage.input_tokens} tokens and wrote {ended.usage.output_tokens}")
        secrets = tuple(key.get_secret_value() for key in (self.api_key, *self.other_keys.values()))
        shown = {name: redact(getattr(ended, name), secrets) for name in ("message", "detail")}
        return ended.model_copy(update=shown).reply()

    def _settings(self) -> dict[str, Any]:
        return {
            "models": [self.model, *self.fallback_models],
            "base_url": self.base_url,
            "key": self.api_key.get_secret_value(),
            "keys": {name: key.get_secret_value() for name, key in self.other_keys.items()},
            "retries": self.retries,
            "requests": self.requests,
            "tokens": self.tokens,
        }
