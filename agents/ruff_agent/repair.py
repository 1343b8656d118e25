"""Coder: safe fixes, file by file within a budget of changed lines, or files taken back after a review."""

from __future__ import annotations

from .findings import Finding, count, is_mistake, tell
from .openings import UNUSED_IMPORT, Importers, Openings, bound_names, compiles, find_openings
from .taking_back import take_back
from .turn import FAILED, Answer, CannotServe, say
from .work import Work


def code(work: Work) -> Answer:
    """Fix what may be fixed, or take back what a grader objected to.

    Raises:
        CannotServe: no fix fits in the budget.
    """
    if work.turn.revised:
        return _revise(work)
    checkout, ruff, budget = work.checkout, work.ruff, work.turn.settings.max_lines
    before = ruff.check(checkout.sources)
    openings, already = find_openings(checkout, before), checkout.changed()
    if not openings.findings:
        reason = f"none of the {len(before)} ruff findings ({tell(count(before))}) may be fixed safely"
        return Answer("\n".join([f"ruff findings: {len(before)}; {reason}.", *openings.left_alone]), None, reason)
    repair = _Repair(work, openings)
    repair.run()
    after = ruff.check(checkout.sources)
    changed = checkout.changed()
    if changed == already:
        raise CannotServe(
            f"no fix of {len(openings.findings)} findings could be kept within {budget} changed lines; raise max_lines "
            f"or exclude the files. {' '.join(repair.refused)}".strip(),
            FAILED,
        )
    return _repaired(before, after, changed, [*find_openings(checkout, after).left_alone, *repair.told(after)])


def _revise(work: Work) -> Answer:
    """A fix that somebody objects to is taken back: this agent has no second way to write it."""
    grave = {path for severity, path in work.turn.comments if severity != "minor" and path}
    named = sorted(grave & work.checkout.changed().keys())
    if not named:
        reason = "no blocker or major remark names a file of this change, and taking files back is all that is left"
        return Answer(f"Nothing was taken back: {reason}.", None, reason)
    return take_back(work, named, "the review objects to it")


def _repaired(before: list[Finding], after: list[Finding], changed: dict[str, int], notes: list[str]) -> Answer:
    fixed = count(before) - count(after)
    counts = f"ruff findings: {len(before)} before, {len(after)} after"
    extent = f"{sum(changed.values())} changed lines in {len(changed)} files"
    subject = f"Fix {sum(fixed.values())} ruff findings of {len(fixed)} rules"
    return Answer(
        text="\n".join([f"{counts}; fixed: {tell(fixed)} ({extent}).", f"Remaining: {tell(count(after))}.", *notes]),
        commit_message=f"{subject}\n\n{counts}.\nFixed: {tell(fixed)}.",
    )


class _Repair:
    """Applies fixes and keeps, file by file, those that leave a whole file within the budget."""

    def __init__(self, work: Work, openings: Openings) -> None:
        self._checkout = work.checkout
        self._ruff = work.ruff
        self._budget = work.turn.settings.max_lines
        self._openings = openings
        self._importers = Importers(work.checkout)
        self._sizes = work.checkout.changed()
        self._over: dict[str, int] = {}
        self.refused: list[str] = []

    def run(self) -> None:
        """Fix likely mistakes, then whole files, the fewest lines per finding first.

        A file that no run could take whole is fixed rule by rule.
        """
        stay, paths = self._openings.imports_stay, self._openings.paths
        for path in paths:
            mistakes = [rule for rule in self._openings.rules(path) if is_mistake(rule)]
            if mistakes:
                self._apply([path], ",".join(mistakes))
        self._over.clear()
        self._apply([path for path in paths if path not in stay])
        self._apply([path for path in paths if path in stay])
        for path in [path for path, size in self._over.items() if size > self._budget]:
            for rule in self._openings.rules(path):
                self._apply([path], rule if path in stay else f"{rule},{UNUSED_IMPORT}")

    def told(self, after: list[Finding]) -> list[str]:
        """Return what was refused and what is left for a later run."""
        waiting = sum(one.path in self._over and one.fixable for one in after)
        later = f"Left for a later run: {waiting} fixable findings beyond {self._budget} changed lines."
        return [*self.refused, *([later] if waiting else [])]

    def _apply(self, paths: list[str], rules: str = "") -> None:
        before = {path: self._checkout.text(path) for path in paths}
        stay = [UNUSED_IMPORT] if self._openings.imports_stay.issuperset(paths) else []
        self._ruff.fix(paths, rules, stay)
        sizes = self._checkout.changed()
        fixed = [path for path in paths if self._checkout.text(path) != before[path]]
        for path in sorted(fixed, key=lambda path: (sizes.get(path, 0) / self._openings.number(path), path)):
            if not self._keeps(path, before[path], sizes.get(path, 0)):
                self._checkout.write(path, before[path])

    def _keeps(self, path: str, before: bytes, size: int) -> bool:
        """Decide on one fixed file, and take its new size into account when it stays fixed."""
        present = self._checkout.text(path)
        if not compiles(present):
            return self._refuse(path, "Python could not read the file after it")
        names = set(bound_names(before).values()) - set(bound_names(present).values())
        if self._importers.taken(path, names):
            return self._refuse(path, f"other files may take {', '.join(sorted(names))} from it")
        if sum(self._sizes.values()) - self._sizes.get(path, 0) + size > self._budget:
            self._over.setdefault(path, size)
            return False
        self._sizes[path] = size
        say(f"{path} fixed; {sum(self._sizes.values())} of {self._budget} lines changed so far")
        return True

    def _refuse(self, path: str, why: str) -> bool:
        told = f"Taken back: the fix of {path}, because {why}."
        if told not in self.refused:
            self.refused.append(told)
        return False
