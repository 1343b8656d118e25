"""What a change of one thing changes elsewhere: heads of pull requests, mergeability, merges, closed issues."""

from __future__ import annotations

from bench.github_server.call import Call, Problem
from bench.github_server.shapes import Shapes
from bench.github_server.state import Issue, Json, Pull, Repository, closes, now

_GREEN = frozenset({"success", "neutral", "skipped"})


def delete_ref(call: Call, repository: Repository, ref: str) -> None:
    """Delete a ref and close the pull requests of the branch."""
    repository.git.run("update-ref", "-d", ref)
    branch = ref.removeprefix("refs/heads/")
    for pull in repository.pulls.values():
        if pull.issue.state == "open" and branch in (pull.head, pull.base):
            close_issue(call, repository, pull.issue)


def close_issue(call: Call, repository: Repository, issue: Issue, reason: str = "completed") -> None:
    """Close an issue or a pull request."""
    issue.state, issue.closed_at, issue.closed_by = "closed", now(), call.login
    pull = repository.pulls.get(issue.number)
    issue.state_reason = None if pull else reason
    tell(call, repository, issue, "closed")


def tell(call: Call, repository: Repository, issue: Issue, action: str, **more: object) -> None:
    """Tell the webhooks what became of an issue or a pull request."""
    issue.updated_at = now()
    shapes, pull = Shapes(call.world, call.api, call.web), repository.pulls.get(issue.number)
    if pull is None:
        call.emit("issues", action, {"issue": shapes.issue(repository, issue), **more})
        return
    shown = shapes.full_pull(repository, pull, None, "unknown")
    call.emit("pull_request", action, {"number": issue.number, "pull_request": shown, **more})


def checks_of(repository: Repository, sha: str) -> dict[str, str]:
    """Return what is known of a commit: context → conclusion, an empty text while it runs; the newest one counts."""
    found = {one["name"]: one["conclusion"] or "" for one in repository.checks.values() if one["head_sha"] == sha}
    states = {one["context"]: one["state"] for one in repository.statuses if one["sha"] == sha}
    return found | {name: "" if state == "pending" else state for name, state in states.items()}


def standing(pull: Pull) -> list[Json]:
    """Return the last review of each reviewer that says yes or no."""
    decisive = {
        one["user"]: one for one in pull.reviews if one["state"] in ("APPROVED", "CHANGES_REQUESTED", "DISMISSED")
    }
    return list(decisive.values())


def conflicts(repository: Repository, pull: Pull) -> bool:
    """Return whether base and head do not go together."""
    tips = (repository.tip(pull.base), pull.head_sha)
    return repository.git.call("merge-tree", "--write-tree", "--no-messages", *tips, ok=(0, 1))[0] == 1


def objection(repository: Repository, pull: Pull) -> str:
    """Return why a pull request without conflict is not merged; an empty text: it can be."""
    checks = checks_of(repository, pull.head_sha)
    absent = [name for name in repository.required(pull.base) if checks.get(name) not in _GREEN]
    if pull.draft:
        return "Pull Request is still a draft"
    if absent:
        return f'Required status check "{absent[0]}" is expected.'
    rules = [one for one in repository.rules.get(pull.base, []) if one["type"] == "pull_request"]
    needed = max((one["parameters"]["required_approving_review_count"] for one in rules), default=0)
    reviews = standing(pull)
    if rules and any(one["state"] == "CHANGES_REQUESTED" for one in reviews):
        return "Changes have been requested."
    if sum(one["state"] == "APPROVED" for one in reviews) < needed:
        return f"At least {needed} approving review is required by reviewers with write access."
    return ""


def mergeability(call: Call, repository: Repository, pull: Pull) -> tuple[bool | None, str]:
    """Return `mergeable` and `mergeable_state`; not known at the first looks after a tip moved."""
    if pull.issue.state == "closed":
        return None, "unknown"
    tips = (repository.tip(pull.base), pull.head_sha)
    if pull.computed != tips:
        pull.looks += 1
        if pull.looks <= call.world.lazy_looks:
            return None, "unknown"
        pull.computed, pull.looks = tips, 0
    if conflicts(repository, pull):
        return False, "dirty"
    return True, _state(repository, pull)


def _state(repository: Repository, pull: Pull) -> str:
    if pull.draft or objection(repository, pull):
        return "draft" if pull.draft else "blocked"
    strict = any(one["parameters"]["strict_required_status_checks_policy"] for one in _status_rules(repository, pull))
    if strict and not repository.git.is_ancestor(repository.tip(pull.base), pull.head_sha):
        return "behind"
    red = any(one not in _GREEN for one in checks_of(repository, pull.head_sha).values())
    return "unstable" if red else "clean"


def _status_rules(repository: Repository, pull: Pull) -> list[Json]:
    return [one for one in repository.rules.get(pull.base, []) if one["type"] == "required_status_checks"]


def land(call: Call, repository: Repository, pull: Pull, method: str, message: str) -> str:
    """Merge a pull request into its base, close what its text closes, and return the commit."""
    git, base = repository.git, repository.tip(pull.base)
    code, text = git.call("merge-tree", "--write-tree", "--no-messages", base, pull.head_sha, ok=(0, 1))
    if code:
        raise Problem(405, "Pull Request is not mergeable")
    parents = ["-p", base, *(["-p", pull.head_sha] if method == "merge" else [])]
    commit = git.run("commit-tree", text.split()[0], *parents, stdin=message)
    git.run("update-ref", f"refs/heads/{pull.base}", commit, base)
    pull.merge_commit, pull.merged_at, pull.merged_by, pull.queued = commit, now(), call.login, False
    close_issue(call, repository, pull.issue)
    for number in closes(pull.issue.body):
        issue = repository.issues.get(number)
        if issue is not None and issue.state == "open":
            close_issue(call, repository, issue)
    if repository.delete_branch_on_merge and repository.tip(pull.head):
        delete_ref(call, repository, f"refs/heads/{pull.head}")
    return commit
