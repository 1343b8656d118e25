"""What the ledger keeps of answers whose channel proves who gave them, as a row and as a table.

A change of a table needs a migration in `blocks/migrations/versions`; a test compares the two.
"""

from __future__ import annotations

from pydantic import AwareDatetime, Field
from sqlalchemy import Column, Index, Table, Text, UniqueConstraint

from blocks.ledger.tables import Row, UtcTime
from blocks.ledger.triggers import metadata

__all__ = ["Proof", "metadata", "proofs"]


class Proof(Row):
    """One answer of a person whom a channel knows, on its way to its run.

    The nonce goes with the answer: a run takes a name for proven only when it finds the nonce here, with the same
    gate, choice and text. Nobody else can know it before the answer is given.
    """

    source: str = Field(description="Natural key of what the person did; done twice it is one answer.")
    nonce: str = Field(description="What goes with the answer, and nobody can guess.")
    gate: str = Field(description="Key of the gate that it answers.")
    run: str = Field(description="Id of the flow run.")
    channel: str = Field(description="Where it was given, such as slack.")
    person: str = Field(description="Id of the person there.")
    name: str = Field(description="Name of the person, as what arrived states it.")
    choice: str = Field(description="What was chosen, without the name of the gate.")
    text: str = Field(default="", description="Comment, replacing text, or answers to findings; redacted.")
    place: str = Field(default="", description="Where the person is told what came of it, as JSON.")
    at: AwareDatetime = Field(description="When it was given, UTC.")
    who: str = Field(default="", description="The person as decisions name them; empty until they were looked up.")
    identities: str = Field(default="", description="Ids of the person and of their groups, with spaces between.")
    standing: str = Field(default="", description="What became of it: given, or why it changes nothing; empty: open.")
    closed_at: AwareDatetime | None = Field(default=None, description="When that was, UTC; none: it is on its way.")


proofs = Table(
    "proofs",
    metadata,
    Column("source", Text, primary_key=True),
    Column("nonce", Text, nullable=False),
    Column("gate", Text, nullable=False),
    Column("run", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("choice", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("place", Text, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("who", Text, nullable=False),
    Column("identities", Text, nullable=False),
    Column("standing", Text, nullable=False),
    Column("closed_at", UtcTime),
    UniqueConstraint("nonce", name="proofs_nonce"),
    Index("proofs_closed_at", "closed_at"),
)
