"""What the ledger keeps of people and of recovery: runs, gates, decisions and recoveries, as rows and as tables.

A change of a table needs a migration in `blocks/migrations/versions`; a test compares the two.
"""

from __future__ import annotations

from pydantic import AwareDatetime, Field
from sqlalchemy import Boolean, Column, Index, Integer, Table, Text

from blocks.ledger.tables import Row, UtcTime, metadata

LIVE = "live"
"""Status of a run that has not ended."""


class Run(Row):
    """A run as it stands: its latest attempt, and how that ended."""

    run: str = Field(description="Id of the flow run.")
    title: str = Field(description="Title of the work item.")
    repository: str = Field(description="Name of the repository.")
    forge: str = Field(description="Reference of the forge's block.")
    pipeline: str = Field(description="Name of the pipeline.")
    branch: str = Field(description="Branch of the run.")
    policy: str = Field(description="Policy that the latest attempt obeys.")
    attempt: int = Field(ge=1, description="Number of the latest attempt.")
    status: str = Field(default=LIVE, description="live, or the word that the latest attempt ended with.")
    opened_at: AwareDatetime = Field(description="When the first attempt was opened, UTC.")
    ended_at: AwareDatetime | None = Field(default=None, description="When the latest attempt ended; none while live.")
    reaped_at: AwareDatetime | None = Field(default=None, description="When what the run left behind was removed.")


class Gate(Row):
    """A question to a person, from the moment it is asked until it is settled."""

    key: str = Field(description="Key of the record that the answer will have.")
    run: str = Field(description="Id of the flow run.")
    step: str = Field(description="Id of the step at which the run waits.")
    reason: str = Field(description="Why a person is asked.")
    title: str = Field(description="Title of the work item.")
    channel: str = Field(description="Reference of the channel's block that announces it.")
    opened_at: AwareDatetime = Field(description="When it was asked first, UTC.")
    escalate_at: AwareDatetime | None = Field(default=None, description="When it escalates, UTC; none: never.")
    escalated_at: AwareDatetime | None = Field(default=None, description="When it was escalated, UTC.")
    due_at: AwareDatetime | None = Field(default=None, description="When the policy decides, UTC; none: never.")
    settled_at: AwareDatetime | None = Field(default=None, description="When it was settled, UTC; none: it waits.")
    asked: str | None = Field(default=None, description="What is asked, as JSON; none: an earlier release asked it.")


class Decision(Row):
    """One answer to a gate, whether it counts or not."""

    key: str = Field(description="Natural key of the answer; the first row of a key stays.")
    gate: str = Field(description="Key of the gate that it answers.")
    run: str = Field(description="Id of the flow run.")
    step: str = Field(description="Id of the step at which the run waited.")
    who: str = Field(description="The name of the person who answered.")
    proven: bool = Field(description="False: the name is stated, and nothing proves it.")
    channel: str = Field(description="Where the answer came from.")
    at: AwareDatetime = Field(description="When it was given, UTC.")
    choice: str = Field(description="What was chosen, such as approve.")
    comment: str = Field(default="", description="What the person wrote.")
    edited: str = Field(default="", description="The proposal as the person edited it; empty: not edited.")
    subject: str = Field(default="", description="The tree that the answer is bound to.")
    policy: str = Field(default="", description="Digest of the policy that the answer is bound to.")
    expires_at: AwareDatetime | None = Field(default=None, description="Until when it holds, UTC; none: for ever.")
    standing: str = Field(description="counted, late, duplicate, unauthorised, void, expired or unreadable.")


class Recovery(Row):
    """One time that a run whose process was lost was put back."""

    run: str = Field(description="Id of the flow run.")
    state: str = Field(description="Id of the state in which the run was found; one recovery for each.")
    kind: str = Field(description="crash or infrastructure.")
    at: AwareDatetime = Field(description="When the sweep that acts took it, UTC.")
    step: str | None = Field(default=None, description="Step that the run went on with; none until it did.")


runs = Table(
    "runs",
    metadata,
    Column("run", Text, primary_key=True),
    Column("title", Text, nullable=False),
    Column("repository", Text, nullable=False),
    Column("forge", Text, nullable=False),
    Column("pipeline", Text, nullable=False),
    Column("branch", Text, nullable=False),
    Column("policy", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("status", Text, nullable=False),
    Column("opened_at", UtcTime, nullable=False),
    Column("ended_at", UtcTime),
    Column("reaped_at", UtcTime),
    Index("runs_opened_at", "opened_at"),
    Index("runs_status", "status"),
)

gates = Table(
    "gates",
    metadata,
    Column("key", Text, primary_key=True),
    Column("run", Text, nullable=False),
    Column("step", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("opened_at", UtcTime, nullable=False),
    Column("escalate_at", UtcTime),
    Column("escalated_at", UtcTime),
    Column("due_at", UtcTime),
    Column("settled_at", UtcTime),
    Column("asked", Text),
    Index("gates_run", "run"),
    Index("gates_settled_at", "settled_at"),
)

decisions = Table(
    "decisions",
    metadata,
    Column("key", Text, primary_key=True),
    Column("gate", Text, nullable=False),
    Column("run", Text, nullable=False),
    Column("step", Text, nullable=False),
    Column("who", Text, nullable=False),
    Column("proven", Boolean, nullable=False),
    Column("channel", Text, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("choice", Text, nullable=False),
    Column("comment", Text, nullable=False),
    Column("edited", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("policy", Text, nullable=False),
    Column("expires_at", UtcTime),
    Column("standing", Text, nullable=False),
    Index("decisions_run", "run"),
)

recoveries = Table(
    "recoveries",
    metadata,
    Column("run", Text, primary_key=True),
    Column("state", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("step", Text),
)
