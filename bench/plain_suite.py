"""A suite that loads none of the plugins that this project's own tests need: it starts in a fifth of the time."""

from __future__ import annotations

from importlib.metadata import entry_points

from contracts.policy import SuitePolicy

_PLUGINS = [f"-pno:{name}" for name in sorted({plugin.name for plugin in entry_points(group="pytest11")})]
_COMMAND = [*SuitePolicy().command, *_PLUGINS]
PLAIN_SUITE = SuitePolicy(command=_COMMAND, single=[*_COMMAND, "-k", "{test}"])
"""The default suite of a policy, for repositories that use no plugin and sandboxes that have this interpreter."""
