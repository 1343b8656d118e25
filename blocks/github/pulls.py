"""Pull requests on GitHub: found before they are opened, and one comment that is edited in place."""

from __future__ import annotations

import re
from typing import Literal
from urllib.parse import quote

from blocks.forge import PullRequest, PullRequestOptions
from blocks.github.client import GitHubClient, Json
from blocks.github.connection import Declined, NotFound
from contracts.agent import as_object
from contracts.errors import Refused
from contracts.mentions import quiet

MOST_TEXT = 65_536
"""Longest text that GitHub takes as a description or comment."""
MOST_TITLE = 256
"""Longest title that it takes."""
_CUT = "\n\n[cut, because GitHub takes no longer text]"
_READY = """
mutation Ready($id: ID!) {
  markPullRequestReadyForReview(input: {pullRequestId: $id}) { pullRequest { isDraft } }
}
"""


class GitHubPulls:
    """The pull requests of one repository.

    Args:
        client: GitHub as the block's credential sees it.
        repository: its full name; a former one is followed.
    """

    def __init__(self, client: GitHubClient, repository: str) -> None:
        self._client = client
        self._repository = repository

    @property
    def path(self) -> str:
        """Path of the repository."""
        return f"/repos/{self._repository}"

    def get(self, number: int) -> Json:
        """Return a pull request as GitHub shows it; to ask is what lets GitHub compute whether it can be merged.

        Raises:
            Refused: there is no such pull request.
        """
        try:
            return self._client.get(f"{self.path}/pulls/{number}")
        except NotFound as error:
            text = f"there is no pull request {number!r} in {self._repository!r}; open one for the branch"
            raise Refused(text, detail=error.detail) from None

    def newest(self, branch: str) -> Json | None:
        """Return the newest pull request of a branch of this repository, in any state, or none."""
        name = str(self._client.get(self.path)["full_name"])  # by a former owner GitHub would find nothing
        head = f"{name.partition('/')[0]}:{branch}"
        order = {"state": "all", "sort": "created", "direction": "desc"}
        found = self._client.get(f"{self.path}/pulls", head=head, per_page=30, **order)
        return next((one for one in found if _is_of(one, name, branch)), None)

    def open(
        self, branches: tuple[str, str], title: str, body: str, options: PullRequestOptions, labels: list[str]
    ) -> Json:
        """Return the branch's pull request, opened now unless one exists in any state; then give it its labels.

        Args:
            branches: the branch, and the base that it goes to.
            title: one line.
            body: Markdown.
            options: how it is opened.
            labels: labels that it must have.

        Raises:
            Refused: the branch has no commit that the base lacks, or is not there.
        """
        branch, base = branches
        wanted: Json = {"title": quiet(title)[:MOST_TITLE], "head": branch, "base": base, "draft": options.draft}
        found = self.newest(branch) or self._create({**wanted, "body": self._text(body, options)})
        absent = sorted(set(labels) - {one["name"] for one in found["labels"]})
        if absent:
            self._client.send("POST", f"{self.path}/issues/{found['number']}/labels", {"labels": absent})
        return found

    def _create(self, wanted: Json) -> Json:
        branch, base = wanted["head"], wanted["base"]
        try:
            return self._client.send("POST", f"{self.path}/pulls", wanted)
        except Declined as error:
            if wanted["draft"] and "draft" in error.said.lower():
                return self._create({**wanted, "draft": False})
            if "already exists" in error.said and (found := self.newest(branch)):
                return found
            if "No commits between" in error.said:
                text = f"the branch {branch!r} has no commit that {base!r} lacks; there is nothing to merge"
                raise Refused(text, detail=error.detail) from None
            raise

    def _text(self, body: str, options: PullRequestOptions) -> str:
        """The description; only what the flow itself closes stands in it as a closing keyword."""
        closing = f"\n\nCloses {self._issue(options.closes)}" if options.closes else ""
        return cut(quiet(body), MOST_TEXT - len(closing)) + closing

    def _issue(self, address: str) -> str:
        """An issue as GitHub's keyword names it."""
        found = re.fullmatch(rf"{re.escape(self._client.web)}/([\w.-]+/[\w.-]+)/issues/(\d+)", address)
        if found is None:
            return quiet(address)
        return f"#{found[2]}" if found[1].lower() == self._repository.lower() else f"{found[1]}#{found[2]}"

    def mark_ready(self, number: int) -> None:
        """End a pull request's being a draft; nothing to do when it is none or is not open."""
        found = self.get(number)
        if found.get("draft") and found["state"] == "open":
            self._client.graphql(_READY, id=found["node_id"])

    def comment(self, number: int, marker: str, body: str) -> None:
        """Write the one comment of this credential that begins with `marker`, or edit it in place."""
        text = f"{marker}\n{quiet(body)}"
        text = cut(text, MOST_TEXT)
        own = self._client.login()
        comments = self._client.pages(f"{self.path}/issues/{number}/comments")
        found = next((one for one in comments if is_by(one, own) and str(one["body"]).startswith(marker)), None)
        if found is None:
            self._client.send("POST", f"{self.path}/issues/{number}/comments", {"body": text})
        elif found["body"] != text:
            self._client.send("PATCH", f"{self.path}/issues/comments/{found['id']}", {"body": text})

    def delete_branch(self, branch: str) -> None:
        """Delete a branch; nothing to do if it is gone."""
        try:
            self._client.send("DELETE", f"{self.path}/git/refs/heads/{quote(branch)}")
        except NotFound:
            return
        except Declined as error:
            if "does not exist" not in error.said:
                raise


def shown(pull: Json) -> PullRequest:
    """Return a pull request as the project knows it."""
    state: Literal["open", "merged", "closed"] = (
        "merged" if pull["merged_at"] else "closed" if pull["state"] == "closed" else "open"
    )
    return PullRequest(
        number=pull["number"],
        url=pull["html_url"],
        branch=pull["head"]["ref"],
        base=pull["base"]["ref"],
        head=pull["head"]["sha"],
        state=state,
        draft=bool(pull.get("draft")),
        # until it is merged, this is a commit that GitHub made to try it
        merge_commit=(pull["merge_commit_sha"] or "") if state == "merged" else "",
    )


def cut(text: str, most: int) -> str:
    """Return a text of at most `most` characters, with a line that says so when something was left out."""
    return text if len(text) <= most else text[: most - len(_CUT)] + _CUT


def _is_of(pull: Json, repository: str, branch: str) -> bool:
    """Whether a pull request is of this branch here; a filter that GitHub does not understand filters nothing."""
    home = pull["head"]["repo"]
    return pull["head"]["ref"] == branch and (home is None or home["full_name"].lower() == repository.lower())


def is_by(thing: Json, login: str) -> bool:
    """Return whether an issue or a comment is by an account; by a program, where the credential tells no name."""
    user: Json = as_object(thing["user"]) or {}
    return user.get("login") == login if login else user.get("type") == "Bot"
