"""The ledger: its block, and for each sort of record the rows, the tables and what is asked of them."""

from blocks.ledger.ledger import Claim, Decision, Effect, Gate, Ledger, Outcome, Recovery, Reservation, Run, Turn

__all__ = ["Claim", "Decision", "Effect", "Gate", "Ledger", "Outcome", "Recovery", "Reservation", "Run", "Turn"]
