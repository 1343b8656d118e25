"""A local forge, over a bare repository or over a person's own clone."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.local_forge.site import (
    Site,
    make_site,
)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return make_site(tmp_path, bare=True)


@pytest.fixture
def clone(tmp_path: Path) -> Site:
    """The repository is a person's own clone with main checked out."""
    (tmp_path / "clone").mkdir()
    return make_site(tmp_path / "clone", bare=False)
