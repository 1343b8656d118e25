"""Settings of every test: no clock decides, a build's result is the same each time, and nobody speaks TLS."""

import os
import tempfile
from pathlib import Path

import certifi
import pytest
from hypothesis import settings

pytest_plugins = ["tests.installation"]

_ROOMS = ("unit", "e2e", "flows", "integration")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Unit tests before a thread of Prefect disturbs their timing, then the longest, so that none is left over."""
    here = Path(__file__).parent
    items.sort(key=lambda item: _ROOMS.index(item.path.relative_to(here).parts[0]))


settings.register_profile("delivery", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("delivery")

_END = "-----END CERTIFICATE-----\n"
_ROOT = tempfile.NamedTemporaryFile("w", suffix=".pem")  # noqa: SIM115 - it is there as long as the tests run
_ROOT.write(Path(certifi.where()).read_text().partition(_END)[0] + _END)
_ROOT.flush()
os.environ["SSL_CERT_FILE"] = _ROOT.name
"""One root certificate instead of all, also of those that a machine names: each client loads them, in 20 ms."""
