"""Addresses in the Prefect UI that people are sent to."""

from __future__ import annotations

from prefect.settings import get_current_settings


def run_page(run: str) -> str:
    """Return the address of a flow run's page, or an empty text where there is no server with pages."""
    return _page(f"runs/flow-run/{run}")


def artifact_page(artifact: str) -> str:
    """Return the address of the page of an artifact's id, or an empty text where there is no server with pages."""
    return _page(f"artifacts/artifact/{artifact}")


def _page(path: str) -> str:
    settings = get_current_settings()
    home = settings.ui_url or (settings.api.url or "").removesuffix("/api")
    return f"{home}/{path}" if home else ""
