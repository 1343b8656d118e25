"""The few things that GitHub offers over GraphQL only, executed against its published schema."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from graphql import (
    ExecutionResult,
    GraphQLError,
    GraphQLSchema,
    build_ast_schema,
    graphql_sync,  # pyright: ignore[reportUnknownVariableType]
    parse,
)

from bench.github_server.call import Call
from bench.github_server.changes import land, objection, tell
from bench.github_server.package import graphql_document
from bench.github_server.state import Json, Pull, Repository

_run: Callable[..., ExecutionResult] = graphql_sync  # pyright: ignore[reportUnknownVariableType]


@cache
def schema() -> GraphQLSchema:
    """Return GitHub's schema; it is read once in a process, which takes about two seconds."""
    return build_ast_schema(parse(graphql_document(), no_location=True), assume_valid=True, assume_valid_sdl=True)


def execute(call: Call, body: Json) -> tuple[Json, list[str]]:
    """Return the answer to a query, and what the schema finds wrong with the query itself."""
    root = {
        "node": _field(lambda given: _pull(_find(call, given["id"]))),
        "markPullRequestReadyForReview": _field(lambda given: _ready(call, given["input"]["pullRequestId"])),
        "enqueuePullRequest": _field(lambda given: _enqueue(call, given["input"])),
        "resolveReviewThread": _field(lambda given: _resolve(call, given["input"]["threadId"])),
    }
    done = _run(schema(), body["query"], root, variable_values=body.get("variables"))
    answer: Json = {"data": done.data}
    errors = done.errors or []
    if errors:
        answer["errors"] = [_error(one) for one in errors]
    return answer, [one.message for one in errors if one.original_error is None]


def _field(resolve: Callable[[Json], Json]) -> Callable[..., Json]:
    """Return a field's value by its arguments, as the library calls for it."""

    def called(_: Any, **given: Any) -> Json:
        return resolve(given)

    return called


def _error(error: GraphQLError) -> Json:
    shown: Json = {"message": error.message, "path": error.path or []}
    kind = (error.extensions or {}).get("type")
    return {**shown, "type": kind} if kind else shown


def _find(call: Call, node: str) -> tuple[Repository, Pull]:
    for repository in call.world.repositories.values():
        for pull in repository.pulls.values():
            if f"PR_{pull.issue.id}" == node:
                return repository, pull
    raise GraphQLError(f"Could not resolve to a node with the global id of '{node}'", extensions={"type": "NOT_FOUND"})


def _ready(call: Call, node: str) -> Json:
    repository, pull = _find(call, node)
    call.arguments = {"owner": repository.owner, "repo": repository.name}
    call.need("write")
    pull.draft = False
    tell(call, repository, pull.issue, "ready_for_review")
    return {"pullRequest": _pull((repository, pull))}


def _enqueue(call: Call, given: Json) -> Json:
    repository, pull = _find(call, given["pullRequestId"])
    call.arguments = {"owner": repository.owner, "repo": repository.name}
    if not repository.has_rule(pull.base, "merge_queue"):
        raise GraphQLError("Merge queue is not enabled for this branch", extensions={"type": "UNPROCESSABLE"})
    if given.get("expectedHeadOid", pull.head_sha) != pull.head_sha:
        raise GraphQLError("The head of the pull request is not the expected one", extensions={"type": "UNPROCESSABLE"})
    if why := objection(repository, pull):
        raise GraphQLError(why, extensions={"type": "UNPROCESSABLE"})
    pull.queued = True
    return {"mergeQueueEntry": _entry(pull)}


def run_queue(call: Call, repository: Repository) -> None:
    """Merge what stands in the queue, as GitHub does when the checks of the group are green."""
    call.arguments = {"owner": repository.owner, "repo": repository.name}
    for pull in list(repository.pulls.values()):
        if pull.queued:
            land(call, repository, pull, "merge", f"Merge pull request #{pull.issue.number}\n")


def _resolve(call: Call, node: str) -> Json:
    for repository in call.world.repositories.values():
        for pull in repository.pulls.values():
            for thread in pull.threads:
                if f"PRRT_{thread['id']}" == node:
                    thread["resolved"] = True
                    return {"thread": _thread(pull, thread)}
    raise GraphQLError("Could not resolve to a node", extensions={"type": "NOT_FOUND"})


def _pull(found: tuple[Repository, Pull]) -> Json:
    _, pull = found

    def threads(_: Any, first: int = 100, after: str | None = None) -> Json:
        start = int(after or 0)
        shown = [_thread(pull, one) for one in pull.threads[start : start + first]]
        end = start + len(shown)
        return {"nodes": shown, "pageInfo": {"hasNextPage": end < len(pull.threads), "endCursor": str(end)}}

    return {
        "__typename": "PullRequest",
        "id": f"PR_{pull.issue.id}",
        "number": pull.issue.number,
        "isDraft": pull.draft,
        "isInMergeQueue": pull.queued,
        "mergeQueueEntry": _entry(pull) if pull.queued else None,
        "reviewThreads": threads,
    }


def _thread(pull: Pull, thread: Json) -> Json:
    kind = "Bot" if thread["user"].endswith("[bot]") else "User"
    comment = {
        "body": thread["body"],
        "author": {"__typename": kind, "login": thread["user"]},
        "pullRequestReview": {"fullDatabaseId": str(thread["pull_request_review_id"])},
    }
    return {
        "id": f"PRRT_{thread['id']}",
        "isResolved": thread["resolved"],
        "isOutdated": thread["commit_id"] != pull.head_sha,
        "path": thread["path"],
        "line": thread["line"],
        "comments": {"nodes": [comment]},
    }


def _entry(pull: Pull) -> Json:
    return {"id": f"MQE_{pull.issue.id}", "state": "QUEUED", "position": 1}
