"""The ledger's methods about answers whose channel proves who gave them."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import SecretStr
from sqlalchemy import select, update

from blocks.ledger import database
from blocks.ledger.people import Gate, gates
from blocks.ledger.proven import Proof, proofs
from blocks.ledger.rows import every, first, insert_or_ignore, now


class Proofs:
    """What a ledger knows of proven answers."""

    url: SecretStr

    def prove(self, row: Proof) -> Proof:
        """Keep an answer and return what stands under its source: the first that came."""
        with database.writing(self.url) as connection:
            insert_or_ignore(connection, proofs, row)
            return first(connection, select(proofs).where(proofs.c.source == row.source), Proof) or row

    def identify(self, source: str, who: str, identities: Sequence[str]) -> None:
        """Keep who gave an answer that is on its way; nothing to do when it is closed."""
        known = {"who": who, "identities": " ".join(identities)}
        with database.writing(self.url) as connection:
            open_one = proofs.c.source == source, proofs.c.closed_at.is_(None)
            connection.execute(update(proofs).where(*open_one).values(known))

    def close_proof(self, source: str, standing: str) -> None:
        """Record what became of an answer; the first word stays."""
        with database.writing(self.url) as connection:
            open_one = proofs.c.source == source, proofs.c.closed_at.is_(None)
            connection.execute(update(proofs).where(*open_one).values(standing=standing, closed_at=now()))

    def open_proofs(self) -> list[Proof]:
        """Return the answers that are on their way, the oldest first."""
        query = select(proofs).where(proofs.c.closed_at.is_(None)).order_by(proofs.c.at, proofs.c.source)
        with database.reading(self.url) as connection:
            return every(connection, query, Proof)

    def proof(self, nonce: str) -> Proof | None:
        """Return the answer that a nonce goes with, or none."""
        with database.reading(self.url) as connection:
            return first(connection, select(proofs).where(proofs.c.nonce == nonce), Proof)

    def gate(self, key: str) -> Gate | None:
        """Return a gate, settled or not, or none when nothing was asked under this key."""
        with database.reading(self.url) as connection:
            return first(connection, select(gates).where(gates.c.key == key), Gate)
