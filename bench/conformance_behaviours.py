"""What is tried with every agent, in the order of the table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bench import conformance_failures as failures
from bench import conformance_outside as outside
from bench import conformance_sessions as sessions
from bench import conformance_work as work
from bench.conformance_scene import Scene
from bench.conformance_subjects import Trait


@dataclass(frozen=True)
class Behaviour:
    """One line of the table.

    Args:
        name: what the agent does.
        attempt: tries it, and returns what went wrong; empty: nothing. Its docstring says what decides.
        needs: what a program must have so that the behaviour can be tried.
    """

    name: str
    attempt: Callable[[Scene], str]
    needs: Trait | None = None

    @property
    def evidence(self) -> str:
        """What decides, in a sentence."""
        return " ".join((self.attempt.__doc__ or "").split())


BEHAVIOURS = (
    Behaviour("edits a file", work.edits),
    Behaviour("runs a command", work.runs_a_command),
    Behaviour("gives its final text", work.answers),
    Behaviour("gives a structured verdict", work.gives_a_verdict),
    Behaviour("says that no change is needed", work.needs_no_change),
    Behaviour("leaves guides and checkout alone", work.leaves_guides),
    Behaviour("tells live what it does", work.tells_live),
    Behaviour("counts tokens", work.counts_usage),
    Behaviour("counts each turn by itself", work.counts_each_turn),
    Behaviour("states its cost", work.knows_the_cost, Trait.PRICE),
    Behaviour("names its session", sessions.keeps_a_session, Trait.SESSION),
    Behaviour("only reads where it may not write", failures.only_reads),
    Behaviour("denied tools", failures.is_denied, Trait.PERMISSION),
    Behaviour("401: no valid key", failures.has_no_key),
    Behaviour("402: no credit", failures.has_no_credit),
    Behaviour("quota used up, with its reset", failures.has_used_its_quota),
    Behaviour("429: rate limited", failures.is_rate_limited),
    Behaviour("500: provider failed", failures.meets_an_error),
    Behaviour("connection closed", failures.is_dropped),
    Behaviour("unreadable answer", failures.meets_garbage),
    Behaviour("provider dead", failures.meets_the_dead),
    Behaviour("slow but alive", work.is_slow),
    Behaviour("wall clock", failures.runs_out_of_time),
    Behaviour("limit of turns or cost", failures.reaches_its_limit, Trait.LIMIT),
    Behaviour("killed in mid-turn, goes on", sessions.goes_on, Trait.SESSION),
    Behaviour("killed in mid-turn, counts once", sessions.counts_what_is_left, Trait.SESSION),
    Behaviour("killed in mid-turn, session lost too", sessions.begins_anew),
    Behaviour("hides secrets", outside.hides_secrets),
    Behaviour("prompt of 300 kB", outside.takes_a_long_prompt),
    Behaviour("prompt like options and commands", outside.takes_any_prompt),
    Behaviour("flood of output", outside.bears_a_flood),
)
