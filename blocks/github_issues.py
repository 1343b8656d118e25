"""Issues on GitHub and GitHub Enterprise Server as the tracker."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from pydantic import Field

from blocks.github.client import GitHubClient, Json, client_of
from blocks.github.connection import GitHubConnection
from blocks.github.pulls import MOST_TEXT, MOST_TITLE, GitHubPulls, cut, is_by
from blocks.github.reviews import INSIDERS
from blocks.tracker import Tracker
from contracts.agent import as_object
from contracts.errors import Misconfigured
from contracts.mentions import quiet
from contracts.tracker import Entry, IssueComment, is_own

_PAGE = 100
_MOST_PAGES = 10
"""An issue that is looked for is among the newest 1,000; in a crash's wake it is the newest one."""
_FULL_NAME = re.compile(r"[\w.-]+/[\w.-]+")


class _Issue(NamedTuple):
    """An issue where it is now, which need not be where it was filed."""

    client: GitHubClient
    repository: str
    shown: Json

    @property
    def path(self) -> str:
        return f"/repos/{self.repository}/issues/{self.shown['number']}"


class GitHubIssues(GitHubConnection, Tracker):
    """Reaches issues on GitHub with the token of a person or a bot, or as a GitHub App.

    The credential needs to read and write issues.
    """

    _block_type_name = "GitHub Issues"
    _block_type_slug = "github-issues"
    _description = "Files, reads, comments and closes issues on GitHub or a GitHub Enterprise Server."

    repository: str = Field(
        default="",
        pattern=rf"^({_FULL_NAME.pattern})?$",
        description="Full name of the repository that issues are filed in; empty: the one that the work is on.",
    )
    labels: list[str] = Field(
        default=[], description="Labels of every issue that is filed; none of them may be one that starts a run."
    )

    def check(self, repository: str) -> None:
        """Raise Misconfigured when no issue can be filed for work on a repository."""
        client, name = self._place(repository)
        found: Json | None = client.find(f"/repos/{name}")
        if found is None:
            raise Misconfigured(f"GitHub shows no repository {name!r}; correct its name, or let the credential see it")
        if found.get("archived") or found.get("has_issues") is False:
            raise Misconfigured(f"no issue can be filed in {name!r}; turn its issues on, or name another repository")

    def find(self, repository: str, mark: str, *, closed: bool = False) -> str | None:
        """Return the address of the newest of this credential's issues with a mark; see `Tracker.find`."""
        client, name = self._place(repository)
        own, state = client.login(), "all" if closed else "open"
        for page in range(1, _MOST_PAGES + 1):
            order = {"state": state, "sort": "created", "direction": "desc"}
            issues: list[Json] = client.get(f"/repos/{name}/issues", per_page=_PAGE, page=page, **order)
            for one in issues:
                if "pull_request" not in one and is_by(one, own) and mark in (one["body"] or ""):
                    return str(one["html_url"])
            if len(issues) < _PAGE:
                break
        return None

    def file(self, repository: str, entry: Entry) -> str:
        """File an issue and return its address; what its text says calls nobody and closes nothing."""
        client, name = self._place(repository)
        marks = "\n\n" + "\n".join(entry.marks)
        text = cut(quiet(entry.text), MOST_TEXT - len(marks)) + marks
        wanted: Json = {"title": quiet(entry.title)[:MOST_TITLE], "body": text, "labels": self.labels}
        return str(client.send("POST", f"/repos/{name}/issues", wanted)["html_url"])

    def update(self, issue: str, marker: str, text: str) -> None:
        """Write the one comment of this credential that begins with `marker`, or edit it in place."""
        found = self._look(issue)
        GitHubPulls(found.client, found.repository).comment(found.shown["number"], marker, text)

    def conversation(self, issue: str) -> list[IssueComment]:
        """Return the newest 100 to 200 comments, the oldest first."""
        found = self._look(issue)
        last = max(-(-int(found.shown["comments"]) // _PAGE), 1)
        comments: list[Json] = []
        for page in range(max(last - 1, 1), last + 1):
            comments += found.client.get(f"{found.path}/comments", per_page=_PAGE, page=page)
        return [_comment(one, found.client.login(), _login(found.shown)) for one in comments]

    def close(self, issue: str) -> None:
        """Close an issue as completed; nothing to do when it is closed, for instance by a merge."""
        found = self._look(issue)
        if found.shown["state"] == "open":
            found.client.send("PATCH", found.path, {"state": "closed", "state_reason": "completed"})

    def _place(self, repository: str) -> tuple[GitHubClient, str]:
        name = self.repository or repository
        if not _FULL_NAME.fullmatch(name):
            raise Misconfigured(f"{name!r} is no repository of GitHub; name one, owner/name, in the tracker's block")
        return client_of(self, name), name

    def _look(self, issue: str) -> _Issue:
        named = re.fullmatch(rf"{re.escape(self.web)}/({_FULL_NAME.pattern})/issues/(\d+)", issue)
        if named is None:
            raise Misconfigured(
                f"{issue!r} is no issue of {self.web!r}; name its tracker in the policy, or correct the item's link"
            )
        shown: Json = client_of(self, named[1]).get(f"/repos/{named[1]}/issues/{named[2]}")
        present = re.search(rf"/repos/({_FULL_NAME.pattern})/issues/\d+$", str(shown["url"]))
        name = present[1] if present else named[1]
        return _Issue(client_of(self, name), name, shown)


def _comment(comment: Json, own: str, reporter: str) -> IssueComment:
    user: Json = as_object(comment["user"]) or {}
    login, text = _login(comment), str(comment["body"] or "")
    program = user.get("type") != "User" or bool(comment.get("performed_via_github_app"))
    return IssueComment(
        author=login,
        bot=program or login == own or is_own(text),
        insider=login == reporter or comment["author_association"] in INSIDERS,
        at=comment["created_at"],
        text=text,
    )


def _login(thing: Json) -> str:
    """Whose it is; empty: of an account that is gone."""
    user: Any = as_object(thing["user"]) or {}
    return str(user.get("login", ""))
