"""Whether a service works, for the health check of its container: the exit code is 0 if it does.

Usage: `python -m deployments.health ADDRESS|prefect-services|NAME`. An address must answer with 200; Prefect's
background services must have given a sign of life to Redis; any other service must have touched its file of late.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

_SILENCE_SECONDS = 120.0
_ANSWER_SECONDS = 5.0


def sign(name: str) -> Path:
    """Return the file that a service touches as long as it works."""
    return Path(tempfile.gettempdir()) / f"delivery-{name}.alive"


def answers(address: str) -> bool:
    """Return whether an address answers with 200."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(address, timeout=_ANSWER_SECONDS) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False


def services_live(url: str) -> bool:
    """Return whether Prefect's background services gave a sign of life of late.

    Args:
        url: address of the Redis that they use, PREFECT_SERVER_DOCKET_URL.
    """
    from datetime import UTC, datetime, timedelta  # noqa: PLC0415 - the other checks shall not wait for these

    from docket import Docket  # noqa: PLC0415

    async def look() -> bool:
        async with Docket(name="prefect", url=url) as docket:
            oldest = datetime.now(UTC) - timedelta(seconds=_SILENCE_SECONDS)
            return any(worker.last_seen >= oldest for worker in await docket.workers())

    return asyncio.run(look())


def works(name: str) -> bool:
    """Return whether a service works; see the module."""
    if name.startswith("http"):
        return answers(name)
    if name == "prefect-services":
        return services_live(os.environ["PREFECT_SERVER_DOCKET_URL"])
    file = sign(name)
    return file.exists() and time.time() - file.stat().st_mtime < _SILENCE_SECONDS


if __name__ == "__main__":
    sys.exit(0 if works(sys.argv[1]) else 1)
