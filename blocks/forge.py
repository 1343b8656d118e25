"""The forge: where repositories, pull requests and checks live. Only the flow process holds its credential."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import Literal

from prefect.blocks.core import Block
from pydantic import BaseModel, ConfigDict, Field

from contracts.ci import Check
from contracts.errors import Refused
from contracts.pull_review import Review

PREFIX = "delivery/"
"""Every branch that a run may replace or delete starts with it."""


class PullRequest(BaseModel):
    """A pull request as the forge shows it now."""

    model_config = ConfigDict(frozen=True)

    number: int = Field(description="Its number in the repository.")
    url: str = Field(description="Where a person looks at it.")
    branch: str = Field(description="The branch with the change.")
    base: str = Field(description="The branch that it goes to.")
    head: str = Field(description="Commit at the tip of the branch.")
    state: Literal["open", "merged", "closed"] = Field(description="Its state.")
    merge_commit: str = Field(default="", description="The commit that merged it, when it is merged.")
    draft: bool = Field(default=False, description="Whether it is not to be looked at yet.")


class PullRequestOptions(BaseModel):
    """How a pull request is opened; a forge leaves out what it does not know."""

    model_config = ConfigDict(frozen=True)

    draft: bool = Field(default=False, description="Opened as a draft, until `mark_ready`.")
    closes: str = Field(default="", description="Address of the issue that the merge closes; empty: none.")


PLAIN = PullRequestOptions()
"""Ready at once, and closes nothing."""


class Mergeability(BaseModel):
    """Whether base and head go together; `unknown` while the forge is still computing."""

    model_config = ConfigDict(frozen=True)

    state: Literal["clean", "conflicted", "unknown", "blocked"] = Field(
        description="blocked: the forge will not merge."
    )
    conflicts: list[str] = Field(default_factory=list, description="Conflicted paths.")
    reason: str = Field(default="", description="Why it is blocked, in one sentence.")


class Forge(Block):
    """Reaches repositories, pull requests and checks. Every write looks for its own earlier effect first."""

    _block_type_name = "Forge"
    _block_type_slug = "forge"

    @abstractmethod
    def check_repository(self, repository: str, base: str) -> None:
        """Raise Misconfigured when the repository, or its base branch, does not exist or cannot be used; no effect."""

    @abstractmethod
    def fetch(self, repository: str, directory: Path) -> None:
        """Bring all branches of the repository to `refs/remotes/origin/*` of the bare repository at `directory`.

        Raises:
            Unavailable: the forge did not answer.
        """

    @abstractmethod
    def push(self, repository: str, directory: Path, branch: str, commit: str) -> None:
        """Put `commit` of the bare repository at `directory` at the tip of `branch`; nothing to do if it is there.

        The branch belongs to the run, so its tip is replaced whatever it was.

        Raises:
            Refused: `branch` is not a delivery branch (does not start with `delivery/`).
        """

    @abstractmethod
    def find_pull_request(self, repository: str, branch: str) -> PullRequest | None:
        """Return the newest pull request of a branch, in any state, or none."""

    @abstractmethod
    def open_pull_request(
        self, repository: str, branch: str, base: str, title: str, body: str, options: PullRequestOptions = PLAIN
    ) -> PullRequest:
        """Return the branch's pull request, opened now unless one exists in any state, then as it is.

        Raises:
            Refused: the branch has no commit that the base lacks.
        """

    def mark_ready(self, repository: str, number: int) -> None:
        """End a pull request's being a draft; nothing to do when it is none."""

    @abstractmethod
    def comment(self, repository: str, number: int, marker: str, body: str) -> None:
        """Write the pull request's one comment that carries `marker`, or edit it in place."""

    @abstractmethod
    def checks(self, repository: str, commit: str) -> list[Check]:
        """Return the checks of a commit in the order of their names."""

    def required_checks(self, repository: str, base: str) -> list[str]:
        """Return the names of the checks that the forge requires before anything is merged into `base`."""
        return []

    def reviews(self, repository: str, number: int) -> list[Review]:
        """Return the reviews of a pull request, the oldest first; none where the forge has no reviews."""
        return []

    @abstractmethod
    def mergeability(self, repository: str, number: int) -> Mergeability:
        """Return whether the pull request can be merged now."""

    @abstractmethod
    def merge(self, repository: str, number: int, head: str, message: str) -> PullRequest:
        """Merge the pull request if its head is still `head`, verify that the base holds it, and return it merged.

        A pull request that is merged already is returned as it is.

        Raises:
            Refused: the head moved, the pull request is closed, or it conflicts.
            Unavailable: the merge could not be verified.
        """

    @abstractmethod
    def delete_branch(self, repository: str, branch: str) -> None:
        """Delete a delivery branch; nothing to do if it is gone."""


def check_delivery(branch: str) -> None:
    """Raise Refused when a branch is not a run's own, so that nobody else's is ever replaced or deleted."""
    if not branch.startswith(PREFIX):
        raise Refused(f"{branch!r} is not a delivery branch; use a name that starts with {PREFIX!r}")
