"""Issues, which pull requests are too: comments and labels."""

from __future__ import annotations

from typing import Any

from bench.github_server.call import Answer, Call, Problem, route
from bench.github_server.changes import close_issue, tell
from bench.github_server.shapes import Shapes
from bench.github_server.state import Issue, Json, Repository, now
from contracts.agent import as_object

_ISSUE = "/repos/{owner}/{repo}/issues/{issue_number}"
_COMMENT = "/repos/{owner}/{repo}/issues/comments/{comment_id}"
_LABELS = "/repos/{owner}/{repo}/labels"
MOST_TEXT = 65_536
"""Longest text of an issue, a pull request or a comment."""


@route("GET", "/repos/{owner}/{repo}/issues")
def list_issues(call: Call) -> Answer:
    """Answer issues and pull requests, the newest first."""
    found, query = call.repository, call.query
    wanted = set(filter(None, query.get("labels", "").split(",")))
    issues = [one for one in found.issues.values() if query.get("state", "open") in ("all", one.state)]
    issues = [one for one in issues if wanted <= set(one.labels) and one.updated_at >= query.get("since", "")]
    issues = [one for one in issues if query.get("creator", one.user) == one.user]
    issues.sort(key=lambda one: one.number, reverse=query.get("direction", "desc") == "desc")
    shapes = Shapes(call.world, call.api, call.web)
    return Answer([shapes.issue(found, one) for one in issues], page="")


@route("POST", "/repos/{owner}/{repo}/issues")
def open_issue(call: Call) -> Answer:
    """Open an issue; labels of people who may not write are dropped."""
    found, body = call.need("read"), call.body
    if not found.has_issues:
        raise Problem(410, "Issues are disabled for this repo")
    _check_text(body.get("body"))
    number = max(found.issues, default=0) + 1
    issue = Issue(call.world.next_id(), number, str(body["title"]), body.get("body"), call.login)
    found.issues[number] = issue
    tell(call, found, issue, "opened")
    if call.rank(found) not in ("", "read"):
        _add_labels(call, found, issue, body.get("labels", []))
    return Answer(Shapes(call.world, call.api, call.web).issue(found, issue), 201)


@route("GET", _ISSUE)
def show_issue(call: Call) -> Answer:
    """Answer an issue."""
    return Answer(Shapes(call.world, call.api, call.web).issue(call.repository, call.issue()))


@route("PATCH", _ISSUE)
def change_issue(call: Call) -> Answer:
    """Change title, text, labels or state."""
    found, issue, body = call.need("write"), call.issue(), call.body
    _check_text(body.get("body"))
    edited = [name for name in ("title", "body") if name in body and getattr(issue, name) != body[name]]
    for name in edited:
        setattr(issue, name, body[name])
    if edited:
        tell(call, found, issue, "edited", changes={})
    if "labels" in body:
        issue.labels = []
        _add_labels(call, found, issue, body["labels"])
    if body.get("state") == "closed" and issue.state == "open":
        close_issue(call, found, issue, body.get("state_reason") or "completed")
    elif body.get("state") == "open" and issue.state == "closed":
        issue.state, issue.closed_at, issue.closed_by, issue.state_reason = "open", None, None, "reopened"
        tell(call, found, issue, "reopened")
    return Answer(Shapes(call.world, call.api, call.web).issue(found, issue))


@route("GET", _ISSUE + "/comments")
def list_comments(call: Call) -> Answer:
    """Answer the comments, the oldest first."""
    shapes, found = Shapes(call.world, call.api, call.web), call.repository
    comments = [found.comments[one] for one in call.issue().comments]
    since = call.query.get("since", "")
    return Answer([shapes.comment(one) for one in comments if one["updated_at"] >= since], page="")


@route("POST", _ISSUE + "/comments")
def write_comment(call: Call) -> Answer:
    """Write a comment."""
    found, issue, body = call.need("read"), call.issue(), call.body["body"]
    _check_text(body)
    number = call.world.next_id()
    url = f"{call.api}/repos/{found.full_name}/issues"
    page = f"{call.web}/{found.full_name}/issues/{issue.number}#issuecomment-{number}"
    comment: Json = {
        "id": number,
        "user": call.login,
        "body": body,
        "created_at": now(),
        "updated_at": now(),
        "url": f"{url}/comments/{number}",
        "issue_url": f"{url}/{issue.number}",
        "html_url": page,
        "author_association": "COLLABORATOR" if call.rank(found) not in ("", "read") else "NONE",
    }
    found.comments[number] = comment
    issue.comments.append(number)
    shapes = Shapes(call.world, call.api, call.web)
    shown = shapes.comment(comment)
    call.emit("issue_comment", "created", {"issue": shapes.issue(found, issue), "comment": shown})
    return Answer(shown, 201)


@route("GET", _COMMENT)
def show_comment(call: Call) -> Answer:
    """Answer a comment."""
    return Answer(Shapes(call.world, call.api, call.web).comment(_comment(call)))


@route("PATCH", _COMMENT)
def change_comment(call: Call) -> Answer:
    """Change the text of an own comment, or as somebody who may write anybody's."""
    comment = _comment(call)
    if comment["user"] != call.login:
        call.need("write")
    _check_text(call.body["body"])
    comment |= {"body": call.body["body"], "updated_at": now()}
    return Answer(Shapes(call.world, call.api, call.web).comment(comment))


@route("DELETE", _COMMENT)
def remove_comment(call: Call) -> Answer:
    """Delete a comment."""
    found, number = call.need("write"), _comment(call)["id"]
    del found.comments[number]
    for issue in found.issues.values():
        issue.comments = [one for one in issue.comments if one != number]
    return Answer(status=204)


@route("GET", _ISSUE + "/labels")
def list_issue_labels(call: Call) -> Answer:
    """Answer the labels of an issue."""
    shapes, found = Shapes(call.world, call.api, call.web), call.repository
    return Answer([shapes.label(found, one) for one in call.issue().labels], page="")


@route("POST", _ISSUE + "/labels")
def add_labels(call: Call) -> Answer:
    """Add labels to an issue; those that the repository lacks are made."""
    found, issue = call.need("triage"), call.issue()
    fields = as_object(call.body)
    _add_labels(call, found, issue, fields["labels"] if fields else call.body)
    shapes = Shapes(call.world, call.api, call.web)
    return Answer([shapes.label(found, one) for one in issue.labels])


@route("DELETE", _ISSUE + "/labels/{name}")
def remove_label(call: Call) -> Answer:
    """Take a label off an issue."""
    found, issue, name = call.need("triage"), call.issue(), call.arguments["name"]
    if name not in issue.labels:
        raise Problem(404, "Label does not exist")
    issue.labels.remove(name)
    shapes = Shapes(call.world, call.api, call.web)
    tell(call, found, issue, "unlabeled", label=shapes.label(found, name))
    return Answer([shapes.label(found, one) for one in issue.labels])


@route("GET", _LABELS)
def list_labels(call: Call) -> Answer:
    """Answer the repository's labels."""
    shapes, found = Shapes(call.world, call.api, call.web), call.repository
    return Answer([shapes.label(found, one) for one in found.labels], page="")


@route("POST", _LABELS)
def make_label(call: Call) -> Answer:
    """Make a label."""
    found, name = call.need("triage"), call.body["name"]
    if name in found.labels:
        raise Problem(422, "Validation Failed", [{"resource": "Label", "code": "already_exists", "field": "name"}])
    found.labels[name] = {"id": call.world.next_id(), **call.body}
    return Answer(Shapes(call.world, call.api, call.web).label(found, name), 201)


@route("GET", _LABELS + "/{name}")
def show_label(call: Call) -> Answer:
    """Answer a label."""
    found, name = call.repository, call.arguments["name"]
    if name not in found.labels:
        raise Problem(404, "Not Found")
    return Answer(Shapes(call.world, call.api, call.web).label(found, name))


def _add_labels(call: Call, repository: Repository, issue: Issue, given: list[Any]) -> None:
    for one in given:
        fields = as_object(one)
        name = str(fields["name"] if fields else one)
        repository.labels.setdefault(name, {"id": call.world.next_id()})
        if name not in issue.labels:
            issue.labels.append(name)
            shown = Shapes(call.world, call.api, call.web).label(repository, name)
            tell(call, repository, issue, "labeled", label=shown)


def _comment(call: Call) -> Json:
    found = call.repository.comments.get(int(call.arguments["comment_id"]))
    if found is None:
        raise Problem(404, "Not Found")
    return found


def _check_text(text: str | None) -> None:
    if text is not None and len(text) > MOST_TEXT:
        raise Problem(422, "Validation Failed", [{"resource": "Issue", "field": "body", "code": "custom"}])
