"""The policy as a block, so that it can be seen and changed in the Prefect UI."""

from __future__ import annotations

from prefect.blocks.core import Block
from pydantic import Field

from contracts.policy import Policy


class DeliveryPolicy(Block):
    """Who does what, within which limits, and what may merge."""

    _block_type_name = "Delivery Policy"
    _block_type_slug = "delivery-policy"
    _description = "Who does what, within which limits, and what may merge by itself."

    policy: Policy = Field(default_factory=Policy, description="The rules that runs obey.")
