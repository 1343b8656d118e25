"""Any executable as an agent: the turn as JSON on standard input, the reply as JSON on standard output."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import Field, SecretStr, ValidationError

from blocks.coding_agent import CodingAgent
from blocks.sandbox import Command, CommandResult, Ending, Sandbox, Seat
from blocks.workspace import object_store
from contracts.agent import PROTOCOL, AgentReply, AgentTurn, as_object
from contracts.errors import AgentFailed, Misconfigured
from contracts.failure import FailureKind
from contracts.redaction import redact

_FORCED = {
    Ending.WALL_CLOCK: (FailureKind.TIMEOUT, "was ended at its wall clock of {limits.wall_seconds:g} s"),
    Ending.QUIET: (FailureKind.STALLED, "was ended after {limits.quiet_seconds:g} s without output"),
    Ending.OUTPUT_LIMIT: (FailureKind.AGENT, "was ended after more than {limits.output_bytes} bytes of output"),
    Ending.KILLED: (FailureKind.EVICTED, "was killed from outside"),
}
_MOST_RAW = 2_000


class CommandAgent(CodingAgent):
    """Runs an executable of yours as the agent; docs/agent-protocol.md describes the two documents."""

    _block_type_name = "Command Agent"
    _block_type_slug = "command-agent"
    _description = "Runs an executable of yours as the agent: the turn as JSON in, the reply as JSON out."

    command: list[str] = Field(min_length=1, description="Program and arguments; never a shell line.")
    environment: dict[str, SecretStr] = Field(
        default_factory=dict, description="Variables for the agent, such as its model's key."
    )
    hosts: list[str] = Field(
        default=[], description="Hosts that it must reach, such as its model's, for sandboxes that filter the network."
    )

    def check(self, sandbox: Sandbox) -> None:
        """Raise Misconfigured when the program is not there."""
        program = self.command[0]
        if not sandbox.has(program):
            raise Misconfigured(
                f"the agent's program {program!r} is not in the sandbox; install it or correct the block's command"
            )

    def take(self, turn: AgentTurn, seat: Seat, on_line: Callable[[str], None]) -> AgentReply:
        """Run the command once; see `CodingAgent.take`.

        The values of the block's environment are taken out of its lines and of a failure's detail.
        """
        environment = {name: value.get_secret_value() for name, value in self.environment.items()}
        secrets = tuple(environment.values())
        with tempfile.TemporaryDirectory(prefix="turn-") as empty:
            directory = Path(turn.workspace.path) if turn.workspace else Path(empty)
            command = Command(
                argv=self.command,
                directory=directory,
                writable=[directory] if turn.workspace is None or turn.workspace.writable else [],
                readable=[path for path in (*map(Path, self.command), object_store(directory)) if _shown(path)],
                stdin=turn.model_dump_json(by_alias=True),
                environment=environment,
                limits=turn.limits,
                hosts=self.hosts,
            )
            result = seat.execute(command, lambda line: on_line(redact(line, secrets)))
        return _read(self.command[0], turn, result, secrets)


def _shown(path: Path) -> bool:
    with suppress(OSError):  # an argument that only looks like a path may be too long for one
        return path.is_absolute() and path.exists()
    return False


def _end(text: str, secrets: tuple[str, ...]) -> str:
    return redact(text[-3 * _MOST_RAW :], secrets)[-_MOST_RAW:]


def _read(program: str, turn: AgentTurn, result: CommandResult, secrets: tuple[str, ...]) -> AgentReply:
    raw = f"{_end(result.stdout, secrets)}\n{_end(result.stderr, secrets)}".strip()
    if result.ending is not Ending.EXITED:
        kind, words = _FORCED[result.ending]
        raise AgentFailed(f"agent {program!r} {words.format(limits=turn.limits)}", detail=raw, kind=kind)
    if result.code:
        raise AgentFailed(f"agent {program!r} ended with code {result.code}; see its output", detail=raw)
    spoken = _protocol(result.stdout)
    if isinstance(spoken, int) and spoken != PROTOCOL:
        raise AgentFailed(
            f"agent {program!r} speaks protocol {spoken}; this installation speaks {PROTOCOL}", detail=raw
        )
    try:
        return AgentReply.model_validate_json(result.stdout)
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, one['loc'])) or 'reply'}: {one['msg']}" for one in error.errors()[:5])
        raise AgentFailed(f"agent {program!r} gave no readable reply: {problems}", detail=raw) from error


def _protocol(document: str) -> Any:
    """What a reply says its version is, looked at first because another version may have other fields."""
    with suppress(ValueError, RecursionError):
        return (as_object(json.loads(document)) or {}).get("protocol")
    return None
