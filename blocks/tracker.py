"""The tracker: where issues of work items live. Only the flow process holds its credential."""

from __future__ import annotations

from abc import abstractmethod

from prefect.blocks.core import Block

from contracts.tracker import Entry, IssueComment


class Tracker(Block):
    """Reaches issues by their addresses. Every write may be done again and leaves one issue, one comment, one end.

    Every method raises Misconfigured for an issue that is not there or not of this tracker, and Unavailable when the
    tracker does not answer.
    """

    _block_type_name = "Tracker"
    _block_type_slug = "tracker"

    @abstractmethod
    def check(self, repository: str) -> None:
        """Raise Misconfigured when no issue can be filed for work on a repository; no effect."""

    @abstractmethod
    def find(self, repository: str, mark: str, *, closed: bool = False) -> str | None:
        """Return the address of the newest issue for work on a repository that this credential filed with a mark.

        Args:
            repository: name of the work item's repository.
            mark: one of the entry's marks.
            closed: whether an issue that is closed counts as well.
        """

    @abstractmethod
    def file(self, repository: str, entry: Entry) -> str:
        """File an issue for work on a repository, and return its address; it is not looked up before."""

    @abstractmethod
    def update(self, issue: str, marker: str, text: str) -> None:
        """Write the issue's one comment that carries `marker`, or edit it in place."""

    @abstractmethod
    def conversation(self, issue: str) -> list[IssueComment]:
        """Return at least the newest 100 comments, the oldest first."""

    @abstractmethod
    def close(self, issue: str) -> None:
        """Close an issue as done; nothing to do when it is closed."""
