"""The turn of an agent: what it is given and what it must give back (docs/agent-protocol.md)."""

from __future__ import annotations

from typing import Annotated, Any, Literal, cast

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, field_validator

from contracts.failure import FailureKind
from contracts.work import WorkItem

PROTOCOL = 1
"""Version of the turn and reply documents; a change that breaks an agent raises it."""


def as_object(value: Any) -> dict[str, Any] | None:
    """Return a value that came out of JSON as an object, or none when it is something else."""
    return cast(dict[str, Any], value) if isinstance(value, dict) else None


class Frozen(BaseModel):
    """A value: compared by content, never changed, no unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Limits(Frozen):
    """What ends a turn by force."""

    wall_seconds: float = Field(default=1_800, gt=0, description="Wall clock of the whole turn.")
    quiet_seconds: float = Field(default=600, gt=0, description="Longest time without a line of output.")
    output_bytes: int = Field(default=32_000_000, gt=0, description="Most bytes that the agent may print.")


class Prior(Frozen):
    """What an earlier step of the run produced."""

    step: str = Field(description="Id of the step.")
    kind: str = Field(description="Kind of the step.")
    output: str = Field(description="Its output as text.")
    data: dict[str, Any] = Field(default_factory=dict, description="Its structured output, if its kind has one.")


class Comment(Frozen):
    """One remark of a grader."""

    severity: Literal["blocker", "major", "minor"] = Field(description="blocker: must not pass; major; minor.")
    body: str = Field(min_length=1, description="What is wrong and what would be right.")
    file: str = Field(default="", description="Path in the repository; empty when the remark has no place.")
    line: int = Field(default=0, ge=0, description="Line in the new version of the file; 0 when it has none.")


class Revision(Frozen):
    """A request to do the step again, better."""

    previous: str = Field(description="The previous proposal.")
    feedback: str = Field(description="What the grader, the suite or the person said.")
    comments: list[Comment] = Field(default_factory=list[Comment], description="Remarks with their severities.")


class Decision(Frozen):
    """A question that was answered earlier in this run."""

    question: str = Field(description="What was asked.")
    answer: str = Field(description="What was chosen, in words.")


class Workspace(Frozen):
    """The checkout that the turn may look at, and for writing kinds change."""

    path: str = Field(description="Directory of the checkout as the agent sees it; also its working directory.")
    writable: bool = Field(description="False: whatever the agent changes is thrown away.")
    base: str = Field(description="Name of the branch that the change will be merged into.")
    base_commit: str = Field(description="Commit that the work started from.")
    branch: str = Field(description="Name of the run's branch.")


class AgentTurn(Frozen):
    """Everything that an agent is given for one turn."""

    protocol: int = Field(default=PROTOCOL, description="Version of this document.")
    kind: str = Field(description="Kind of the step, e.g. coder; contracts/kinds.py says what each must do.")
    session: str = Field(description="Stable id of this turn; an agent with sessions resumes the one of this id.")
    round: int = Field(
        default=1, ge=1, description="How many times this step was begun in this attempt, this one included."
    )
    item: WorkItem = Field(description="The work item.")
    prompt: str = Field(description="The whole turn as one text, for agents that take a prompt.")
    schema_: dict[str, Any] = Field(
        default_factory=dict, alias="schema", description="JSON Schema of the structured output; empty: prose only."
    )
    target: Prior | None = Field(default=None, description="What a companion grades.")
    diff: str = Field(default="", description="The change so far against the base, for kinds that judge it.")
    prior: list[Prior] = Field(default_factory=list[Prior], description="What earlier steps produced, in order.")
    decisions: list[Decision] = Field(default_factory=list[Decision], description="Decisions taken so far.")
    revision: Revision | None = Field(default=None, description="Feedback to act on, when the step is done again.")
    earlier: list[dict[str, Any]] = Field(
        default_factory=list[dict[str, Any]], description="Your own earlier answers to this step in this run."
    )
    repair: str = Field(default="", description="Why your last answer could not be read; only the form is wrong.")
    workspace: Workspace | None = Field(default=None, description="The checkout; none for inline kinds.")
    limits: Limits = Field(default_factory=Limits, description="What ends the turn by force.")
    options: dict[str, Any] = Field(default_factory=dict, description="The step's own options.")

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, serialize_by_alias=True)


class Usage(Frozen):
    """What one turn consumed; never cumulative over turns."""

    model: str = Field(default="", description="The model's own name; empty when no model was used.")
    input_tokens: int = Field(default=0, ge=0, description="Tokens read without a cache.")
    output_tokens: int = Field(default=0, ge=0, description="Tokens written.")
    cache_read_tokens: int = Field(default=0, ge=0, description="Tokens read from a cache.")
    cache_write_tokens: int = Field(default=0, ge=0, description="Tokens written to a cache.")
    cost: float | None = Field(
        default=None, ge=0, allow_inf_nan=False, description="Price of the turn; none when the agent gives none."
    )
    currency: str = Field(default="USD", description="Currency of the cost, ISO 4217.")


class AgentQuestion(Frozen):
    """What an agent must know from a person before it can go on."""

    text: str = Field(min_length=1, max_length=4_000, description="The question.")
    options: list[Annotated[str, Field(min_length=1, max_length=120)]] = Field(
        default_factory=list[str], max_length=10, description="Answers to choose from; a person may write another one."
    )

    @field_validator("options")
    @classmethod
    def _one_line_each(cls, value: list[str]) -> list[str]:
        flat = [" ".join(one.split()) for one in value]
        if len({one.casefold() for one in flat}) < len(flat) or not all(flat):
            raise ValueError("options must differ and none may be blank")
        return flat


Trouble = Literal[
    FailureKind.PROVIDER,
    FailureKind.QUOTA,
    FailureKind.AGENT,
    FailureKind.TIMEOUT,
    FailureKind.STALLED,
    FailureKind.EVICTED,
]


class AgentTrouble(Frozen):
    """Why a turn came to nothing although what it consumed is known."""

    kind: Trouble = Field(
        description="provider: the model did not answer; quota: it is used up; agent: the agent could not do it; "
        "timeout, stalled, evicted: it was ended at its wall clock, without progress, from outside."
    )
    message: str = Field(min_length=1, max_length=2_000, description="What happened, in one sentence.")
    detail: str = Field(default="", max_length=8_000, description="Evidence for a person.")
    resets_at: AwareDatetime | None = Field(
        default=None, description="When a quota is there again; none: nobody said so."
    )


class AgentReply(Frozen):
    """Everything that an agent gives back."""

    protocol: int = Field(default=PROTOCOL, description="Version of this document.")
    text: str = Field(default="", description="The final visible answer; a structured output may stand in it.")
    structured: dict[str, Any] | None = Field(
        default=None, description="The structured output, when the agent returns it apart from the text."
    )
    no_change_needed: str = Field(
        default="", description="Why the repository needs no change; empty when a change was made."
    )
    question: AgentQuestion | None = Field(
        default=None,
        description="A question to a person; the step is done again with the answer among its decisions. "
        "Only producers may ask.",
    )
    trouble: AgentTrouble | None = Field(
        default=None, description="Why the turn could not be taken; the run fails with it and nothing else is read."
    )
    commit_message: str = Field(default="", description="Message for the commit that records the change.")
    usage: Usage = Field(default_factory=Usage, description="What the turn consumed.")
    session: str = Field(default="", description="The agent's own session id, for its own resumption.")
