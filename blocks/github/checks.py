"""What GitHub knows of a commit: check runs and commit statuses, and which of them a branch requires."""

from __future__ import annotations

import re
from typing import Any, Literal
from urllib.parse import quote

from blocks.github.client import GitHubClient, Json
from contracts.agent import as_object
from contracts.ci import PASSING, Check
from contracts.errors import DeliveryError, Misconfigured

_MOST_SUMMARY = 4_000
_MOST_READ = 10
"""Of so many red checks at most it is read what they printed."""
_STATES: dict[str, str] = {"success": "success", "failure": "failure", "error": "failure"}
_NOT_IN_PLAN = "Upgrade to GitHub"
"""What GitHub says, with 403, of a private repository whose plan has no rules: there can be none."""
_TIMES = re.compile(r"^\ufeff?\d{4}-\d\d-\d\dT[\d:.]+Z ", re.MULTILINE)


def checks(client: GitHubClient, repository: str, commit: str) -> list[Check]:
    """Return the newest check run of each name and the newest status of each context, by name."""
    path = f"/repos/{repository}/commits/{commit}"
    runs = client.pages(f"{path}/check-runs", "check_runs", filter="latest")
    red = [one["id"] for one in runs if _is_red(one)][:_MOST_READ]
    found = [_of_run(one, _printed(client, repository, one) if one["id"] in red else "") for one in runs]
    found += [_of_status(one) for one in client.pages(f"{path}/status", "statuses")]
    return sorted(found, key=lambda one: one.name)


def required(client: GitHubClient, repository: str, base: str) -> list[str]:
    """Return the names of the checks that protection and rulesets of a branch require, by name."""
    branch = client.find(f"/repos/{repository}/branches/{part(base)}")
    demanded = _inner(_inner(branch, "protection"), "required_status_checks")
    several: list[Json] = demanded.get("checks") or []
    names: set[str] = {*demanded.get("contexts", []), *(str(one["context"]) for one in several)}
    for rule in rules(client, repository, base):
        if rule["type"] == "required_status_checks":
            names |= {one["context"] for one in rule["parameters"]["required_status_checks"]}
    return sorted(names)


def rules(client: GitHubClient, repository: str, base: str) -> list[Json]:
    """Return the rules of rulesets that hold for a branch; none where server or plan know no rulesets."""
    path = f"/repos/{repository}/rules/branches/{part(base)}"
    try:
        return client.find(path, per_page=100) or []
    except Misconfigured as error:
        if _NOT_IN_PLAN in error.message:
            return []
        raise


def _inner(value: Any, name: str) -> Json:
    """An object in an object; an empty one where either is missing."""
    return as_object((as_object(value) or {}).get(name)) or {}


def part(name: str) -> str:
    """Return a name as one part of a path; branches hold slashes."""
    return quote(name, safe="")


def _is_red(run: Json) -> bool:
    return run["status"] == "completed" and run["conclusion"] not in PASSING


def _of_run(run: Json, printed: str) -> Check:
    status: Literal["queued", "in_progress", "completed"] = "queued"
    if run["status"] in ("in_progress", "completed"):
        status = run["status"]
    url = run["html_url"] or run["details_url"] or ""
    return Check(name=run["name"], status=status, conclusion=run["conclusion"] or "", summary=printed, url=url)


def _of_status(status: Json) -> Check:
    conclusion = _STATES.get(status["state"], "")
    return Check(
        name=status["context"],
        status="completed" if conclusion else "in_progress",
        conclusion=conclusion,
        summary=status["description"] or "",
        url=status["target_url"] or "",
    )


def _printed(client: GitHubClient, repository: str, run: Json) -> str:
    """What a red check says: its own words, its notes on lines, and the end of its log."""
    output = _inner(run, "output")
    words = [output.get(name) or "" for name in ("title", "summary", "text")]
    notes = _notes(client, repository, run) if output.get("annotations_count") else ""
    log = _log(client, repository, run) if _inner(run, "app").get("slug") == "github-actions" else ""
    text = "\n".join(part.strip() for part in (*words, notes) if part.strip())[:_MOST_SUMMARY]
    room = _MOST_SUMMARY - len(text)
    return f"{text}\n{log[-room:] if room else ''}".strip()


def _notes(client: GitHubClient, repository: str, run: Json) -> str:
    try:
        found: list[Json] = client.get(f"/repos/{repository}/check-runs/{run['id']}/annotations", per_page=30)
    except DeliveryError:  # what a check printed only helps; that it is red is known without
        return ""
    return "\n".join(f"{one['path']}:{one['start_line']}: {one['message'] or ''}" for one in found)


def _log(client: GitHubClient, repository: str, run: Json) -> str:
    """The log of a job of GitHub Actions, whose id is that of its check run."""
    try:
        return _TIMES.sub("", client.text(f"/repos/{repository}/actions/jobs/{run['id']}/logs"))
    except DeliveryError:
        return ""
