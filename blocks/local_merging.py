"""Merging in a local repository: computed apart from it, received only if nothing moved, found again after a crash."""

from __future__ import annotations

import re

from blocks.forge import Mergeability
from blocks.git import Git, GitFailed
from blocks.local_pulls import LocalPulls, Pull
from blocks.local_repository import Branch, LocalRepository
from contracts.errors import Misconfigured, Refused, Unavailable
from contracts.failure import FailureKind

_OLDEST_GIT = (2, 38)
"""The first release with `git merge-tree --write-tree`."""


def require_git(repository: LocalRepository) -> None:
    """Raise Misconfigured when the installed Git cannot merge without a work tree."""
    text = Git(repository.directory).run("version")
    numbers = re.search(r"(\d+)\.(\d+)", text)
    if numbers is None or (int(numbers[1]), int(numbers[2])) < _OLDEST_GIT:
        raise Misconfigured(f"the installed Git is {text!r}; install Git 2.38 or later")


def observe(repository: LocalRepository, pull: Pull) -> Pull:
    """Return the record as Git shows it now: the branch's tip, and merged when the base holds it.

    A branch that is gone keeps its last head.
    """
    if pull.state != "open":
        return pull
    branch, base = repository.branch(pull.branch), repository.branch(pull.base)
    pull = pull.model_copy(update={"head": branch.tip if branch else pull.head})
    if base is None:
        return pull
    with repository.view() as view:
        # A head that the base held when the pull request was opened was reset to it, not merged.
        if not _holds(view, base.tip, pull.head) or _holds(view, pull.base_commit, pull.head):
            return pull
        merge_commit = _merge_commit(view, base.tip, pull.head)
    return pull.model_copy(update={"state": "merged", "merge_commit": merge_commit})


def mergeability(repository: LocalRepository, pull: Pull) -> Mergeability:
    """Return whether an observed pull request can be merged; a conflict is told before anything that blocks."""
    if pull.state == "merged":
        return Mergeability(state="clean")
    base = repository.branch(pull.base)
    if pull.state == "closed" or base is None or repository.branch(pull.branch) is None:
        return Mergeability(state="blocked", reason="The pull request is closed, or one of its branches is gone.")
    with repository.view() as view:
        if view.call("merge-base", base.tip, pull.head, ok=(0, 1))[0] == 1:
            return Mergeability(state="blocked", reason=f"{pull.branch!r} and {pull.base!r} share no commit.")
        _, conflicts = _merged_tree(view, base.tip, pull.head)
    if conflicts:
        return Mergeability(state="conflicted", conflicts=conflicts)
    if base.checkout:
        return Mergeability(state="blocked", reason=_left_for_a_person(pull, base))
    return Mergeability(state="clean")


def merge(repository: LocalRepository, pulls: LocalPulls, number: int, head: str, message: str) -> Pull:
    """Merge a pull request whose head is `head`, and return its record; up to 5 times when the base moves.

    Raises:
        Refused: the head moved, the pull request is closed or conflicted, or a person has the base checked out.
        Unavailable: the base kept moving, or does not hold the merge afterwards.
    """
    for _ in range(5):
        with pulls.locked():
            pull = observe(repository, pulls.get(number))
            pulls.save(pull)
            if pull.state == "merged":
                return pull
            _check(repository, pull, head)
            merge_commit = _merge_once(repository, pull, message)
            if merge_commit:
                merged = pull.model_copy(update={"state": "merged", "merge_commit": merge_commit})
                pulls.save(merged)
                return merged
    raise Unavailable(f"the base of pull request {number!r} in {repository.name!r} moved during 5 merges; try again")


def _check(repository: LocalRepository, pull: Pull, head: str) -> None:
    if pull.head != head:
        raise Refused(
            f"the head of pull request {pull.number!r} moved from {head!r} to {pull.head!r}; run the steps again on it"
        )
    found = mergeability(repository, pull)
    if found.state == "conflicted":
        paths = ", ".join(found.conflicts[:10])
        raise Refused(
            f"pull request {pull.number!r} conflicts with {pull.base!r}; resolve: {paths}", kind=FailureKind.CONFLICT
        )
    if found.state != "clean":
        raise Refused(f"pull request {pull.number!r} cannot be merged: {found.reason}")


def _merge_once(repository: LocalRepository, pull: Pull, message: str) -> str:
    """Return the merge commit, or an empty text when the base moved meanwhile."""
    base = repository.branch(pull.base)
    if base is None:
        return ""
    with repository.view() as view:
        tree, conflicts = _merged_tree(view, base.tip, pull.head)
        if conflicts:
            return ""
        commit = view.run("commit-tree", tree, "-p", base.tip, "-p", pull.head, stdin=message)
        try:
            repository.receive(view, pull.base, commit, base.tip)
        except GitFailed:
            if repository.branch(pull.base) == base:
                raise
            return ""
    _verify(repository, pull, commit, tree)
    return commit


def _verify(repository: LocalRepository, pull: Pull, commit: str, tree: str) -> None:
    base = repository.branch(pull.base)
    with repository.view() as view:
        held = base is not None and _holds(view, base.tip, commit) and _holds(view, commit, pull.head)
        if not held or view.tree_of(commit) != tree:
            raise Unavailable(f"the branch {pull.base!r} does not hold the merge {commit!r}; look at its log")


def _merged_tree(view: Git, base: str, head: str) -> tuple[str, list[str]]:
    code, text = view.call("merge-tree", "--write-tree", "--name-only", "--no-messages", "-z", base, head, ok=(0, 1))
    tree, *paths = [part for part in text.split("\0") if part]
    return tree, paths if code == 1 else []


def _holds(view: Git, newer: str, older: str) -> bool:
    return view.call("merge-base", "--is-ancestor", older, newer, ok=(0, 1, 128))[0] == 0


def _merge_commit(view: Git, base: str, head: str) -> str:
    """Return the commit that brought `head` into `base`: the oldest merge above it, or itself if fast-forwarded."""
    text = view.run("rev-list", "--first-parent", "--ancestry-path", "--reverse", "--parents", f"{head}..{base}")
    if not text:
        return head
    commit, first_parent, *_ = text.splitlines()[0].split()
    return head if first_parent == head else commit


def _left_for_a_person(pull: Pull, base: Branch) -> str:
    return (
        f"The branch {pull.base!r} is checked out in {base.checkout!r}, so it is left for the person there to merge: "
        f"git merge {pull.branch}"
    )
