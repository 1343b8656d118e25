"""Reviews of a pull request on GitHub, with what they say about lines and is not settled."""

from __future__ import annotations

from collections import defaultdict
from typing import Literal

from blocks.github.client import GitHubClient, Json
from contracts.agent import as_object
from contracts.errors import Misconfigured
from contracts.pull_review import Review, ReviewComment

_THREADS = """
query ReviewThreads($id: ID!, $after: String) {
  node(id: $id) {
    ... on PullRequest {
      reviewThreads(first: 100, after: $after) {
        pageInfo { hasNextPage endCursor }
        nodes { isResolved path line comments(first: 50) { nodes { body pullRequestReview { fullDatabaseId } } } }
      }
    }
  }
}
"""
_MOST_PAGES = 10
INSIDERS = frozenset({"OWNER", "MEMBER", "COLLABORATOR"})
"""Whom GitHub says to belong to a repository; it does not say it of members whose membership is private."""
_STATES: dict[str, Literal["approved", "changes_requested", "commented", "dismissed"]] = {
    "APPROVED": "approved",
    "CHANGES_REQUESTED": "changes_requested",
    "COMMENTED": "commented",
    "DISMISSED": "dismissed",
}


def reviews(client: GitHubClient, repository: str, number: int) -> list[Review]:
    """Return the reviews that were handed in, the oldest first; those of this credential count as a bot's."""
    path = f"/repos/{repository}/pulls/{number}"
    found = [one for one in client.pages(f"{path}/reviews") if one["state"] in _STATES]
    if not found:
        return []
    requested = any(one["state"] == "CHANGES_REQUESTED" for one in found)
    comments = _comments(client, client.get(path)["node_id"]) if requested else {}
    own, writers = client.login(), _writers(client, repository, found)
    return [_review(one, own, writers, comments.get(str(one["id"]), [])) for one in found]


def _writers(client: GitHubClient, repository: str, found: list[Json]) -> set[str]:
    """Who requested changes and may write here, although GitHub does not say that they belong to the repository."""
    asking = [one for one in found if one["state"] == "CHANGES_REQUESTED" and one["author_association"] not in INSIDERS]
    users = [as_object(one["user"]) or {} for one in asking]
    unclear = {str(one["login"]) for one in users if one.get("type") == "User"}
    return {login for login in unclear if _may_write(client, repository, login)}


def _may_write(client: GitHubClient, repository: str, login: str) -> bool:
    try:
        found = client.find(f"/repos/{repository}/collaborators/{login}/permission")
    except Misconfigured:  # what cannot be read must not let a change pass over an objection
        return True
    return found is not None and found["permission"] in ("admin", "write")


def _review(review: Json, own: str, writers: set[str], comments: list[ReviewComment]) -> Review:
    user: Json = review["user"] or {}
    login = str(user.get("login", ""))
    return Review(
        author=login,
        bot=not login or user["type"] != "User" or login == own,
        insider=review["author_association"] in INSIDERS or login in writers,
        state=_STATES[review["state"]],
        body=review["body"] or "",
        comments=comments,
        submitted_at=review["submitted_at"],
        commit=review["commit_id"] or "",
    )


def _comments(client: GitHubClient, node: str) -> dict[str, list[ReviewComment]]:
    """The comments of threads that are not resolved, by the id of their review."""
    found: defaultdict[str, list[ReviewComment]] = defaultdict(list)
    after: str | None = None
    for _ in range(_MOST_PAGES):
        threads: Json = client.graphql(_THREADS, id=node, after=after)["node"]["reviewThreads"]
        for thread in threads["nodes"]:
            for comment in () if thread["isResolved"] else thread["comments"]["nodes"]:
                review: Json = comment["pullRequestReview"] or {}
                said = ReviewComment(path=thread["path"], line=thread["line"], body=comment["body"])
                found[str(review.get("fullDatabaseId", ""))].append(said)
        if not threads["pageInfo"]["hasNextPage"]:
            break
        after = threads["pageInfo"]["endCursor"]
    return found
