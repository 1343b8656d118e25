"""Check runs and commit statuses."""

from __future__ import annotations

from typing import Any

from bench.github_server.call import Answer, Call, Problem, route
from bench.github_server.shapes import Shapes
from bench.github_server.state import Json, Repository, now
from contracts.agent import as_object

_RUN = "/repos/{owner}/{repo}/check-runs/{check_run_id}"


@route("GET", "/repos/{owner}/{repo}/commits/{ref}/check-runs")
def list_checks(call: Call) -> Answer:
    """Answer the check runs of a commit; of those with one name the newest, unless all are asked for."""
    found = call.repository
    sha = _sha(call)
    runs = [one for one in found.checks.values() if one["head_sha"] == sha]
    if call.query.get("filter", "latest") == "latest":
        runs = list({one["name"]: one for one in runs}.values())
    if name := call.query.get("check_name"):
        runs = [one for one in runs if one["name"] == name]
    shapes = Shapes(call.world, call.api, call.web)
    return Answer({"total_count": len(runs), "check_runs": [shapes.check(one) for one in runs]}, page="check_runs")


@route("POST", "/repos/{owner}/{repo}/check-runs")
def start_check(call: Call) -> Answer:
    """Start a check run, or record one that has ended."""
    found, body = call.need("write"), call.body
    number = call.world.next_id()
    slug = call.login.removesuffix("[bot]") if call.login.endswith("[bot]") else "github-actions"
    check: Json = {
        "id": number,
        "slug": slug,
        "name": body["name"],
        "head_sha": body["head_sha"],
        "html_url": f"{call.web}/{found.full_name}/runs/{number}",
        "status": "completed" if body.get("conclusion") else body.get("status", "queued"),
        "conclusion": body.get("conclusion"),
        "output": _output(body),
        "started_at": now(),
        "completed_at": now() if body.get("conclusion") else None,
        "pull_requests": [],
    }
    found.checks[number] = check
    return Answer(_told(call, found, check, "created"), 201)


@route("PATCH", _RUN)
def change_check(call: Call) -> Answer:
    """Say how a check run goes on or ended."""
    found, check, body = call.need("write"), _check(call), call.body
    check |= {name: body[name] for name in ("status", "conclusion") if name in body}
    if body.get("conclusion"):
        check |= {"status": "completed", "completed_at": now()}
    if "output" in body:
        check["output"] = _output(body)
    return Answer(_told(call, found, check, "completed" if check["conclusion"] else "created"))


@route("GET", _RUN)
def show_check(call: Call) -> Answer:
    """Answer a check run."""
    return Answer(Shapes(call.world, call.api, call.web).check(_check(call)))


@route("GET", _RUN + "/annotations")
def list_annotations(call: Call) -> Answer:
    """Answer what a check run says about lines."""
    return Answer(_check(call)["output"]["annotations"], page="")


@route("GET", "/repos/{owner}/{repo}/actions/jobs/{job_id}/logs")
def find_log(call: Call) -> Answer:
    """Lead to the log of a job, whose id is that of its check run."""
    number = int(call.arguments["job_id"])
    if number not in call.repository.logs:
        raise Problem(404, "Not Found")
    return Answer(status=302, location=f"{call.web}/_logs/{call.repository.full_name}/{number}")


@route("GET", "/repos/{owner}/{repo}/commits/{ref}/status")
def show_status(call: Call) -> Answer:
    """Answer the newest status of each context, and all of them together."""
    found, sha = call.repository, _sha(call)
    latest = list({one["context"]: one for one in found.statuses if one["sha"] == sha}.values())
    states: set[str] = {one["state"] for one in latest}
    state = (
        "failure" if states & {"failure", "error"} else "pending" if "pending" in states or not states else "success"
    )
    shown: list[Json] = [{name: status[name] for name in status if name not in ("sha", "user")} for status in latest]
    repository = Shapes(call.world, call.api, call.web).repository(found)
    whole: Any = {"state": state, "sha": sha, "total_count": len(latest), "statuses": shown, "repository": repository}
    return Answer(whole, page="statuses")


@route("POST", "/repos/{owner}/{repo}/statuses/{sha}")
def set_status(call: Call) -> Answer:
    """Record a status of a commit."""
    found, body = call.need("write"), call.body
    status: Json = {
        "id": call.world.next_id(),
        "sha": call.arguments["sha"],
        "user": call.login,
        "state": body["state"],
        "context": body.get("context", "default"),
        "description": body.get("description"),
        "target_url": body.get("target_url"),
        "created_at": now(),
        "updated_at": now(),
    }
    found.statuses.append(status)
    creator = Shapes(call.world, call.api, call.web).user(call.login)
    shown: Json = {name: one for name, one in status.items() if name not in ("sha", "user")}
    author: Json = {"name": call.login, "email": f"{call.login}@example.org", "date": now()}
    commit: Json = {"sha": status["sha"], "commit": {"author": author, "committer": author}}
    whole: Json = {**shown, "sha": status["sha"], "name": found.full_name, "branches": [], "commit": commit}
    call.emit("status", "", whole)
    return Answer({**shown, "creator": creator}, 201)


def _told(call: Call, repository: Repository, check: Json, action: str) -> Json:
    shown = Shapes(call.world, call.api, call.web).check(check)
    suite = {"id": check["id"], "head_sha": check["head_sha"], "head_branch": _branch(repository, check["head_sha"])}
    call.emit("check_run", action, {"check_run": {**shown, "check_suite": suite}})
    if action == "completed":
        suite |= {"status": "completed", "conclusion": check["conclusion"], "app": shown["app"]}
        call.emit("check_suite", action, {"check_suite": suite})
    return shown


def _branch(repository: Repository, sha: str) -> str | None:
    names = repository.git.run("for-each-ref", "--points-at", sha, "--format=%(refname:strip=2)", "refs/heads").split()
    return names[0] if names else None


def _output(body: Json) -> Json:
    given = as_object(body.get("output")) or {}
    notes: list[Json] = [{"path": "", "start_line": 1, "end_line": 1, **one} for one in given.get("annotations", [])]
    shown = {name: given.get(name) for name in ("title", "summary", "text")}
    return {**shown, "annotations_count": len(notes), "annotations": notes}


def _sha(call: Call) -> str:
    sha = call.repository.git.commit_of(call.arguments["ref"])
    if not sha:
        raise Problem(422, f"No commit found for SHA: {call.arguments['ref']}")
    return sha


def _check(call: Call) -> Json:
    found = call.repository.checks.get(int(call.arguments["check_run_id"]))
    if found is None:
        raise Problem(404, "Not Found")
    return found
