"""Pull requests: opened, changed, merged, reviewed."""

from __future__ import annotations

from bench.github_server.call import Answer, Call, Problem, refused, route
from bench.github_server.changes import close_issue, conflicts, land, mergeability, objection, tell
from bench.github_server.shapes import Shapes
from bench.github_server.state import Issue, Json, Pull, Repository, now
from contracts.agent import as_object

_PULLS = "/repos/{owner}/{repo}/pulls"
_PULL = "/repos/{owner}/{repo}/pulls/{pull_number}"
_STATES = {"APPROVE": "APPROVED", "REQUEST_CHANGES": "CHANGES_REQUESTED", "COMMENT": "COMMENTED"}


@route("GET", _PULLS)
def list_pulls(call: Call) -> Answer:
    """Answer pull requests, the newest first unless asked otherwise; a `head` without owner filters nothing."""
    found, query = call.repository, call.query
    state, head, base = query.get("state", "open"), query.get("head", ""), query.get("base")
    pulls = [one for one in found.pulls.values() if state in ("all", one.issue.state)]
    if ":" in head:
        pulls = [one for one in pulls if head == f"{found.owner}:{one.head}"]
    if base:
        pulls = [one for one in pulls if one.base == base]
    pulls.sort(key=lambda one: one.issue.number, reverse=query.get("direction", "desc") == "desc")
    shapes = Shapes(call.world, call.api, call.web)
    return Answer([shapes.pull(found, one) for one in pulls], page="")


@route("POST", _PULLS)
def open_pull(call: Call) -> Answer:
    """Open a pull request for a branch that has none open."""
    found, body = call.need("write"), call.body
    head, base = body["head"].rpartition(":")[2], body["base"]
    for name, branch in (("head", head), ("base", base)):
        if not found.tip(branch):
            raise Problem(422, "Validation Failed", [{"resource": "PullRequest", "field": name, "code": "invalid"}])
    if any(one.head == head and one.base == base and one.issue.state == "open" for one in found.pulls.values()):
        raise refused("PullRequest", f"A pull request already exists for {found.owner}:{head}.")
    if found.git.is_ancestor(found.tip(head), found.tip(base)):
        raise refused("PullRequest", f"No commits between {base} and {head}")
    if body.get("draft") and not found.drafts:
        raise Problem(422, "Draft pull requests are not supported in this repository.")
    number = max(found.issues, default=0) + 1
    issue = Issue(call.world.next_id(), number, body["title"], body.get("body"), call.login)
    pull = Pull(issue, head, base, found.tip(head), bool(body.get("draft")))
    found.issues[number], found.pulls[number] = issue, pull
    tell(call, found, issue, "opened")
    return Answer(_shown(call, found, pull), 201)


@route("GET", _PULL)
def show_pull(call: Call) -> Answer:
    """Answer a pull request; to look at it is what makes GitHub compute whether it can be merged."""
    return Answer(_shown(call, call.repository, call.pull()))


@route("PATCH", _PULL)
def change_pull(call: Call) -> Answer:
    """Change title, text, base or state."""
    found, pull = call.need("write"), call.pull()
    for name in ("title", "body"):
        if name in call.body:
            setattr(pull.issue, name, call.body[name])
    pull.base = call.body.get("base", pull.base)
    if call.body.get("state") == "closed" and pull.issue.state == "open":
        close_issue(call, found, pull.issue)
    elif call.body.get("state") == "open" and not pull.merged_at:
        pull.issue.state, pull.issue.closed_at = "open", None
    return Answer(_shown(call, found, pull))


@route("PUT", _PULL + "/merge")
def merge_pull(call: Call) -> Answer:
    """Merge a pull request if its head is the expected one and nothing objects."""
    found, pull, body = call.need("write"), call.pull(), as_object(call.body) or {}
    method = body.get("merge_method", "merge")
    if pull.issue.state == "closed":
        raise Problem(405, "Pull Request is not mergeable")
    if body.get("sha", pull.head_sha) != pull.head_sha:
        raise Problem(409, "Head branch was modified. Review and try the merge again.")
    if method not in found.methods:
        raise Problem(405, f"{method.capitalize()} merges are not allowed on this repository.")
    if conflicts(found, pull):
        raise Problem(405, "Pull Request is not mergeable")
    if found.has_rule(pull.base, "merge_queue"):
        raise Problem(405, "Repository rule violations found\n\nChanges must be made through the merge queue\n\n")
    if why := objection(found, pull):
        raise Problem(405, why)
    title = body.get("commit_title", f"Merge pull request #{pull.issue.number}")
    sha = land(call, found, pull, method, f"{title}\n\n{body.get('commit_message', '')}".strip() + "\n")
    return Answer({"sha": sha, "merged": True, "message": "Pull Request successfully merged"})


@route("GET", _PULL + "/merge")
def show_merged(call: Call) -> Answer:
    """Answer whether a pull request is merged."""
    if not call.pull().merged_at:
        raise Problem(404, "Not Found")
    return Answer(status=204)


@route("GET", _PULL + "/reviews")
def list_reviews(call: Call) -> Answer:
    """Answer the reviews, the oldest first."""
    shapes, found, pull = Shapes(call.world, call.api, call.web), call.repository, call.pull()
    return Answer([shapes.review(found, pull, one) for one in pull.reviews], page="")


@route("POST", _PULL + "/reviews")
def submit_review(call: Call) -> Answer:
    """Take a review with its comments on lines."""
    found, pull, body = call.need("read"), call.pull(), call.body
    state = _STATES.get(body.get("event", ""), "PENDING")
    if state == "CHANGES_REQUESTED" and pull.issue.user == call.login:
        raise Problem(422, "Can not request changes on your own pull request")
    review: Json = {
        "id": call.world.next_id(),
        "user": call.login,
        "body": body.get("body", ""),
        "state": state,
        "commit_id": body.get("commit_id") or pull.head_sha,
        "submitted_at": now(),
        "author_association": "COLLABORATOR" if call.rank(found) else "NONE",
    }
    pull.reviews.append(review)
    pull.threads += [_thread(call, review, one) for one in body.get("comments", [])]
    shown = Shapes(call.world, call.api, call.web).review(found, pull, review)
    whole = _shown(call, found, pull)
    call.emit("pull_request_review", "submitted", {"review": {**shown, "state": state.lower()}, "pull_request": whole})
    return Answer(shown)


@route("PUT", _PULL + "/reviews/{review_id}/dismissals")
def dismiss_review(call: Call) -> Answer:
    """Take a review's objection away."""
    found, pull = call.need("write"), call.pull()
    review = next((one for one in pull.reviews if one["id"] == int(call.arguments["review_id"])), None)
    if review is None:
        raise Problem(404, "Not Found")
    review["state"] = "DISMISSED"
    return Answer(Shapes(call.world, call.api, call.web).review(found, pull, review))


@route("GET", _PULL + "/comments")
def list_line_comments(call: Call) -> Answer:
    """Answer the comments on lines, the oldest first."""
    shapes = Shapes(call.world, call.api, call.web)
    hidden = ("resolved", "state")
    shown = [{name: one for name, one in thread.items() if name not in hidden} for thread in call.pull().threads]
    return Answer([shapes.comment(one) for one in shown], page="")


def _thread(call: Call, review: Json, given: Json) -> Json:
    return {
        "id": call.world.next_id(),
        "pull_request_review_id": review["id"],
        "user": call.login,
        "path": given["path"],
        "line": given.get("line"),
        "body": given["body"],
        "commit_id": review["commit_id"],
        "original_commit_id": review["commit_id"],
        "resolved": False,
    }


def _shown(call: Call, repository: Repository, pull: Pull) -> Json:
    looked = mergeability(call, repository, pull)
    return Shapes(call.world, call.api, call.web).full_pull(repository, pull, *looked)
