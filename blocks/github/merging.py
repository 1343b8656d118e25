"""Merging on GitHub: never over somebody's objection, only the expected head, and looked at afterwards."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from blocks.forge import Mergeability, PullRequest
from blocks.github.checks import checks, part, required, rules
from blocks.github.client import GitHubClient, Json
from blocks.github.connection import Declined
from blocks.github.pulls import GitHubPulls, shown
from blocks.github.reviews import reviews
from contracts.ci import PASSING
from contracts.errors import Refused, Unavailable
from contracts.failure import FailureKind
from contracts.mentions import quiet
from contracts.pull_review import objections

Found = TypeVar("Found")
Method = Literal["merge", "squash", "rebase"]
_LOOKS = (0.25, 0.5, 1.0, 2.0, 4.0)
"""Waits between looks at what GitHub computes by itself, in seconds."""
_FIRST_SECONDS, _LAST_SECONDS = 1.0, 15.0
"""Between looks at a merge queue: ever later."""
_HELD = frozenset({"behind", "identical"})
_ENQUEUE = """
mutation Enqueue($id: ID!, $head: GitObjectID!) {
  enqueuePullRequest(input: {pullRequestId: $id, expectedHeadOid: $head}) { mergeQueueEntry { position state } }
}
"""
_QUEUED = "query Queued($id: ID!) { node(id: $id) { ... on PullRequest { isInMergeQueue } } }"


@dataclass(frozen=True)
class GitHubMerging:
    """Merges the pull requests of one repository.

    Args:
        client: GitHub as the block's credential sees it.
        repository: its full name.
        method: how a pull request becomes part of its base.
        queue_seconds: how long a pull request is waited for that stands in a merge queue.
    """

    client: GitHubClient
    repository: str
    method: Method
    queue_seconds: float

    @property
    def _pulls(self) -> GitHubPulls:
        return GitHubPulls(self.client, self.repository)

    def mergeability(self, number: int) -> Mergeability:
        """Return whether a pull request can be merged now; `unknown` while GitHub computes it."""
        pull = self._computed(number)
        if pull["merged_at"]:
            return Mergeability(state="clean")
        if pull["state"] == "closed" or pull["draft"]:
            kind = "closed" if pull["state"] == "closed" else "a draft"
            return Mergeability(state="blocked", reason=f"The pull request is {kind}.")
        if pull["mergeable"] is None:
            return Mergeability(state="unknown")
        if not pull["mergeable"]:
            return Mergeability(state="conflicted")
        reason = self._objection(pull)
        return Mergeability(state="blocked", reason=reason) if reason else Mergeability(state="clean")

    def merge(self, number: int, head: str, message: str) -> PullRequest:
        """Merge a pull request whose head is `head`; see `Forge.merge`.

        Raises:
            Refused: the head moved, the pull request is closed or conflicts, somebody objects, GitHub's rules do, or it
                stands in a merge queue that has not merged it in time.
            Unavailable: GitHub did not answer, or does not show the merge.
        """
        pull = self._pulls.get(number)
        if not pull["merged_at"]:
            self._check(pull, head)
            if self._has_queue(pull["base"]["ref"]):
                self._through_queue(pull, head)
            else:
                self._put(number, head, message)
        return self._verified(number, head)

    def _check(self, pull: Json, head: str) -> None:
        number, now = pull["number"], pull["head"]["sha"]
        if now != head and pull["state"] == "open":
            text = f"the head of pull request {number!r} moved from {head!r} to {now!r}"
            raise Refused(f"{text}; run the steps again on it")
        found = self.mergeability(number)
        if found.state == "conflicted":
            base = pull["base"]["ref"]
            raise Refused(f"pull request {number!r} conflicts with {base!r}; resolve it", kind=FailureKind.CONFLICT)
        if found.state == "blocked":
            raise Refused(f"pull request {number!r} cannot be merged: {found.reason}")

    def _put(self, number: int, head: str, message: str) -> None:
        title, _, rest = quiet(message).partition("\n")
        wanted = {"sha": head, "merge_method": self.method, "commit_title": title, "commit_message": rest.strip()}
        for wait in _LOOKS:
            try:
                self.client.send("PUT", f"{self._pulls.path}/pulls/{number}/merge", wanted)
            except Declined as error:
                if error.status != 405 or "was modified" not in error.said:
                    raise self._declined(error, number, head) from None
                time.sleep(wait)  # somebody else's merge is just being made
            except Unavailable:
                if not self._pulls.get(number)["merged_at"]:
                    raise
                return
            else:
                return
        raise Unavailable(f"the base of pull request {number!r} moved during {len(_LOOKS)} merges; try again")

    def _declined(self, error: Declined, number: int, head: str) -> Refused:
        if error.status == 409:
            text = f"the head of pull request {number!r} is not {head!r} any more; run the steps again on it"
            return Refused(text, detail=error.detail)
        conflicted = self.mergeability(number).state == "conflicted"
        kind = FailureKind.CONFLICT if conflicted else None
        text = f"GitHub does not merge pull request {number!r}: {error.said}; look at the rules of its base"
        return Refused(text, kind=kind, detail=error.detail)

    def _through_queue(self, pull: Json, head: str) -> None:
        """Put a pull request into the merge queue, unless it stands there, and wait until it is out again."""
        number, node = pull["number"], pull["node_id"]
        if not self._is_queued(node):
            self.client.graphql(_ENQUEUE, id=node, head=head)
        end, pause = time.monotonic() + self.queue_seconds, _FIRST_SECONDS
        while not self._pulls.get(number)["merged_at"]:
            if not self._is_queued(node) and not self._pulls.get(number)["merged_at"]:
                raise Refused(f"the merge queue gave pull request {number!r} back; look at the checks of its group")
            left = end - time.monotonic()
            if left <= 0:
                raise Refused(f"pull request {number!r} is in the merge queue; GitHub merges it when its turn comes")
            time.sleep(min(pause, left))
            pause = min(pause * 2, _LAST_SECONDS)

    def _verified(self, number: int, head: str) -> PullRequest:
        """Return the pull request as merged, once GitHub shows the merge in the base."""

        def look() -> PullRequest | None:
            pull = shown(self._pulls.get(number))
            held = pull.state == "merged" and bool(pull.merge_commit) and self._holds(pull.base, pull.merge_commit)
            return pull if held else None

        found = self._patiently(look)
        if found is None:
            text = f"GitHub does not show the merge of pull request {number!r} with the head {head!r} in its base"
            raise Unavailable(f"{text}; look at the base's log")
        return found

    def _holds(self, base: str, commit: str) -> bool:
        span = f"{part(base)}...{commit}"
        found = self.client.find(f"{self._pulls.path}/compare/{span}", per_page=1)
        return found is not None and found["status"] in _HELD

    def _computed(self, number: int) -> Json:
        """The pull request once GitHub knows whether it can be merged, or as it is after all looks."""
        pull = self._pulls.get(number)
        if pull["mergeable"] is not None or pull["state"] == "closed":
            return pull
        return self._patiently(lambda: self._if_computed(number)) or self._pulls.get(number)

    def _if_computed(self, number: int) -> Json | None:
        pull = self._pulls.get(number)
        return pull if pull["mergeable"] is not None or pull["state"] == "closed" else None

    def _objection(self, pull: Json) -> str:
        """Why a pull request without conflict is not merged, in one sentence; empty: nothing is against it."""
        against = objections(reviews(self.client, self.repository, pull["number"]))
        if against:
            names = ", ".join(one.author for one in against)
            return f"{names} requested changes; an approval or a dismissal of the review takes that back."
        if pull["mergeable_state"] != "blocked" or self._has_queue(pull["base"]["ref"]):
            return ""
        base, head = pull["base"]["ref"], pull["head"]["sha"]
        passed = {one.name for one in checks(self.client, self.repository, head) if one.conclusion in PASSING}
        absent = sorted(set(required(self.client, self.repository, base)) - passed)
        if absent:
            return f"The rules of {base!r} require these checks to pass: {', '.join(absent)}."
        return f"The rules of {base!r} do not let GitHub merge it; most often an approving review is missing."

    def _has_queue(self, base: str) -> bool:
        return any(one["type"] == "merge_queue" for one in rules(self.client, self.repository, base))

    def _patiently(self, look: Callable[[], Found | None]) -> Found | None:
        """Return what a look finds, the sooner the better; none when it found nothing to the end."""
        waits = [wait for place, wait in enumerate(_LOOKS) if sum(_LOOKS[: place + 1]) <= self.client.patience]
        for wait in waits:
            found = look()
            if found is not None:
                return found
            time.sleep(wait)
        return look()

    def _is_queued(self, node: str) -> bool:
        found: Any = self.client.graphql(_QUEUED, id=node)["node"]
        return bool(found and found["isInMergeQueue"])
