"""A GitHub on this machine that keeps state and is checked against GitHub's own descriptions of its interfaces."""

from bench.github_server.faults import Fault, primary, secondary
from bench.github_server.hooks import Delivery, Hook
from bench.github_server.server import GitHubServer
from bench.github_server.state import App, Repository, World

__all__ = ["App", "Delivery", "Fault", "GitHubServer", "Hook", "Repository", "World", "primary", "secondary"]
