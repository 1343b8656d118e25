"""A real engine for the whole session, slim images in it, and sandboxes that leave nothing behind."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable, Generator
from typing import Any

import pytest

from bench.docker_engine import build_images, docker_engine
from blocks.docker_container import FOLDER, INSTALLATION
from blocks.docker_engine import Engine
from blocks.docker_sandbox import DockerSandbox

Make = Callable[..., DockerSandbox]


@pytest.fixture(scope="session")
def engine() -> Generator[str]:
    """Give the address of an engine with the slim images; a machine without one fails the tests."""
    with docker_engine() as address:
        build_images(address, "egress", "tests")
        yield address


@pytest.fixture
def make(engine: str) -> Generator[Make]:
    """Give a maker of sandboxes of one installation; its containers are removed after the test."""
    installation = f"test-{secrets.token_hex(4)}"

    def sandbox(**fields: Any) -> DockerSandbox:
        given = {"image": "prefect-delivery-tests", "network": "none", "engine": engine, "installation": installation}
        return DockerSandbox.model_validate(given | fields)

    yield sandbox
    here = Engine(engine)
    left = here.containers({INSTALLATION: installation})
    for seen in left:
        here.remove(seen.name)
        shutil.rmtree(seen.labels[FOLDER], ignore_errors=True)


@pytest.fixture
def sandbox(make: Make) -> DockerSandbox:
    """Give a sandbox without a network."""
    return make()
