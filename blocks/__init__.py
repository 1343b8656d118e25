"""Connections to the world, configured in the Prefect UI. Importing this package registers every block type."""

from blocks.chat_agent import ChatAgent
from blocks.claude_code_agent import ClaudeCodeAgent
from blocks.codex_agent import CodexAgent
from blocks.command_agent import CommandAgent
from blocks.delivery_policy import DeliveryPolicy
from blocks.docker_sandbox import DockerSandbox
from blocks.gemini_agent import GeminiAgent
from blocks.github_forge import GitHubForge
from blocks.github_issues import GitHubIssues
from blocks.journal import Journal
from blocks.ledger import Ledger
from blocks.local_forge import LocalForge
from blocks.local_sandbox import LocalSandbox
from blocks.log_channel import LogChannel
from blocks.mini_swe_agent import MiniSweAgent
from blocks.open_code_agent import OpenCodeAgent
from blocks.scripted_agent import ScriptedAgent
from blocks.slack_channel import SlackChannel

__all__ = [
    "ChatAgent",
    "ClaudeCodeAgent",
    "CodexAgent",
    "CommandAgent",
    "DeliveryPolicy",
    "DockerSandbox",
    "GeminiAgent",
    "GitHubForge",
    "GitHubIssues",
    "Journal",
    "Ledger",
    "LocalForge",
    "LocalSandbox",
    "LogChannel",
    "MiniSweAgent",
    "OpenCodeAgent",
    "ScriptedAgent",
    "SlackChannel",
]
