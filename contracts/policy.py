"""The policy of an installation or a repository: who does what, within which limits, and what may merge."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from contracts.admission import Ceiling
from contracts.agent import Limits
from contracts.failure import FailureKind
from contracts.kinds import KINDS, nearest
from contracts.merger import MergePolicy
from contracts.review import Tolerance
from contracts.watch import Watch
from contracts.work import check_reference

Reference = Annotated[str, AfterValidator(check_reference)]
SlackId = Annotated[str, StringConstraints(pattern=r"^[UWS][A-Z0-9]{2,30}$")]
"""A user or a user group of Slack."""
_ANY = "default"


class SuitePolicy(BaseModel):
    """How the repository's own suite is run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    command: list[str] = Field(
        default=["python", "-m", "pytest", "-q", "-p", "no:cacheprovider", "--junitxml={junit}"],
        min_length=1,
        description="Program and arguments; {junit} becomes the path of the JUnit XML file that it must write.",
    )
    single: list[str] = Field(
        default=["python", "-m", "pytest", "-q", "-p", "no:cacheprovider", "--junitxml={junit}", "-k", "{test}"],
        description="The same for one test, {test} being its name without class path; empty: no test is run alone.",
    )
    setup: list[str] = Field(default=[], description="Command that prepares a fresh checkout; empty: none.")
    seconds: float = Field(default=900, gt=0, description="Wall clock of one run of the suite.")
    known_failing: list[str] = Field(default=[], description="Tests that are red on the base by agreement.")
    quarantine_days: int = Field(default=14, ge=1, le=365, description="How long a flaky test is set aside.")

    @field_validator("command")
    @classmethod
    def _writes_junit(cls, value: list[str]) -> list[str]:
        if not any("{junit}" in part for part in value):
            raise ValueError("the command must name {junit}, the file that it writes its results to")
        return value


class Policy(BaseModel):
    """Every number and name that a run obeys. Ranges are enforced; a run keeps the policy that it was opened with."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    agents: dict[str, Reference] = Field(
        default={_ANY: "command-agent/main"},
        description="Which agent does which kind of step, by block reference; 'default' does all others.",
    )
    fallbacks: dict[str, list[Reference]] = Field(
        default={},
        description="Which agents take over, in this order, when the provider of a kind's agent fails; "
        "'default' does for all kinds that are not named.",
    )
    sandbox: Reference = Field(default="local-sandbox/main", description="Where commands run.")
    ledger: Reference = Field(default="ledger/main", description="Where claims, effects and costs are kept.")
    channel: Reference = Field(default="log-channel/main", description="Where people are told what happened.")
    tracker: str = Field(
        default="",
        description="Where the issues of work items are: read, filed, told how the work stands, closed when it is "
        "merged; by block reference. Empty: none of that.",
    )
    workspaces: Path = Field(default=Path("~/.local/share/prefect-delivery/runs"), description="Home of the checkouts.")
    retention_hours: float = Field(default=72, ge=0, le=8_760, description="How long an ended run's checkout is kept.")
    branch_retention_hours: float = Field(
        default=720, ge=0, le=87_600, description="How long the branch of an ended run is kept, unless it waits."
    )
    crashes: int = Field(default=1, ge=0, le=20, description="How often the process may die at one step.")
    losses: int = Field(default=5, ge=0, le=100, description="How often a step may lose the host of its process.")
    limits: Limits = Field(default=Limits(), description="Limits of a turn with a checkout.")
    inline_limits: Limits = Field(default=Limits(wall_seconds=300), description="Limits of a turn without one.")
    run_budget: float | None = Field(
        default=None, gt=0, description="Most that the turns of one run may cost, in USD; none: no limit."
    )
    repository_budget: float | None = Field(
        default=None,
        gt=0,
        description="Most that turns on one repository may cost in a calendar month (UTC), in USD; none: no limit.",
    )
    installation_budget: float | None = Field(
        default=None,
        gt=0,
        description="Most that all turns in the ledger may cost in a calendar month (UTC), in USD; none: no limit.",
    )
    turn_reserve: float = Field(
        default=0.5,
        gt=0,
        le=1_000,
        description="What a turn reserves of the budgets while its kind has little history, in USD.",
    )
    default_price: float = Field(
        default=10, ge=0, le=10_000, description="What a million tokens of a model without a known price cost, in USD."
    )
    look_minutes: float = Field(
        default=15, gt=0, le=1_440, description="How often a run that is over a budget looks whether there is more."
    )
    threshold: float = Field(default=0.8, ge=0, le=1, description="Rating that passes a companion.")
    reworks: int = Field(default=3, ge=0, le=20, description="Automatic reworks that a companion may ask for.")
    tolerated: Tolerance = Field(default="none", description="Gravest finding of a review that needs no answer.")
    fixes: int = Field(default=3, ge=0, le=20, description="Turns of the fixer.")
    ci_fixes: int = Field(default=3, ge=0, le=50, description="Turns of the ci-fixer.")
    conflict_fixes: int = Field(default=3, ge=0, le=20, description="Turns of the conflict-resolver.")
    required_checks: list[str] = Field(default=[], description="Checks that must be there and pass.")
    settle_seconds: float = Field(default=60, ge=0, le=3_600, description="Time that a forge has to register checks.")
    wait_minutes: float = Field(default=60, gt=0, le=1_440, description="Longest wait of a gate.")
    suite: SuitePolicy = Field(default=SuitePolicy(), description="How the repository's suite is run.")
    merge: MergePolicy | None = Field(
        default=MergePolicy(auto_merge=True), description="What may merge by itself; none: nothing."
    )
    protected: list[str] = Field(
        default=[".github/**", ".gitlab-ci.yml", "**/CODEOWNERS", "**/.gitattributes", "**/.gitmodules"],
        description="Paths whose change only a person merges, as patterns with * and **.",
    )
    running: int = Field(default=0, ge=0, le=1_000, description="Most live runs on one repository; 0: no limit.")
    running_by_pipeline: dict[str, Annotated[int, Field(ge=1, le=1_000)]] = Field(
        default={}, description="Most live runs of a pipeline on one repository, by the pipeline's name."
    )
    when_full: Literal["refuse", "queue"] = Field(
        default="refuse", description="What becomes of a run for which there is no room: it fails, or waits for room."
    )
    attended: bool = Field(
        default=True, description="Whether a run waits for a person who must decide; else it ends and says so."
    )
    attentive_minutes: float = Field(
        default=10, ge=0, le=1_440, description="How long a waiting run keeps its process; then it holds nothing."
    )
    approvers: list[str] = Field(
        default=[],
        description="Names whose answers count in the form and on the command line; they are stated, not proven. "
        "Anybody's count while this and slack_approvers are empty.",
    )
    slack_approvers: list[SlackId] = Field(
        default=[],
        description="Slack users (U… or W…) and user groups (S…) whose answers count in Slack. Where only these are "
        "named, nobody answers in the form.",
    )
    quorum: int = Field(default=1, ge=1, le=10, description="How many people must approve what is approved or merged.")
    approval_hours: float = Field(
        default=0, ge=0, le=8_760, description="How long an approval holds until the merge; 0: as long as the tree."
    )
    escalate_minutes: float = Field(
        default=120, ge=0, le=43_200, description="Wait after which people are told once more; 0: never."
    )
    due_hours: float = Field(default=0, ge=0, le=8_760, description="Wait after which `due_action` decides; 0: never.")
    due_action: Literal["stop", "advance"] = Field(
        default="stop", description="What is chosen when nobody decided: the last choice of the form, or the first."
    )
    review_rounds: int = Field(default=6, ge=1, le=20, description="Rounds of a requirements or clarity review.")
    questions: int = Field(default=5, ge=0, le=50, description="Most questions that one step may ask a person.")

    @model_validator(mode="after")
    def _reachable_quorum(self) -> Policy:
        if self.quorum > 1 and self.approvers and self.slack_approvers:
            raise ValueError(
                f"quorum: {self.quorum} people must approve, and one person could do so in the form and in Slack; "
                "name people in 'approvers' or in 'slack_approvers'"
            )
        if self.approvers and len({name.casefold() for name in self.approvers}) < self.quorum:
            raise ValueError(
                f"quorum: {self.quorum} people must approve and 'approvers' names {len(self.approvers)}; name more"
            )
        return self

    @field_validator("tracker")
    @classmethod
    def _reference_or_none(cls, value: str) -> str:
        return check_reference(value) if value else value

    @field_validator("agents", "fallbacks")
    @classmethod
    def _known_kinds(cls, value: dict[str, Any]) -> dict[str, Any]:
        for kind in value:
            if kind != _ANY and kind not in KINDS:
                near = nearest(kind)
                advice = f"did you mean {near!r}?" if near else f"known kinds are {', '.join(KINDS)}"
                raise ValueError(f"unknown kind {kind!r}; {advice}")
        return value

    def agent(self, kind: str) -> str:
        """Return the reference of the agent that does a kind, or an empty text when there is none."""
        return self.agents.get(kind) or self.agents.get(_ANY, "")

    def candidates(self, kind: str) -> list[str]:
        """Return the references of the agents that may do a kind, the first choice first, each once."""
        others = self.fallbacks[kind] if kind in self.fallbacks else self.fallbacks.get(_ANY, [])
        return list(dict.fromkeys(one for one in (self.agent(kind), *others) if one))

    def watch(self, kind: str) -> Watch:
        """Return how a watching gate of this kind handles a failure."""
        if kind == "ci":
            return Watch(helper="ci-fixer", budget=self.ci_fixes, spent=FailureKind.CI_RED)
        spent, asks = FailureKind.CONFLICT, self.attended
        return Watch(helper="conflict-resolver", budget=self.conflict_fixes, spent=spent, asks=asks)

    @property
    def ceiling(self) -> Ceiling:
        """How many runs may live on one repository."""
        return Ceiling(
            shared=self.running or None,
            kinds=self.running_by_pipeline,
            queues=self.when_full == "queue",
            look_minutes=self.look_minutes,
        )

    @property
    def digest(self) -> str:
        """A short identity of the policy's content, for decisions that are bound to it."""
        content = json.dumps(self.model_dump(mode="json"), sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()[:16]
