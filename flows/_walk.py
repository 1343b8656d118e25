"""Where a run stands: its way through the steps, derived from recorded outcomes and from nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from contracts.agent import Decision, Prior, Revision
from contracts.delivery import Outcome
from contracts.estimate import Estimate, read_estimate, runs
from contracts.gate import decisions_of
from contracts.journal import Opening, record_key
from contracts.kinds import KINDS, Family
from contracts.pipeline import Step
from contracts.tracker import issue_of
from contracts.visit import Position, Visit


@dataclass
class Walk:
    """A run's present place and everything that its outcomes say.

    Args:
        opening: what the attempt was opened with.
    """

    opening: Opening
    index: int = 0
    returns: int = 0
    position: Position = field(default_factory=Position)
    timeline: list[Outcome] = field(default_factory=list[Outcome])
    begun: dict[str, int] = field(default_factory=dict[str, int])
    revisions: dict[str, Revision] = field(default_factory=dict[str, Revision])

    def __post_init__(self) -> None:
        self.steps: list[Step] = self.opening.pipeline.enabled
        ids = [step.id for step in self.steps]
        self.index = ids.index(self.opening.first) if self.opening.first else 0
        self.fresh_from = 0
        self.tree = ""
        self.charged = False
        self.looked = False

    @property
    def step(self) -> Step:
        """The step at which the run stands."""
        return self.steps[self.index]

    @property
    def finished(self) -> bool:
        """Whether every step is behind the run."""
        return self.index >= len(self.steps)

    def keep(self, outcomes: list[Outcome]) -> None:
        """Take over outcomes of an earlier attempt or run, in the order in which they were made."""
        for outcome in sorted(outcomes, key=lambda one: one.started):
            self.add(outcome)
        self.fresh_from = len(self.timeline)

    def add(self, outcome: Outcome) -> None:
        """Take note of an outcome and move to the commits that it made."""
        self.timeline.append(outcome)
        if outcome.kind == "gate":
            self._take_answer(outcome.data)
        merges = outcome.kind == "merge"
        base = outcome.base or self.position.base
        head = self.position.head if merges else outcome.commit or self.position.head
        self.position = Position(base=base, head=head)
        self.tree = outcome.tree if outcome.commit and outcome.tree and not merges else self.tree

    def _take_answer(self, data: dict[str, Any]) -> None:
        """A person's own text replaces the proposal that it was asked about, for everything that follows."""
        places = [at for at, one in enumerate(self.timeline) if one.step == data["target"] and one.status == "done"]
        if data["edited"] and places:
            self.timeline[places[-1]] = self.timeline[places[-1]].model_copy(update={"output": data["edited"]})

    def begin(self, step: Step) -> Visit:
        """Return the next visit of a step or helper."""
        count = self.begun[step.id] = self.begun.get(step.id, 0) + 1
        number = self.opening.used.get(step.id, 0) + count
        return Visit(
            key=record_key(self.opening.run, step.id, number),
            label=f"{step.id} {number}",
            opening=self.told,
            step=step,
            round=count,
            position=self.position,
            prior=self.prior(),
            target=self.target(step),
            earlier=self.earlier(step.id.partition(".")[0]),
            revision=self.revisions.get(step.id),
            decisions=self.decisions(),
        )

    @property
    def told(self) -> Opening:
        """The opening as steps see it: with the issue that was filed, and the description that a review led to."""
        written = [one.output for one in self.timeline if one.kind == "requirements-writer" and one.status == "done"]
        item = self.opening.item.model_copy(update={"description": written[-1]} if written else {})
        issue = issue_of(self.opening.issue, self.timeline)
        return self.opening.model_copy(update={"item": item, "issue": issue})

    def decisions(self) -> list[Decision]:
        """What people chose and answered so far, for those who work on."""
        return [decision for one in self.timeline if one.kind == "gate" for decision in decisions_of(one.data)]

    def answered(self, step: str) -> list[dict[str, Any]]:
        """The decisions that counted at a step's gate, over the whole run."""
        gates = [one.data for one in self.timeline if one.step == f"{step}.gate"]
        return [data for data in gates if data["standing"] == "counted"]

    def dismissed(self, step: str) -> frozenset[str]:
        """Fingerprints of the findings that people dismissed at a review."""
        answers = [one for data in self.answered(step) for one in data["answers"]]
        return frozenset(str(one["fingerprint"]) for one in answers if one["dismissed"])

    def skip(self, step: Step) -> bool:
        """Whether the estimate leaves a step out, or a companion's producer was left out."""
        if not runs(step.gating, self.estimate()):
            return True
        targets = KINDS[step.kind].targets
        return bool(targets) and self.latest(self.steps[self.index - 1].id) is None

    def estimate(self) -> Estimate | None:
        """The last readable estimate."""
        found = [one.data for one in self.timeline if one.kind == "task-estimator" and one.data]
        return read_estimate(found[-1]) if found else None

    def latest(self, step: str) -> Outcome | None:
        """The last outcome of a step that was done."""
        done = [one for one in self.timeline if one.step == step and one.status == "done"]
        return done[-1] if done else None

    def prior(self) -> list[Prior]:
        """What the earlier steps produced last, in the pipeline's order."""
        found = [self.latest(step.id) for step in self.steps[: self.index]]
        return [one.prior for one in found if one is not None and one.output]

    def target(self, step: Step) -> Prior | None:
        """What a companion grades: the last outcome of the step before it."""
        if KINDS[step.kind].family is not Family.COMPANION:
            return None
        graded = self.latest(self.steps[self.index - 1].id)
        return graded.prior if graded else None

    def earlier(self, step: str) -> list[dict[str, Any]]:
        """The data of a step's visits in this attempt."""
        return [one.data for one in self.timeline[self.fresh_from :] if one.step == step and one.data]

    def rounds(self, step: str) -> list[Outcome]:
        """A step's outcomes in this attempt."""
        return [one for one in self.timeline[self.fresh_from :] if one.step == step]

    def helped(self, step: Step) -> int:
        """How many turns of its helper a step has had in this attempt."""
        return len(self.rounds(f"{step.id}.{KINDS[step.kind].helper}"))

    def go_to(self, step: str) -> None:
        """Move to a step of this id."""
        self.index = [one.id for one in self.steps].index(step)
