"""Settings of every test: no clock decides, a build's result is the same each time, and nobody speaks TLS."""

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings

from deployments.server import one_root

pytest_plugins = ["tests.installation"]

_ROOMS = ("unit", "e2e", "flows", "integration")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Unit tests before a thread of Prefect disturbs their timing, then the longest, so that none is left over."""
    here = Path(__file__).parent
    items.sort(key=lambda item: _ROOMS.index(item.path.relative_to(here).parts[0]))


settings.register_profile("delivery", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("delivery")

_ROOTS = tempfile.TemporaryDirectory()
os.environ["SSL_CERT_FILE"] = one_root(Path(_ROOTS.name))
"""One root certificate instead of all, also of those that a machine names."""
