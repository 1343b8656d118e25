"""Connections to the world, configured in the Prefect UI. Importing this package registers every block type."""

from blocks.command_agent import CommandAgent
from blocks.delivery_policy import DeliveryPolicy
from blocks.journal import Journal
from blocks.ledger import Ledger
from blocks.local_forge import LocalForge
from blocks.local_sandbox import LocalSandbox
from blocks.log_channel import LogChannel
from blocks.scripted_agent import ScriptedAgent

__all__ = [
    "CommandAgent",
    "DeliveryPolicy",
    "Journal",
    "Ledger",
    "LocalForge",
    "LocalSandbox",
    "LogChannel",
    "ScriptedAgent",
]
