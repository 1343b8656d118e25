"""The channel: where people are told what happened to a run and what is asked of them."""

from __future__ import annotations

from abc import abstractmethod

from prefect.blocks.core import Block

from contracts.message import Message


class Channel(Block):
    """Tells people what happened. A message is sent once for its key, however often it is posted."""

    _block_type_name = "Channel"
    _block_type_slug = "channel"

    @abstractmethod
    def post(self, message: Message) -> str:
        """Send a message and return its reference; one whose key was posted before is not sent again.

        Raises:
            Unavailable: the channel did not take it; the same call may work later.
        """

    @abstractmethod
    def edit(self, reference: str, message: Message) -> None:
        """Let a sent message say something else; nothing to do when it says so already.

        Args:
            reference: what `post` returned.
            message: what it says from now on.

        Raises:
            Unavailable: the channel did not take it; the same call may work later.
        """

    @abstractmethod
    def find(self, key: str) -> str | None:
        """Return the reference of the message that was posted under a key, or none.

        Raises:
            Unavailable: the channel did not answer.
        """
