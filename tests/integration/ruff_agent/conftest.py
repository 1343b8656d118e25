"""A repository with debts in its sources, its tests and the code of others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.ruff_agent.site import DEBTS, Site, make_site


@pytest.fixture
def make(tmp_path: Path) -> Callable[[dict[str, str]], Site]:
    return lambda files: make_site(tmp_path / "checkout", files)


@pytest.fixture
def site(make: Callable[[dict[str, str]], Site]) -> Site:
    places = ("shop/area.py", "tests/test_area.py", "conftest.py", "setup.py", "shop/_vendor/area.py")
    return make(dict.fromkeys(places, DEBTS))
