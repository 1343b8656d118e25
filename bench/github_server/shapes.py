"""How things look in answers and webhooks; what the description requires beyond it is added to an answer."""

from __future__ import annotations

from urllib.parse import quote

from bench.github_server.state import Issue, Json, Pull, Repository, User, World


class Shapes:
    """Shows things.

    Args:
        world: where they are.
        api: address of the REST interface.
        web: address that people open.
    """

    def __init__(self, world: World, api: str, web: str) -> None:
        self._world, self._api, self._web = world, api, web

    def user(self, user: User | str) -> Json:
        """Return a user."""
        one = self._world.user(user) if isinstance(user, str) else user
        url, page = f"{self._api}/users/{quote(one.login)}", f"{self._web}/{quote(one.login)}"
        return {"login": one.login, "id": one.id, "type": one.type, "url": url, "html_url": page}

    def repository(self, repository: Repository, rank: str = "") -> Json:
        """Return a repository; with a permission of the caller: what it may do there."""
        web = f"{self._web}/{repository.full_name}"
        shown: Json = {
            "id": repository.id,
            "node_id": f"R_{repository.id}",
            "name": repository.name,
            "full_name": repository.full_name,
            "owner": self.user(repository.owner),
            "private": repository.private,
            "archived": repository.archived,
            "has_issues": repository.has_issues,
            "disabled": False,
            "fork": False,
            "default_branch": "main",
            "html_url": web,
            "clone_url": f"{web}.git",
            "url": f"{self._api}/repos/{repository.full_name}",
        }
        if rank:
            ranks = ("read", "triage", "write", "maintain", "admin")
            names = ("pull", "triage", "push", "maintain", "admin")
            shown["permissions"] = {name: ranks.index(rank) >= place for place, name in enumerate(names)}
        if rank in ("write", "maintain", "admin"):
            methods = {"merge": "allow_merge_commit", "squash": "allow_squash_merge", "rebase": "allow_rebase_merge"}
            shown |= {key: name in repository.methods for name, key in methods.items()}
            shown["delete_branch_on_merge"] = repository.delete_branch_on_merge
        return shown

    def label(self, repository: Repository, name: str) -> Json:
        """Return a label."""
        made = {"name": name, "color": "ededed", "description": "", "default": False, **repository.labels[name]}
        return {**made, "url": f"{self._api}/repos/{repository.full_name}/labels/{quote(name)}"}

    def issue(self, repository: Repository, issue: Issue) -> Json:
        """Return an issue."""
        url = f"{self._api}/repos/{repository.full_name}/issues/{issue.number}"
        part = "pull" if issue.number in repository.pulls else "issues"
        pull = {"pull_request": {"url": url.replace("/issues/", "/pulls/")}} if part == "pull" else {}
        fields = ("id", "number", "title", "body", "state", "state_reason", "created_at", "updated_at", "closed_at")
        return {
            **{name: getattr(issue, name) for name in fields},
            "node_id": f"I_{issue.id}",
            "user": self.user(issue.user),
            "closed_by": self.user(issue.closed_by) if issue.closed_by else None,
            "labels": [self.label(repository, name) for name in issue.labels],
            "comments": len(issue.comments),
            "url": url,
            "html_url": f"{self._web}/{repository.full_name}/{part}/{issue.number}",
            "assignees": [],
            **pull,
        }

    def comment(self, comment: Json) -> Json:
        """Return a comment on an issue or a pull request."""
        return {**comment, "user": self.user(comment["user"])}

    def pull(self, repository: Repository, pull: Pull) -> Json:
        """Return a pull request, without what only a look at it alone computes."""
        issue = self.issue(repository, pull.issue)
        del issue["pull_request"], issue["state_reason"], issue["closed_by"]
        return {
            **issue,
            "node_id": f"PR_{pull.issue.id}",
            "url": f"{self._api}/repos/{repository.full_name}/pulls/{pull.issue.number}",
            "draft": pull.draft,
            "merged_at": pull.merged_at,
            "merge_commit_sha": pull.merge_commit,
            "head": self._side(repository, pull.head, pull.head_sha),
            "base": self._side(repository, pull.base, repository.tip(pull.base)),
            "auto_merge": None,
            "comments": len(pull.issue.comments),
        }

    def _side(self, repository: Repository, branch: str, sha: str) -> Json:
        shown = self.repository(repository)
        return {
            "label": f"{repository.owner}:{branch}",
            "ref": branch,
            "sha": sha,
            "user": shown["owner"],
            "repo": shown,
        }

    def full_pull(self, repository: Repository, pull: Pull, mergeable: bool | None, state: str) -> Json:
        """Return a pull request as a look at it alone shows it."""
        merged = {
            "merged": pull.merged_at is not None,
            "merged_by": self.user(pull.merged_by) if pull.merged_by else None,
        }
        return {**self.pull(repository, pull), **merged, "mergeable": mergeable, "mergeable_state": state}

    def review(self, repository: Repository, pull: Pull, review: Json) -> Json:
        """Return a review."""
        page = f"{self._web}/{repository.full_name}/pull/{pull.issue.number}"
        kept = {name: one for name, one in review.items() if name != "resolved"}
        url = f"{self._api}/repos/{repository.full_name}/pulls/{pull.issue.number}"
        return {**kept, "user": self.user(review["user"]), "html_url": page, "pull_request_url": url}

    def check(self, check: Json) -> Json:
        """Return a check run."""
        kept = {name: one for name, one in check.items() if name != "slug"}
        return {**kept, "app": {"id": 1, "slug": check["slug"], "name": check["slug"]}}
