"""GitHub and GitHub Enterprise Server as the forge."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from pydantic import Field

from blocks.forge import PLAIN, PREFIX, Forge, Mergeability, PullRequest, PullRequestOptions, check_delivery
from blocks.github import checks, git, reviews
from blocks.github.client import GitHubClient, Json, client_of
from blocks.github.connection import GitHubConnection, NotFound
from blocks.github.merging import GitHubMerging, Method
from blocks.github.pulls import GitHubPulls, shown
from contracts.ci import Check
from contracts.errors import DeliveryError, Misconfigured
from contracts.pull_review import Review

_SWITCHES = {"merge": "allow_merge_commit", "squash": "allow_squash_merge", "rebase": "allow_rebase_merge"}


class GitHubForge(GitHubConnection, Forge):
    """Reaches repositories on GitHub with the token of a person or a bot, or as a GitHub App.

    The credential needs to read and write contents and pull requests, and to read checks, commit statuses, issues'
    comments and, for what a red check printed, actions.
    """

    _block_type_name = "GitHub Forge"
    _block_type_slug = "github-forge"
    _description = "Reaches repositories, pull requests, reviews and checks on GitHub or a GitHub Enterprise Server."

    merge_method: Method = Field(default="merge", description="How a pull request becomes part of its base.")
    drafts: bool = Field(default=True, description="Whether a pull request is a draft until its checks are green.")
    labels: list[str] = Field(default=[], description="Labels of every pull request that is opened.")
    delete_merged: bool = Field(default=True, description="Whether a branch is deleted as soon as it is merged.")
    queue_minutes: float = Field(
        default=30,
        ge=0,
        le=1_440,
        description="Longest wait for a merge queue; then the run ends without the merge.",
    )

    def check_repository(self, repository: str, base: str) -> None:
        """Raise Misconfigured when the repository cannot be used, its base is absent, or the merge method is not on."""
        client = self._client(repository)
        try:
            found: Json = client.get(f"/repos/{repository}")
        except NotFound as error:
            text = f"GitHub shows no repository {repository!r}; correct its name, or let the credential see it"
            raise NotFound(text, detail=error.detail) from None
        if found.get("archived") or found.get("disabled"):
            raise Misconfigured(f"the repository {repository!r} is archived or disabled; make it writable")
        if found.get("permissions", {}).get("push") is False:
            raise Misconfigured(f"the credential may not push to {repository!r}; give it write access to contents")
        if found.get(_SWITCHES[self.merge_method]) is False:
            allowed = ", ".join(name for name, switch in _SWITCHES.items() if found.get(switch)) or "none"
            text = f"the repository {repository!r} does not allow the merge method {self.merge_method!r}"
            raise Misconfigured(f"{text}; allowed: {allowed}")
        if client.find(f"/repos/{repository}/branches/{checks.part(base)}") is None:
            raise Misconfigured(f"the repository {repository!r} has no branch {base!r}; push it, or choose another one")

    def fetch(self, repository: str, directory: Path) -> None:
        """Bring all branches to `refs/remotes/origin/*` of the bare repository at `directory`, and drop gone ones."""
        git.fetch(self._client(repository), repository, directory)

    def push(self, repository: str, directory: Path, branch: str, commit: str) -> None:
        """Put `commit` at the tip of a delivery branch; see `Forge.push`."""
        check_delivery(branch)
        git.push(self._client(repository), repository, directory, branch, commit)

    def find_pull_request(self, repository: str, branch: str) -> PullRequest | None:
        """Return the newest pull request of a branch, in any state, or none."""
        found = self._pulls(repository).newest(branch)
        return None if found is None else shown(found)

    def open_pull_request(
        self, repository: str, branch: str, base: str, title: str, body: str, options: PullRequestOptions = PLAIN
    ) -> PullRequest:
        """Return the branch's pull request, opened now unless one exists; a draft only where `drafts` allows it."""
        options = options.model_copy(update={"draft": options.draft and self.drafts})
        return shown(self._pulls(repository).open((branch, base), title, body, options, self.labels))

    def mark_ready(self, repository: str, number: int) -> None:
        """End a pull request's being a draft; nothing to do when it is none."""
        self._pulls(repository).mark_ready(number)

    def comment(self, repository: str, number: int, marker: str, body: str) -> None:
        """Write the pull request's one comment that carries `marker`, or edit it in place."""
        self._pulls(repository).comment(number, marker, body)

    def checks(self, repository: str, commit: str) -> list[Check]:
        """Return the check runs and commit statuses of a commit, by name."""
        return checks.checks(self._client(repository), repository, commit)

    def required_checks(self, repository: str, base: str) -> list[str]:
        """Return the names of the checks that protection and rulesets of a branch require."""
        return checks.required(self._client(repository), repository, base)

    def reviews(self, repository: str, number: int) -> list[Review]:
        """Return the reviews of a pull request, the oldest first, with their comments that are not resolved."""
        return reviews.reviews(self._client(repository), repository, number)

    def mergeability(self, repository: str, number: int) -> Mergeability:
        """Return whether the pull request can be merged now; `blocked` also while a person's change request stands."""
        return self._merging(repository).mergeability(number)

    def merge(self, repository: str, number: int, head: str, message: str) -> PullRequest:
        """Merge the pull request, or have the merge queue do it, and see that the base holds it; see `Forge.merge`."""
        merged = self._merging(repository).merge(number, head, message)
        if self.delete_merged and merged.branch.startswith(PREFIX):
            with suppress(DeliveryError):  # it is merged all the same; a branch that is left over harms nobody
                self._pulls(repository).delete_branch(merged.branch)
        return merged

    def delete_branch(self, repository: str, branch: str) -> None:
        """Delete a delivery branch; nothing to do if it is gone."""
        check_delivery(branch)
        self._pulls(repository).delete_branch(branch)

    def _client(self, repository: str) -> GitHubClient:
        return client_of(self, repository)

    def _pulls(self, repository: str) -> GitHubPulls:
        return GitHubPulls(self._client(repository), repository)

    def _merging(self, repository: str) -> GitHubMerging:
        return GitHubMerging(self._client(repository), repository, self.merge_method, self.queue_minutes * 60)
