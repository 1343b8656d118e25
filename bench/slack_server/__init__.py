"""Slack on this machine: Web API, Socket Mode and signed requests, with people who press, write and submit."""

from bench.slack_server.people import Person
from bench.slack_server.server import SlackServer
from bench.slack_server.trouble import Drop, Fail, Limit
from bench.slack_server.workspace import Workspace

__all__ = ["Drop", "Fail", "Limit", "Person", "SlackServer", "Workspace"]
