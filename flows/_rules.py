"""Which rule decides about which family of steps, and what it is told. The rules themselves are in contracts."""

from __future__ import annotations

from contracts import companion, review, tester, watch
from contracts.agent import Revision
from contracts.change import Diff
from contracts.companion import Round, Verdict
from contracts.delivery import Outcome
from contracts.failure import FailureKind
from contracts.kinds import Family
from contracts.merger import Candidate, Facts, Hold, HoldRule, Merge, decide_merge, read_assessment
from contracts.review import Finding
from contracts.rules import Advance, Ask, AskReason, Fail, Help, Land, Leave, Return, Rule, Stop
from contracts.tester import SuiteReport
from contracts.watch import Probe
from flows._walk import Walk

MOST_RETURNS = 10
"""A run that went back this often to see again what moved meanwhile does not come to an end by itself."""
_BY_HAND = frozenset({HoldRule.AUTO_MERGE_DISABLED, HoldRule.DRY_RUN})


def decide(walk: Walk, outcome: Outcome) -> Rule:
    """Return what the outcome of the present step means."""
    rule = _FAMILIES[walk.step.family](walk, outcome)
    if walk.step.approval and isinstance(rule, Advance | Land):
        return Ask(AskReason.APPROVAL, f"the pipeline wants a person to approve {walk.step.id!r}")
    if isinstance(rule, Return):
        walk.returns += 1
        if walk.returns > MOST_RETURNS:
            return Fail(FailureKind.STALLED, f"the run went back {MOST_RETURNS} times; last: {rule.note}")
    return rule


def _produced(walk: Walk, outcome: Outcome) -> Rule:
    """A claim that nothing needs to change must be graded, unless something else has changed already."""
    following = walk.steps[walk.index + 1 :][:1]
    graded = bool(following) and following[0].family is Family.COMPANION
    if outcome.no_change and not graded and not walk.position.changed:
        return Ask(AskReason.NO_CHANGE_UNGRADED, f"no grader judges the claim of {outcome.step!r}: {outcome.no_change}")
    return Advance(outcome.no_change)


def _graded(walk: Walk, outcome: Outcome) -> Rule:
    producer = walk.steps[walk.index - 1].id
    policy = walk.opening.policy
    threshold = walk.step.threshold or policy.threshold
    rule = companion.decide(_rounds(walk, producer, outcome.step), policy.reworks, threshold, producer)
    produced = walk.latest(producer)
    if isinstance(rule, Advance) and produced and produced.no_change and not walk.position.changed:
        return Stop(produced.no_change)
    return rule


def _rounds(walk: Walk, producer: str, grader: str) -> list[Round]:
    rounds: list[Round] = []
    kept = [one for one in walk.timeline[: walk.fresh_from] if one.step == producer]
    produced: Outcome | None = kept[-1] if kept else None
    for outcome in walk.timeline[walk.fresh_from :]:
        if outcome.step == producer:
            produced = outcome
        elif outcome.step == grader:
            text = produced.output if produced else ""
            rounds.append(Round(verdict=Verdict.model_validate(outcome.data), text=text, tree=outcome.tree))
    return rounds


def _reviewed(walk: Walk, outcome: Outcome) -> Rule:
    findings = [Finding.model_validate(one) for one in outcome.data.get("findings", [])]
    return review.decide(findings, walk.opening.policy.tolerated)


def _estimated(_: Walk, outcome: Outcome) -> Rule:
    return Advance("estimated" if outcome.data else "no readable estimate")


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
        return Land(f"risk {decision.risk:.2f}")
    return Leave(decision, decides=decision.rule not in _BY_HAND)


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
}
