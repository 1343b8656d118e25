"""Which rule decides about which family of steps, and what it is told. The rules themselves are in contracts."""

from __future__ import annotations

from dataclasses import replace

from contracts import companion, review, tester, watch
from contracts.agent import Revision
from contracts.change import Diff
from contracts.choices import Choice
from contracts.companion import Round, Verdict
from contracts.delivery import Outcome
from contracts.failure import FailureKind
from contracts.gate import approves, void
from contracts.kinds import KINDS, Family, Surface
from contracts.merger import Candidate, Facts, Hold, HoldRule, Merge, decide_merge, read_assessment
from contracts.review import Finding
from contracts.rules import Advance, Ask, AskReason, Fail, Help, Land, Leave, Return, Rework, Rule, Stop
from contracts.tester import SuiteReport
from contracts.watch import Probe
from flows._walk import Walk

MOST_RETURNS = 10
"""A run that went back this often to see again what moved meanwhile does not come to an end by itself."""
_BY_HAND = frozenset({HoldRule.AUTO_MERGE_DISABLED, HoldRule.DRY_RUN})


def decide(walk: Walk, outcome: Outcome) -> Rule:
    """Return what the outcome of the present step means."""
    rule = _approved(walk, _FAMILIES[walk.step.family](walk, outcome))
    if isinstance(rule, Return):
        walk.returns += 1
        if walk.returns > MOST_RETURNS:
            return Fail(FailureKind.STALLED, f"the run went back {MOST_RETURNS} times; last: {rule.note}")
    return rule


def _approved(walk: Walk, rule: Rule) -> Rule:
    """A step with an approval goes on only when a person says so, by whatever way it came to going on."""
    if not walk.step.approval:
        return rule
    if isinstance(rule, Ask) and isinstance(rule.then, Advance):
        return replace(rule, then=_approval(walk, rule.then))
    return _approval(walk, rule) if isinstance(rule, Advance) else rule


def _approval(walk: Walk, then: Advance) -> Ask:
    target = graded_by(walk)
    latest = walk.latest(target)
    redo = Rework(target, Revision(previous=latest.output if latest else "", feedback="")) if latest else None
    again = Help(helper, "") if (helper := KINDS[walk.step.kind].helper) else redo
    return Ask(AskReason.APPROVAL, f"{target!r} is done and waits for approval.", then, again, target=target)


def graded_by(walk: Walk) -> str:
    """Return the step whose output is decided on where the run stands: what a companion grades, or the step itself."""
    return walk.steps[walk.index - 1].id if walk.step.family is Family.COMPANION else walk.step.id


def _produced(walk: Walk, outcome: Outcome) -> Rule:
    """A claim that nothing needs to change must be graded, unless something else has changed already."""
    redo = Rework(outcome.step, Revision(previous=outcome.output, feedback=""))
    if outcome.status == "asked":
        return _asked(walk, outcome, redo)
    following = walk.steps[walk.index + 1 :][:1]
    graded = bool(following) and following[0].family is Family.COMPANION
    if outcome.no_change and not graded and not walk.position.changed:
        message = f"{outcome.step!r} says that nothing needs to change, and no grader judges it: {outcome.no_change}"
        return Ask(AskReason.NO_CHANGE_UNGRADED, message, then=Stop(outcome.no_change), again=redo)
    return Advance(outcome.no_change)


def _asked(walk: Walk, outcome: Outcome, redo: Rework) -> Rule:
    """An agent's question goes to a person, as long as the step has not asked too often."""
    asked = [one for one in walk.rounds(outcome.step) if one.status == "asked"]
    question, most = outcome.data["question"], walk.opening.policy.questions
    if len(asked) > most:
        return Fail(FailureKind.AGENT, f"{outcome.step!r} asked more than {most} questions; the last: {question}")
    message = f"{outcome.step!r} asks: {question['text']}"
    return Ask(AskReason.QUESTION, message, again=redo, options=tuple(question["options"]))


def _graded(walk: Walk, outcome: Outcome) -> Rule:
    producer = walk.steps[walk.index - 1].id
    policy = walk.opening.policy
    threshold = walk.step.threshold or policy.threshold
    rounds, budget = _rounds(walk, producer, outcome.step)
    rule = companion.decide(rounds, budget, threshold, producer)
    produced = walk.latest(producer)
    accepted = Stop(produced.no_change) if produced and produced.no_change and not walk.position.changed else None
    if isinstance(rule, Ask):
        return replace(rule, then=accepted or Advance())
    return accepted if accepted and isinstance(rule, Advance) else rule


def _rounds(walk: Walk, producer: str, grader: str) -> tuple[list[Round], int]:
    """The graded rounds since a person last had a say, and how many reworks they may lead to."""
    rounds: list[Round] = []
    budget = walk.opening.policy.reworks
    kept = [one for one in walk.timeline[: walk.fresh_from] if one.step == producer]
    produced: Outcome | None = kept[-1] if kept else None
    for outcome in walk.timeline[walk.fresh_from :]:
        if outcome.step == producer:
            produced = outcome
        elif outcome.step == grader:
            text = produced.output if produced else ""
            rounds.append(Round(verdict=Verdict.model_validate(outcome.data), text=text, tree=outcome.tree))
        elif outcome.kind == "gate" and outcome.data["standing"] == "counted":
            choice, here = outcome.data["choice"], outcome.step == f"{grader}.gate"
            if here or choice == Choice.REQUEST_CHANGES:
                rounds = []
                budget = 0 if choice == Choice.ONE_MORE else walk.opening.policy.reworks
    return rounds, budget


def _reviewed(walk: Walk, outcome: Outcome) -> Rule:
    granted = sum(data["choice"] == Choice.ONE_MORE for data in walk.answered(outcome.step))
    cap = walk.opening.policy.review_rounds + granted
    return review.decide(open_findings(walk), len(walk.rounds(outcome.step)), cap)


def open_findings(walk: Walk) -> list[Finding]:
    """Return the findings of the review at which the run stands that a person must answer or dismiss."""
    rounds = walk.rounds(walk.step.id)
    findings = [Finding.model_validate(one) for one in rounds[-1].data.get("findings", [])]
    return review.outstanding(findings, walk.opening.policy.tolerated, walk.dismissed(walk.step.id))


def _estimated(_: Walk, outcome: Outcome) -> Rule:
    return Advance("estimated" if outcome.data else "no readable estimate")


def _tracked(_: Walk, outcome: Outcome) -> Rule:
    return Advance(outcome.output)


def _tested(walk: Walk, outcome: Outcome) -> Rule:
    report = SuiteReport.model_validate(outcome.data)
    return tester.decide(report, walk.helped(walk.step), walk.opening.policy.fixes)


def _watched(walk: Walk, outcome: Outcome) -> Rule:
    policy = walk.opening.policy.watch(walk.step.kind)
    rule = watch.decide(policy, Probe.model_validate(outcome.data), walk.helped(walk.step))
    if isinstance(rule, Advance):
        return _seen_again(walk, outcome) or rule
    return rule


def _seen_again(walk: Walk, outcome: Outcome) -> Return | None:
    """A tree that moved after the suite was green must be tested again before anything is said about it."""
    testers = [step.id for step in walk.steps[: walk.index] if step.family is Family.TESTER]
    last = walk.latest(testers[-1]) if testers else None
    tree = outcome.tree or (last.tree if last else "")
    if last is None or last.tree == tree or not walk.position.changed:
        return None
    return Return(testers[-1], f"the tree changed at {outcome.step!r}")


def _assessed(walk: Walk, outcome: Outcome) -> Rule:
    decision = decide_merge(_candidate(walk, outcome), walk.opening.policy.merge)
    if isinstance(decision, Merge):
        land = Land(f"risk {decision.risk:.2f}")
        return _voided(walk, outcome, land) or land
    return Leave(decision, decides=decision.rule not in _BY_HAND)


def merge_review(walk: Walk, held: Leave) -> Ask:
    """Return the question whether a change is merged that the rules do not let merge by itself."""
    writers = [step.id for step in walk.steps[: walk.index] if KINDS[step.kind].surface is Surface.WRITE]
    done = [step for step in writers if walk.latest(step)]
    latest = walk.latest(done[0]) if done else None
    again = Rework(latest.step, Revision(previous=latest.output, feedback="")) if latest else None
    return Ask(
        AskReason.MERGE_REVIEW,
        f"The change is not merged by itself. {held.hold.message}",
        then=Land("a person decided"),
        again=again,
        otherwise=Leave(held.hold, decides=False),
    )


def _voided(walk: Walk, assessed: Outcome, land: Land) -> Ask | None:
    """An approval holds for the tree and the policy that it was given for, and as long as the policy says."""
    policy = walk.opening.policy
    approvals = {one.data["target"]: one.data for one in walk.timeline if one.kind == "gate" and approves(one.data)}
    for data in approvals.values():
        why = void(data, f"tree:{assessed.tree}", policy, assessed.started)
        if why:
            return Ask(AskReason.APPROVAL, f"{why}. Is the change approved as it is now?", land, target=data["target"])
    return None


def _candidate(walk: Walk, outcome: Outcome) -> Candidate:
    seen = {one.kind: one for one in walk.timeline if one.status == "done"}
    tested = seen.get("tester")
    report = SuiteReport.model_validate(tested.data) if tested else None
    conflicts, checks = seen.get("conflicts"), seen.get("ci")
    verdicts = {one.step: Verdict.model_validate(one.data) for one in walk.timeline if "rating" in one.data}
    facts = Facts(
        diff=Diff.model_validate(outcome.data["diff"]),
        tampering=len(report.blocking) if report else 0,
        suite_green=report is not None and report.green and report.tree == outcome.tree,
        coverage=report.coverage if report else None,
        protected=outcome.data["protected"],
    )
    return Candidate(
        assessment=read_assessment(outcome.data),
        facts=facts,
        open_blockers=sum(verdict.has("blocker") for verdict in verdicts.values()),
        conflict=conflicts is None or conflicts.data.get("state") != "pass",
        checks_green=checks is not None and checks.data.get("state") == "pass" and checks.tree == outcome.tree,
        dry_run=walk.opening.dry_run,
    )


def decide_landing(walk: Walk, outcome: Outcome) -> Rule:
    """Return what follows an attempt to merge."""
    if outcome.data["merged"]:
        return Advance(outcome.output)
    if outcome.data["moved"] and walk.returns < MOST_RETURNS:
        walk.returns += 1
        watching = next(step.id for step in walk.steps if step.kind == "conflicts")
        return Return(watching, outcome.data["reason"])
    return Leave(Hold(HoldRule.LEFT_BY_FORGE, outcome.data["reason"]), decides=False)


def revision_of(walk: Walk, rule: Help) -> Revision:
    """Return what a helper is told: the evidence, and what its last turn said."""
    latest = walk.latest(f"{walk.step.id}.{rule.helper}")
    return Revision(previous=latest.output if latest else "", feedback=rule.evidence)


_FAMILIES = {
    Family.PRODUCER: _produced,
    Family.COMPANION: _graded,
    Family.REVIEW: _reviewed,
    Family.ESTIMATOR: _estimated,
    Family.TESTER: _tested,
    Family.WATCH: _watched,
    Family.MERGER: _assessed,
    Family.TRACKER: _tracked,
}
